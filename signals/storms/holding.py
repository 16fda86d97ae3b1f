"""Holding back signals that come in a storm, inside the transaction of the evaluation that made them.

Two evaluations that make signals of one trigger at once pass one after the other from here on, by an advisory lock that
lasts until they commit: each counts what the other let out. So within a window never more go out than the limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F

from hub.people.audit import SYSTEM, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.remembering import current_tenant
from hub.tenancy.statements import ask
from signals import outgoing
from signals.models import Signal, SignalStatus, Storm, StormStatus
from signals.storms.limits import StormLimits, storm_limits

LOCK: Final = "SELECT pg_advisory_xact_lock(k) FROM (SELECT unnest(%s::bigint[]) AS k) keys"
# What went out since the window began, and since somebody last decided about a storm of the trigger.
STANDING: Final = """
SELECT t.id, h.id, (
    SELECT count(*) FROM signals_signal u
    WHERE u.tenant_id = t.tenant_id AND u.trigger_id = t.id AND u.status NOT IN ('held', 'dropped')
      AND u.storm_id IS NULL AND u.recorded_at > greatest(%s::timestamptz, (
        SELECT max(d.decided_at) FROM signals_storm d WHERE d.tenant_id = t.tenant_id AND d.trigger_id = t.id))
)
FROM signals_trigger t
LEFT JOIN signals_storm h ON h.tenant_id = t.tenant_id AND h.trigger_id = t.id AND h.status = 'holding'
WHERE t.tenant_id = %s AND t.id = ANY(%s::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a trigger: the storm that holds it now, and how many signals went out within the window."""

    storm_id: UUID | None
    recent: int


def hold_storms(signals: Sequence[Signal]) -> set[UUID]:
    """Hold those of the signals that are more than their trigger may let out; returns their ids.

    They are stored already, by one evaluation; of each trigger they are counted in the order given.
    """
    limits, now = storm_limits(current_tenant().settings), signals[0].recorded_at
    by_trigger: dict[UUID, list[Signal]] = defaultdict(list)
    for signal in signals:
        by_trigger[signal.trigger_id].append(signal)
    held: set[UUID] = set()
    for trigger_id, standing in _standing(sorted(by_trigger), now - timedelta(minutes=limits.minutes)).items():
        held |= _hold(by_trigger[trigger_id], standing, limits, now)
    return held


def triggers_lock(trigger_ids: Iterable[UUID]) -> None:
    """Let nobody else hold or let out signals of these triggers until the transaction ends."""
    # Always in one order, or two evaluations could wait for each other.
    keys = sorted((trigger_id.int ^ current_tenant_id().int) % 2**63 for trigger_id in trigger_ids)
    ask(LOCK, [keys])


def _standing(trigger_ids: Sequence[UUID], since: datetime) -> dict[UUID, Standing]:
    triggers_lock(trigger_ids)
    # A statement of its own: it sees what those who held the lock before have committed.
    found = ask(STANDING, [since, current_tenant_id(), list(trigger_ids)])
    return {trigger_id: Standing(storm_id, recent) for trigger_id, storm_id, recent in found}


def _hold(own: Sequence[Signal], standing: Standing, limits: StormLimits, now: datetime) -> set[UUID]:
    if standing.storm_id is not None:
        storm_id, beyond = standing.storm_id, list(own)
    else:
        limit = limits.of(standing.recent)
        if standing.recent <= limit:
            return set()
        beyond = list(own)[-(standing.recent - limit) :]
        storm_id = _begin(own[0], limit, limits.minutes, now)
    held = {signal.pk for signal in beyond}
    Signal.objects.filter(pk__in=held).update(status=SignalStatus.HELD, storm_id=storm_id)
    Storm.objects.filter(pk=storm_id).update(held=F("held") + len(held))
    return held


def _begin(signal: Signal, limit: int, minutes: int, now: datetime) -> UUID:
    storm: Storm = Storm.objects.create(
        trigger_id=signal.trigger_id, began_at=now, limit=limit, window_minutes=minutes, status=StormStatus.HOLDING
    )
    audit(SYSTEM, "storm.begin", storm, trigger=str(signal.trigger_id), limit=limit)
    outgoing.storm_began(storm)
    storm_id: UUID = storm.pk
    return storm_id
