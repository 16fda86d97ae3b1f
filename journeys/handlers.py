"""How journeys react to changed facts and new signals, inside the transaction of the evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from hub.people.audit import SYSTEM
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake
from hub.usage.store import events_since
from journeys.awaiting import Wish, wishes_stored
from journeys.engine import JOURNEYS, after_leaving, leave_if_over
from journeys.entries import Entering, listening, of_signal
from journeys.models import Decision, Enrollment, EnrollmentStatus
from journeys.services import journeys_install
from journeys.storing import store_positions
from journeys.waits import date_of
from journeys.world import World
from signals.models import Signal


def on_tenant_made(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    """A new tenant begins with the ready journeys, which listen to its triggers."""
    journeys_install(actor=SYSTEM)


def on_facts_changed(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Goals and exits first, then the open waits: for events that came, and by clocks and days that have changed."""
    inside = _inside(accounts=list(account_ids))
    if not inside:
        return
    world = World(current_tenant(), sorted({e.account_id for e in inside}), timezone.now())
    for enrollment in inside:
        # One that is newer than what this batch keeps is asked for when it is needed.
        if journey := world.journeys.get(enrollment.journey_id):
            enrollment.journey = journey
    going = [e for e in inside if not leave_if_over(world, e)]
    resumed = {e.pk for e in resume_by_events(going, world.now)}
    left = {e.pk for e in inside} - {e.pk for e in going}
    changed = [e for e in inside if e.pk in left or e.pk in resumed or retime(world, e)]
    moved = store_positions([(e, e.visit) for e in changed])
    if resumed:
        wake(JOURNEYS)
    after_leaving([e for e in changed if e.pk in moved])


@Prepared[Enrollment]
def _inside(the: Places) -> Any:
    active = Enrollment.objects.filter(account_id__in=the.uuids("accounts"), status=EnrollmentStatus.ACTIVE)
    return active.order_by("account_id", "id")


def retime(world: World, enrollment: Enrollment) -> bool:
    """Compute a wait's end again when the account's zone or the day that it waits for has become another; True when so.

    A day that has gone missing keeps the account where it is until the day is back.
    """
    wait, rule = enrollment.wait, enrollment.wait.get("rule")
    if enrollment.port or not rule:
        return False
    zone, fact = world.zone(enrollment.account_id).key, date_of(rule)
    day = str(world.day_of(enrollment.account_id, fact) or "") if fact else wait.get("day", "")
    if wait.get("zone") == zone and wait.get("day", "") == day:
        return False
    enrollment.due_at = world.until(enrollment.account_id, rule, datetime.fromisoformat(wait["since"]))
    until = enrollment.due_at and enrollment.due_at.isoformat()
    enrollment.wait = {**wait, "zone": zone, "until": until, **({"day": day} if fact else {})}
    if enrollment.due_at:
        wake(JOURNEYS, due_at=enrollment.due_at)
    return True


def resume_by_events(inside: Sequence[Enrollment], now: datetime) -> list[Enrollment]:
    """Let accounts that wait for an event by its name go on if it has come since; returns those that do."""
    waiting = {e.pk: _events_of(e) for e in inside if e.awaits and not e.port}
    names = sorted({wish.key for wishes in waiting.values() for wish in wishes})
    if not names:
        return []
    resting = [e for e in inside if waiting.get(e.pk)]
    since = min(e.rests_since or now for e in resting)
    came = events_since(sorted({e.account_id for e in resting}), names, since)
    return [enrollment for enrollment in resting if _take(enrollment, waiting[enrollment.pk], came, now)]


def _events_of(enrollment: Enrollment) -> list[Wish]:
    return [wish for wish in wishes_stored(enrollment.wait, enrollment.awaits) if wish.what == "event"]


def _take(
    enrollment: Enrollment, wishes: Sequence[Wish], came: Sequence[tuple[UUID, str, datetime]], now: datetime
) -> bool:
    ports = {wish.key: wish.port for wish in wishes}
    for account_id, name, at in came:
        # What happened before it came to rest was looked at then.
        if account_id == enrollment.account_id and name in ports and at >= (enrollment.rests_since or now):
            enrollment.port, enrollment.due_at = ports[name], now
            enrollment.wait = {**enrollment.wait, "event": name, "at": at.isoformat()}
            return True
    return False


def on_signals_recorded(tenant_id: UUID, signal_ids: Sequence[UUID]) -> None:
    """Accounts that wait for a signal go on; then journeys are entered. A signal that was seen before does nothing."""
    known = set(_decided(signals=list(signal_ids)))
    signals = _new(signals=list(set(signal_ids) - known))
    if not signals:
        return
    now = timezone.now()
    world = World(current_tenant(), sorted({s.account_id for s in signals}), now)
    entering = Entering(world, resume_waits(signals, now))
    journeys = listening(world, "trigger")
    for signal in signals:
        entering.decide(of_signal(signal), journeys.get(signal.trigger.key, []))
    entering.store()
    if entering.enrollments or entering.resumed:
        wake(JOURNEYS)


@Prepared[UUID]
def _decided(the: Places) -> Any:
    return Decision.objects.filter(signal_id__in=the.uuids("signals")).values_list("signal_id", flat=True)


@Prepared[Signal]
def _new(the: Places) -> Any:
    new = Signal.objects.select_related("trigger").filter(pk__in=the.uuids("signals"))
    return new.order_by("account_id", "occurred_at", "id")


def resume_waits(signals: Sequence[Signal], now: datetime) -> dict[UUID, UUID]:
    """Let accounts that wait for one of these signals go on; the first signal counts. Signal id → enrollment id."""
    waiting = _waiting(accounts=sorted({signal.account_id for signal in signals}))
    by_wish: dict[tuple[UUID, str], list[tuple[Enrollment, Wish]]] = defaultdict(list)
    for enrollment in waiting:
        for wish in wishes_stored(enrollment.wait, enrollment.awaits):
            if wish.what == "signal":
                by_wish[enrollment.account_id, wish.key].append((enrollment, wish))
    resumed: dict[UUID, UUID] = {}
    moved: dict[UUID, Enrollment] = {}
    for signal in signals:
        for enrollment, wish in by_wish.get((signal.account_id, signal.trigger.key), ()):
            if enrollment.pk in moved:
                continue
            enrollment.port, enrollment.due_at = wish.port, now
            enrollment.wait = {**enrollment.wait, "signal": str(signal.pk)}
            moved[enrollment.pk] = enrollment
            resumed.setdefault(signal.pk, enrollment.pk)
    store_positions([(enrollment, enrollment.visit) for enrollment in moved.values()])
    return resumed


@Prepared[Enrollment]
def _waiting(the: Places) -> Any:
    resting = Enrollment.objects.filter(
        account_id__in=the.uuids("accounts"), status=EnrollmentStatus.ACTIVE, port=""
    ).exclude(awaits="")
    return resting.order_by("account_id", "id")
