"""How journeys react to changed facts and new signals, inside the transaction of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from hub.people.audit import SYSTEM
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake
from journeys.engine import JOURNEYS, after_leaving, leave_if_over, store_positions
from journeys.entries import Entering
from journeys.models import Decision, Enrollment, EnrollmentStatus
from journeys.services import journeys_install
from journeys.waits import due_at, parse_wait
from journeys.world import World
from signals.models import Signal


def on_tenant_made(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    """A new tenant begins with the ready journeys, which listen to its triggers."""
    journeys_install(actor=SYSTEM)


def on_facts_changed(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Goals and exits first, then the open waits whose zone has changed."""
    inside = list(
        Enrollment.objects.select_related("journey")
        .filter(account_id__in=list(account_ids), status=EnrollmentStatus.ACTIVE)
        .order_by("account_id", "id")
    )
    if not inside:
        return
    world = World(Tenant.objects.get(pk=tenant_id), sorted({e.account_id for e in inside}), timezone.now())
    changed = [e for e in inside if leave_if_over(world, e) or retime(world, e)]
    moved = store_positions([(e, e.visit) for e in changed])
    after_leaving([e for e in changed if e.pk in moved])


def retime(world: World, enrollment: Enrollment) -> bool:
    """Compute a wait's end again when the account's zone has become another; True when it moved."""
    zone = world.zone(enrollment.account_id)
    wait = enrollment.wait
    if enrollment.port or not wait.get("rule") or wait.get("zone") == zone.key:
        return False
    since = datetime.fromisoformat(wait["since"])
    enrollment.due_at = due_at(parse_wait(wait["rule"]), since, zone, world.calendar)
    enrollment.wait = {**wait, "zone": zone.key}
    wake(JOURNEYS, due_at=enrollment.due_at)
    return True


def on_signals_recorded(tenant_id: UUID, signal_ids: Sequence[UUID]) -> None:
    """Accounts that wait for a signal go on; then journeys are entered. A signal that was seen before does nothing."""
    known = set(Decision.objects.filter(signal_id__in=list(signal_ids)).values_list("signal_id", flat=True))
    signals = list(
        Signal.objects.select_related("trigger")
        .filter(pk__in=set(signal_ids) - known)
        .order_by("account_id", "occurred_at", "id")
    )
    if not signals:
        return
    now = timezone.now()
    world = World(Tenant.objects.get(pk=tenant_id), sorted({s.account_id for s in signals}), now)
    entering = Entering(world, resume_waits(signals, now))
    for signal in signals:
        entering.decide(signal)
    entering.store()
    if entering.enrollments or entering.resumed:
        wake(JOURNEYS)


def resume_waits(signals: Sequence[Signal], now: datetime) -> dict[UUID, UUID]:
    """Let accounts that wait for one of these signals go on; the first signal counts. Signal id → enrollment id."""
    waiting = Enrollment.objects.filter(
        account_id__in={signal.account_id for signal in signals}, status=EnrollmentStatus.ACTIVE, port=""
    ).exclude(awaits="")
    by_wish = {(e.account_id, e.awaits): e for e in waiting}
    resumed: dict[UUID, UUID] = {}
    moved = []
    for signal in signals:
        enrollment = by_wish.pop((signal.account_id, signal.trigger.key), None)
        if enrollment is None:
            continue
        enrollment.port, enrollment.due_at = "next", now
        enrollment.wait = {**enrollment.wait, "signal": str(signal.pk)}
        moved.append((enrollment, enrollment.visit))
        resumed[signal.pk] = enrollment.pk
    store_positions(moved)
    return resumed
