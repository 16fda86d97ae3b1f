"""Sources that went quiet or fail: one episode each, told once, cleared by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.template.loader import render_to_string
from django.utils import timezone

from hub.accounts.models import SourceAlarm
from hub.ingest.connectors.selectors import Connection, connections
from hub.ingest.connectors.selectors import alarms as connection_alarms
from hub.ingest.models import DeliveryState, DoorVolume, HookDelivery, ImportRun
from hub.ingest.sources.rhythm import is_quiet, quiet_after
from hub.people.models import Credential
from hub.people.permissions import allowed
from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell
from hub.registry.panels import TodayPanel, today_panels
from hub.registry.schedules import Schedule, schedules
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.wake import register_queue, wake

QUEUE: Final = "watch-sources"
EVERY: Final = timedelta(minutes=15)
# Deliveries from which a rhythm is learned.
LAST: Final = 50
SINCE: Final = timedelta(days=120)
RAISED, CLEARED = "source.alarm_raised", "source.alarm_cleared"
DATA: Final = ("kind", "source", "reason", "last_at")
KINDS: Final = {"key": "Write key", "connection": "Connection", "import": "Import"}


@dataclass(frozen=True)
class Watched:
    """A source with the times of its last deliveries; `failing` says what is wrong with it now."""

    kind: str
    key: str
    label: str
    times: Sequence[datetime]
    failing: str = ""

    def reason(self, now: datetime) -> str:
        """Why somebody should look; "" when nobody has to."""
        if self.failing:
            return self.failing[:300]
        limit = quiet_after(self.times)
        if limit is None or not is_quiet(self.times, now):
            return ""
        return f"nothing came for {_span(now - max(self.times))}; it never took longer than {_span(limit)} to be normal"


def _span(gap: timedelta) -> str:
    hours = round(gap.total_seconds() / 3600)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"


def watched(now: datetime) -> list[Watched]:
    """Every live source of the tenant in context. Six queries."""
    return [*_keys(now), *_connections(now), *_imports(now)]


def _keys(now: datetime) -> list[Watched]:
    live = Credential.objects.filter(tenant_id=current_tenant_id(), revoked_at__isnull=True)
    names = dict(live.values_list("pk", "name"))
    times: dict[UUID, list[datetime]] = defaultdict(list)
    volumes = DoorVolume.objects.filter(hour__gte=now - timedelta(days=14), credential_id__in=names)
    for pk, at in volumes.values_list("credential_id", "last_at"):
        times[pk].append(at)
    return [Watched("key", str(pk), names[pk], found) for pk, found in times.items()]


def _connections(now: datetime) -> list[Watched]:
    recent = Window(RowNumber(), partition_by=F("endpoint_id"), order_by=F("received_at").desc())
    good = HookDelivery.objects.exclude(state=DeliveryState.REFUSED).filter(received_at__gte=now - SINCE)
    rows = good.annotate(place=recent).filter(place__lte=LAST).values_list("endpoint_id", "received_at")
    times: dict[UUID, list[datetime]] = defaultdict(list)
    for pk, at in rows:
        times[pk].append(at)
    return [
        Watched("connection", str(entry.endpoint.pk), entry.endpoint.label, times[entry.endpoint.pk], _failing(entry))
        for entry in connections(now)
        if entry.endpoint.revoked_at is None
    ]


def _failing(entry: Connection) -> str:
    if entry.trouble:
        return entry.trouble
    if entry.stopped:
        return f"it is read no more: {entry.stopped}"
    return f"its calls are answered 401: {entry.endpoint.refused_why}" if entry.failing else ""


def _imports(now: datetime) -> list[Watched]:
    done = ImportRun.objects.filter(status=ImportRun.Status.DONE, started_at__gte=now - 3 * SINCE)
    times: dict[str, list[datetime]] = defaultdict(list)
    for name, at in done.exclude(mapping="").order_by("-started_at").values_list("mapping", "started_at")[:1000]:
        times[name].append(at)
    return [Watched("import", name, name, found[:LAST]) for name, found in times.items()]


# --- Raising and clearing -----------------------------------------------------------------------------------------


def alarms_settle(now: datetime) -> None:
    """Raise what has gone wrong, once per episode, and clear what goes well again."""
    wrong = {(entry.kind, entry.key): entry for entry in watched(now) if entry.reason(now)}
    open_ones = {(row.kind, row.key): row for row in SourceAlarm.objects.filter(cleared_at__isnull=True)}
    for place, row in open_ones.items():
        if place not in wrong:
            row.cleared_at = now
            row.save(update_fields=["cleared_at"])
            _tell(CLEARED, row)
    for place, entry in wrong.items():
        if place not in open_ones:
            row = SourceAlarm(
                kind=entry.kind,
                key=entry.key,
                label=entry.label[:200],
                reason=entry.reason(now)[:300],
                last_at=max(entry.times, default=None),
                raised_at=now,
            )
            # Another worker may have raised it at this moment.
            SourceAlarm.objects.bulk_create([row], ignore_conflicts=True)
            if SourceAlarm.objects.filter(pk=row.pk).exists():
                _tell(RAISED, row)


def _tell(kind: str, row: SourceAlarm) -> None:
    data = {
        "kind": row.kind,
        "source": row.label,
        "reason": row.reason,
        "last_at": row.last_at.isoformat() if row.last_at else None,
    }
    tell(kind, lambda: [Happening(str(row.pk), data, row.cleared_at or row.raised_at)])


def open_alarms() -> list[SourceAlarm]:
    """What is wrong now, the oldest first. One query."""
    return list(SourceAlarm.objects.filter(cleared_at__isnull=True).order_by("raised_at", "id"))


def drain(tenant_id: UUID) -> None:
    with tenant_context(tenant_id):
        alarms_settle(timezone.now())


def _watch(slot: datetime) -> None:
    for tenant in Tenant.objects.filter(is_active=True).iterator():
        with tenant_context(tenant):
            wake(QUEUE)


def _today(request: Any) -> str | None:
    """What has gone quiet or fails, for those who can mend it."""
    alarms = open_alarms()
    if any(alarm.kind == "connection" for alarm in alarms) and allowed(request.membership.role, "sources.edit"):
        # Those are listed with the connections already.
        shown = {str(entry.endpoint.pk) for entry in connection_alarms(timezone.now())}
        alarms = [alarm for alarm in alarms if alarm.key not in shown]
    context = {"alarms": alarms, "tenant": request.tenant}
    return render_to_string("sources/_alarms_panel.html", context, request) if alarms else None


def register() -> None:
    register_queue(QUEUE, drain=drain, backlog=lambda: None, lane="bulk")
    schedules.register(Schedule("watch-sources", EVERY, _watch))
    today_panels.register(TodayPanel("sources", "Sources that stopped", 14, "imports.run", _today))
    outgoing_kinds.register(OutgoingKind(RAISED, "A source has gone quiet, or its calls are refused.", DATA, 90))
    outgoing_kinds.register(OutgoingKind(CLEARED, "A source that was quiet or failing speaks again.", DATA, 91))
