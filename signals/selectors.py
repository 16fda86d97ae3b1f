from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils import timezone

from hub.tenancy.models import Tenant
from signals.models import UNTOLD, Signal, SignalStatus, Trigger, urgency

# What a row of a list names.
ROW = ("account", "trigger", "closed_by", "assignee", "acknowledged_by")
URGENCY = urgency()


def signals_list(
    *, status: str = "", severity: str = "", family: str = "", account_id: UUID | None = None
) -> QuerySet[Signal]:
    """Signals with account and trigger, newest first, narrowed by what is given."""
    signals = Signal.objects.select_related(*ROW)
    if status:
        signals = signals.filter(status=status)
    if severity:
        signals = signals.filter(severity=severity)
    if family:
        signals = signals.filter(trigger__family=family)
    if account_id:
        signals = signals.filter(account_id=account_id)
    ordered: QuerySet[Signal] = signals.order_by("-recorded_at", "-id")
    return ordered


def account_signals(account_id: UUID) -> QuerySet[Signal]:
    """What was told about an account, newest first; not what a storm holds."""
    return signals_list(account_id=account_id).exclude(status__in=UNTOLD)


def signals_assigned(user_id: UUID) -> QuerySet[Signal]:
    """Open signals that a person is to look at, most severe first; what is snoozed is left out."""
    found = signals_list(status=SignalStatus.OPEN).filter(assignee_id=user_id, snoozed_until__isnull=True)
    ordered: QuerySet[Signal] = found.order_by(URGENCY, "-recorded_at", "-id")
    return ordered


def signals_since_yesterday(tenant: Tenant, *, owner_id: UUID | None = None, limit: int = 12) -> list[Signal]:
    """Open signals recorded since the start of the tenant's yesterday, most severe first; of an owner's accounts."""
    return list(_since_yesterday(tenant, owner_id).order_by(URGENCY, "-recorded_at", "-id")[:limit])


def severities_since_yesterday(tenant: Tenant, *, owner_id: UUID | None = None) -> list[tuple[str, int]]:
    """How many of them there are of each severity that occurs, most severe first. One query."""
    counted = _since_yesterday(tenant, owner_id).order_by(URGENCY).values_list("severity").annotate(n=Count("pk"))
    return list(counted)


def _since_yesterday(tenant: Tenant, owner_id: UUID | None) -> QuerySet[Signal]:
    start_of_today = timezone.localtime(timezone.now(), tenant.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    recent = signals_list(status=SignalStatus.OPEN).filter(
        recorded_at__gte=start_of_today - timedelta(days=1), snoozed_until__isnull=True
    )
    return recent if owner_id is None else recent.filter(account__owner_id=owner_id)


def trigger_names() -> dict[str, str]:
    """The names of the tenant's triggers by their keys, in the order of the names. One query."""
    return dict(Trigger.objects.order_by("name", "key").values_list("key", "name"))
