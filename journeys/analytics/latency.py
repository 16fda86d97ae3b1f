"""How soon signals are acted on: from the moment a signal is recorded to the first step of the journey it begins.

The figure is measured, never sampled: every signal that a journey has taken within the period counts. Signals that a
storm held are left out, since a person decided when they went on; what rules hold back (quiet hours, caps) comes after
the first step and is not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from hub.people.audit import Actor, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

# The product's promise: the next action within seconds of a signal.
PROMISED: Final = 5
LEAST: Final = 1
MOST: Final = 3_600
LISTED: Final = 50

_ACTED: Final = """
WITH acted AS (
    SELECT s.id AS signal_id, s.account_id, s.sentence, s.recorded_at, d.chosen_id, d.enrollment_id, t.name AS trigger,
        coalesce(
            (SELECT min(r.started_at) FROM journeys_steprun r
                WHERE r.tenant_id = d.tenant_id AND r.enrollment_id = d.enrollment_id),
            CASE WHEN e.visit = 1 THEN e.rests_since END
        ) AS at,
        e.status
    FROM journeys_decision d
    JOIN signals_signal s ON s.tenant_id = d.tenant_id AND s.id = d.signal_id AND s.storm_id IS NULL
    JOIN signals_trigger t ON t.tenant_id = s.tenant_id AND t.id = s.trigger_id
    JOIN journeys_enrollment e ON e.tenant_id = d.tenant_id AND e.id = d.enrollment_id
    WHERE d.tenant_id = %(tenant)s AND d.at >= %(since)s AND d.outcome = 'entered'
), timed AS (
    SELECT *, extract(epoch FROM greatest(coalesce(at, %(now)s) - recorded_at, interval '0'))::float8 AS seconds
    FROM acted WHERE at IS NOT NULL OR status = 'active'
)
"""
# One round trip: a line for all of it and one for each journey, NULL first.
_SUMMARY: Final = (
    _ACTED
    + """
SELECT chosen_id, count(*), percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds),
    max(seconds), count(*) FILTER (WHERE seconds > %(limit)s)
FROM timed GROUP BY GROUPING SETS ((), (chosen_id)) ORDER BY chosen_id NULLS FIRST
"""
)
_BREACHES: Final = (
    _ACTED
    + """
SELECT signal_id, account_id, chosen_id, sentence, trigger, recorded_at, at, seconds FROM timed
WHERE seconds > %(limit)s ORDER BY recorded_at DESC, signal_id DESC LIMIT %(most)s
"""
)


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from signal to first step over so many signals; `late` took longer than the limit."""

    signals: int
    p50: float
    p95: float
    p99: float
    worst: float
    late: int

    @property
    def in_time(self) -> float:
        """The share within the limit, 0 to 1."""
        return 1 - self.late / self.signals


@dataclass(frozen=True, slots=True)
class Breach:
    """A signal that was acted on later than the limit, or still is not: then `at` is None."""

    signal_id: UUID
    account_id: UUID
    journey_id: UUID
    sentence: str
    trigger: str
    recorded_at: datetime
    at: datetime | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Published:
    """The published figure: over everything (None: no signal began a journey), and by journey."""

    whole: Latency | None
    journeys: Mapping[UUID, Latency]
    limit: int


def limit_of(settings: Mapping[str, Any]) -> int:
    """Seconds within which a signal should be acted on (``Tenant.settings["journeys"]["act_within"]``)."""
    found = (settings.get("journeys") or {}).get("act_within", PROMISED)
    return found if type(found) is int and LEAST <= found <= MOST else PROMISED


@transaction.atomic
def limit_set(*, tenant: Tenant, seconds: int, actor: Actor) -> None:
    """Change within how many seconds a signal should be acted on; raises ValueError outside 1 to 3,600."""
    if not LEAST <= seconds <= MOST:
        raise ValueError(f"between {LEAST} and {MOST} seconds")
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = limit_of(row.settings)
    row.settings = {**row.settings, "journeys": {**(row.settings.get("journeys") or {}), "act_within": seconds}}
    row.save(update_fields=["settings"])
    tenant.settings = row.settings
    audit(actor, "journeys.act_within", None, act_within=[before, seconds])


def published(*, since: datetime, now: datetime, limit: int) -> Published:
    """The figure over the signals that were taken since then. One statement."""
    rows = _ask(_SUMMARY, since=since, now=now, limit=limit)
    # Nothing at all still makes a line for everything.
    found = {row[0]: _latency(*row[1:]) for row in rows if row[1]}
    return Published(found.pop(None, None), found, limit)


def _latency(signals: int, percentiles: Sequence[float], worst: float, late: int) -> Latency:
    p50, p95, p99 = percentiles
    return Latency(signals, p50, p95, p99, worst, late)


def breaches(*, since: datetime, now: datetime, limit: int, most: int = LISTED) -> list[Breach]:
    """Signals that took longer than the limit, the latest first. One statement."""
    rows = _ask(_BREACHES, since=since, now=now, limit=limit, most=most)
    return [
        Breach(signal, account, journey, sentence, trigger, recorded, at, seconds)
        for signal, account, journey, sentence, trigger, recorded, at, seconds in rows
    ]


def _ask(sql: str, **values: Any) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": current_tenant_id(), **values})
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows
