"""The count of a day, by a worker: once a day for every tenant, and what was counted before stays as the trend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account, ConflictState, FieldConflict, SourceAlarm
from hub.ingest.sources.alarms import watched
from hub.registry.schedules import Schedule, schedules
from hub.rules.patience import OutOfPatienceError, patience
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import register_queue, wake
from metrics.quality.lacking import lacking_counts
from metrics.quality.models import QualityDay
from metrics.quality.parts import Counts, parts_of, score_of

QUEUE: Final = "quality"
# Tenants whose day has begun are looked for; a day that is counted is not counted again.
EVERY: Final = timedelta(minutes=15)
DAYS: Final = 7
PATIENCE: Final = 20.0
SHOWN: Final = 50


def backlog() -> datetime | None:
    """Now while the tenant's day has not been counted, else None."""
    today = today_of(current_tenant())
    return None if QualityDay.objects.filter(day=today).exists() or not Account.objects.exists() else timezone.now()


def look(slot: datetime) -> None:
    """Wake the queue of every tenant whose day has begun and is not counted."""
    for tenant in Tenant.objects.filter(is_active=True).iterator():
        with tenant_context(tenant):
            if backlog() is not None:
                wake(QUEUE)


def register() -> None:
    register_queue(QUEUE, drain=drain, backlog=backlog, lane="maintenance")
    schedules.register(Schedule("data-quality", EVERY, look))


def drain(tenant_id: UUID) -> datetime:
    """Count the tenant's day; returns when its next one begins."""
    tenant = Tenant.objects.get(pk=tenant_id)
    today = today_of(tenant)
    with tenant_context(tenant):
        quality_count(today)
    return datetime.combine(today + timedelta(days=1), time(), tenant.zone)


@transaction.atomic
def quality_count(today: date) -> QualityDay:
    """Count the parts of a day and keep them; a day that was counted is counted anew. Thirteen queries at most."""
    counts, lacking = counted()
    parts = parts_of(counts)
    row = QualityDay(day=today, score=score_of(parts), counts=counts.stored(), lacking=lacking, **parts)
    kept = [*parts, "score", "counts", "lacking", "computed_at"]
    QualityDay.objects.bulk_create([row], update_conflicts=True, unique_fields=["tenant", "day"], update_fields=kept)
    found: QualityDay = QualityDay.objects.get(day=today)
    return found


def latest_score() -> int | None:
    """The figure of the latest day that was counted; None without one. One query."""
    found: int | None = QualityDay.objects.order_by("-day").values_list("score", flat=True).first()
    return found


def counted() -> tuple[Counts, dict[str, int]]:
    """What the parts are made of now, and how many accounts lack what."""
    alarms = SourceAlarm.objects.filter(cleared_at__isnull=True).count()
    sources = len(watched(timezone.now()))
    conflicting = FieldConflict.objects.filter(state=ConflictState.OPEN).order_by()
    paying, incomplete, lacking = lacking_counts()
    events, unmatched = _events()
    counts = Counts(
        sources=max(sources, alarms),
        alarms=alarms,
        events=events,
        unmatched=unmatched,
        accounts=Account.objects.count(),
        conflicting=conflicting.values("account_id").distinct().count(),
        paying=paying,
        incomplete=incomplete,
    )
    return counts, lacking


def _events() -> tuple[int | None, int]:
    """Events of the last seven days, and those that belong to no account; None when counting takes too long."""
    try:
        with patience(PATIENCE), connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), count(*) FILTER (WHERE account_id IS NULL) FROM usage_event"
                " WHERE tenant_id = %s AND day >= %s AND kind IN ('track', 'page', 'screen')",
                [current_tenant_id(), _since()],
            )
            events, unmatched = cursor.fetchone()
    except OutOfPatienceError:
        return None, 0
    return events, unmatched


def _since() -> date:
    # Events belong to their UTC day.
    return timezone.now().date() - timedelta(days=DAYS - 1)


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody whose events belong to no account, by the ids that the events name; how many, and the latest."""

    user_key: str
    group_key: str
    source: str
    events: int
    latest: datetime


def strangers() -> list[Stranger] | None:
    """Whose events of the last seven days belong to no account, most first; None when it takes too long. One query."""
    try:
        with patience(2.0), connection.cursor() as cursor:
            cursor.execute(
                "SELECT user_key, group_key, min(source), count(*), max(occurred_at) FROM usage_event"
                " WHERE tenant_id = %s AND day >= %s AND account_id IS NULL AND kind IN ('track', 'page', 'screen')"
                " GROUP BY user_key, group_key ORDER BY count(*) DESC, user_key, group_key LIMIT %s",
                [current_tenant_id(), _since(), SHOWN],
            )
            return [Stranger(*row) for row in cursor.fetchall()]
    except OutOfPatienceError:
        return None
