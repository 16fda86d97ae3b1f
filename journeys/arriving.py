"""What lets accounts into journeys besides signals: segments that they join or leave, and days that come near."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from hub.accounts.models import AccountFacts
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake
from journeys.engine import JOURNEYS, after_leaving, leave
from journeys.entries import Arrival, Entering, known_keys, listening
from journeys.models import Cause, Enrollment, EnrollmentStatus, Journey
from journeys.storing import store_positions
from journeys.world import World
from signals.segments.models import SegmentMember
from signals.segments.services import AT_ONCE

# An account is let in so long before its moment, and rests at the beginning: the day may change meanwhile.
AHEAD: Final = timedelta(hours=24)


def on_segments_moved(tenant_id: UUID, member_ids: Sequence[UUID]) -> None:
    """Accounts that joined or left segments: journeys that end with the segment end, those that begin with it begin."""
    moves = list(
        SegmentMember.objects.select_related("segment", "account").filter(pk__in=list(member_ids)).order_by("pk")
    )
    world = World(current_tenant(), sorted({m.account_id for m in moves}), timezone.now())
    journeys = listening(world, "segment")
    concerned = [move for move in moves if move.segment.key in journeys]
    if not concerned:
        return
    _leave(world, [move for move in concerned if move.left_on], journeys)
    arrivals = [arrival_of(world, move) for move in concerned]
    known = known_keys(Cause.SEGMENT, arrivals)
    entering, at_once = Entering(world), _members_known_at_once()
    for move, arrival in zip(concerned, arrivals, strict=True):
        wanted = [j for j in journeys[move.segment.key] if _wants(world, j, move)]
        if wanted and (arrival.account_id, arrival.key) not in known:
            news = not _is_baseline(world, move, at_once)
            _decide(entering, arrival, wanted if news else [])
    _finish(entering)


def arrival_of(world: World, move: SegmentMember) -> Arrival:
    verb = "left" if move.left_on else "joined"
    label = f"{verb.capitalize()} the segment “{move.segment.name}”"
    return Arrival(move.account_id, Cause.SEGMENT, world.now, key=f"{verb}:{move.pk}", label=label)


def _wants(world: World, journey: Journey, move: SegmentMember) -> bool:
    entry = world.graph(journey.pk, journey.live).entry
    return str(entry.get("on", "joined")) == ("left" if move.left_on else "joined")


def _decide(entering: Entering, arrival: Arrival, journeys: Sequence[Journey]) -> None:
    decision = entering.decide(arrival, journeys)
    if not journeys:
        decision.outcome, decision.why = "baseline", "the segment's rule was new that day: it was so before"


def _members_known_at_once() -> bool:
    """Whether a new segment has all its members when it is saved; of many accounts they come in during the day."""
    return not AccountFacts.objects.order_by("account_id")[AT_ONCE : AT_ONCE + 1].exists()


def _is_baseline(world: World, move: SegmentMember, at_once: bool) -> bool:
    """On the first day of a rule accounts move because of the rule, unless who is in it was known, or they are new."""
    segment = move.segment
    known = segment.version == 1 and (at_once or move.account.created_at > segment.created_at)
    return bool(segment.since == world.clock.today and not known)


def _leave(world: World, moves: Sequence[SegmentMember], journeys: dict[str, list[Journey]]) -> None:
    """Take out who came by a segment into a journey that holds only its members."""
    keys = {
        (move.account_id, journey.pk)
        for move in moves
        for journey in journeys[move.segment.key]
        if world.graph(journey.pk, journey.live).entry.get("leave")
    }
    inside = Enrollment.objects.select_related("journey").filter(
        account_id__in={account for account, _ in keys},
        status=EnrollmentStatus.ACTIVE,
        cause__in=(Cause.SEGMENT, Cause.EXISTING),
    )
    leaving = [e for e in inside.order_by("account_id", "id") if (e.account_id, e.journey_id) in keys]
    for enrollment in leaving:
        leave(enrollment, "left_segment", world.now)
    moved = store_positions([(e, e.visit) for e in leaving])
    after_leaving([e for e in leaving if e.pk in moved])


# --- Dates --------------------------------------------------------------------------------------------------------


def on_evaluated(tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Accounts whose day has come near enter the journeys that begin with it, and rest there until its moment."""
    world = World(current_tenant(), sorted(account_ids), timezone.now())
    journeys = [journey for some in listening(world, "date").values() for journey in some]
    arrivals = [(j, arrival) for j in journeys for pk in world.account_ids if (arrival := _by_date(world, j, pk))]
    if not arrivals:
        return
    known = known_keys(Cause.DATE, [arrival for _, arrival in arrivals])
    entering = Entering(world)
    for journey, arrival in arrivals:
        if (arrival.account_id, arrival.key) not in known:
            entering.decide(arrival, [journey])
    _finish(entering)


def _by_date(world: World, journey: Journey, account_id: UUID) -> Arrival | None:
    entry = world.graph(journey.pk, journey.live).entry
    rule = rule_of(entry)
    day = world.day_of(account_id, rule["date"])
    moment = world.until(account_id, rule, world.now) if day else None
    latest = timedelta(hours=entry.get("max_age_hours", 24))
    if day is None or moment is None or not world.now - latest <= moment <= world.now + AHEAD:
        return None
    wait = {"rule": rule, "zone": world.zone(account_id).key, "since": world.now.isoformat(), "day": str(day)}
    return Arrival(
        account_id,
        Cause.DATE,
        moment,
        key=f"{journey.key}:{day}",
        label=f"The day {day} of {rule['date'].removeprefix('attribute.').replace('_', ' ')} is near",
        rest=(max(moment, world.now), wait),
    )


def rule_of(entry: Any) -> dict[str, Any]:
    """The wait rule of an entry by date."""
    return {name: entry[name] for name in ("date", "offset_days", "at") if name in entry}


def _finish(entering: Entering) -> None:
    if not entering.decisions:
        return
    entering.store()
    for enrollment in entering.enrollments:
        wake(JOURNEYS, due_at=enrollment.due_at)
