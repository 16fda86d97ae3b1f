"""What can speak against entering a journey: each guard gives reason code and sentence of its refusal, or None."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from hub.outbox.gates import Purpose
from hub.registry.facts import known_facts
from hub.rules.language import comparisons, parse_stored
from journeys.engine import goal_since
from journeys.graph import Graph
from journeys.models import Cause, EnrollmentStatus, JourneyStatus

if TYPE_CHECKING:
    from journeys.entries import Arrival, Candidate, Entering

# What an account is being saved by outranks everything from expansion down.
OVERRIDING: Final = frozenset({Purpose.SAVE, Purpose.CHAMPION_SUCCESSION})
MAX_DEPTH: Final = 3
# A field that a journey has set counts as the cause of signals about it for so long.
OWN_FOR: Final = timedelta(hours=24)

Refusal = tuple[str, str] | None


def slot_of(graph: Graph, arrival: Arrival) -> str:
    """What the entry may not have twice; see `Enrollment.slot`."""
    rule = (graph.entry.get("reentry") or {}).get("rule", "once")
    if rule == "once":
        return "once"
    return f"key:{arrival.once}"[:200] if rule == "per_key" else "running"


def _paused(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    return ("paused", "the journey is paused") if candidate.journey.status == JourneyStatus.PAUSED else None


def _old(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    hours = candidate.graph.entry.get("max_age_hours", 24)
    too_old = arrival.cause == Cause.SIGNAL and arrival.at < entering.world.now - timedelta(hours=hours)
    return ("too_old", f"it happened more than {hours} hours ago") if too_old else None


def _own(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    if arrival.origin == f"journey:{candidate.journey.key}" or _set_itself(entering, candidate, arrival):
        return "own_origin", "the journey caused it itself"
    return ("too_deep", "a chain of journeys is cut after three") if arrival.depth > MAX_DEPTH else None


def _set_itself(entering: Entering, candidate: Candidate, arrival: Arrival) -> bool:
    """Whether the signal is about a field that this journey has set at the account just now."""
    if arrival.signal is None or arrival.signal.change_id is not None:
        return False
    fields = entering.fields_set(arrival, candidate.journey, arrival.signal.recorded_at - OWN_FOR)
    return bool(fields & _read_by(arrival)) if fields else False


def _read_by(arrival: Arrival) -> set[str]:
    assert arrival.signal is not None
    node = parse_stored(arrival.signal.trigger.rule, known_facts())
    return {leaf.fact.name for leaf in comparisons(node)} if node is not None else set()


def _reentry(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    past = entering.past[arrival.account_id, candidate.journey.pk]
    slot = slot_of(candidate.graph, arrival)
    if any(e.slot == slot for e in past):
        return ("already_inside", "the account is inside") if slot == "running" else ("reentry", "not a second time")
    reentry = candidate.graph.entry.get("reentry") or {}
    if past and reentry.get("rule") == "after_days":
        again_at = past[-1].entered_at + timedelta(days=reentry["days"])
        if entering.world.now < again_at:
            return "reentry", f"not again before {again_at:%Y-%m-%d}"
    return None


def _rule(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    when = candidate.graph.entry.get("when")
    if when is None or entering.world.holds(when, arrival.account_id):
        return None
    reason = entering.world.reason(when, arrival.account_id)
    return reason, "; ".join(entering.world.evidence(when, arrival.account_id))


def _goal(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    # A journey may go on to celebrate what the signal itself has brought about.
    if candidate.graph.entry.get("goal_met") == "enter":
        return None
    goal = goal_since(entering.world, candidate.graph, arrival.account_id, entering.world.now)
    return ("not_needed", f"the goal “{goal.config['label']}” is met already") if goal else None


def _arbitration(entering: Entering, candidate: Candidate, arrival: Arrival) -> Refusal:
    if candidate.purpose.rank < Purpose.EXPANSION.rank:
        return None
    for (account_id, journey_id), past in entering.past.items():
        if account_id == arrival.account_id and any(e.status == EnrollmentStatus.ACTIVE for e in past):
            refusal = _overridden(entering, journey_id)
            if refusal:
                return refusal
    return None


def _overridden(entering: Entering, journey_id: UUID) -> Refusal:
    journey = entering.world.journeys[journey_id]
    if journey.purpose not in OVERRIDING:
        return None
    return f"arbitration:{journey.purpose}", f"the account is in “{journey.name}”"


GUARDS: Final = (_paused, _old, _own, _reentry, _rule, _goal, _arbitration)
