"""From signals to enrollments: which journeys come into question, what speaks against each, which one is chosen.

Runs inside the evaluation's transaction, under the locks of the accounts. Every signal leaves one decision, also when
nothing is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from hub.outbox.gates import Purpose
from hub.outbox.policy import sending_rules
from hub.outbox.situations import holdouts
from hub.tenancy.ids import uuid7
from hub.tenancy.live import announce
from journeys import outgoing
from journeys.engine import goal_since
from journeys.graph import Graph
from journeys.models import Decision, Enrollment, EnrollmentStatus, Journey, JourneyStatus
from journeys.world import World
from signals.models import Signal

# What an account is being saved by outranks everything from expansion down.
OVERRIDING = frozenset({Purpose.SAVE, Purpose.CHAMPION_SUCCESSION})
# Paused ones say so as their reason; drafts and archived ones do not come into question.
RUNNING = (JourneyStatus.ACTIVE, JourneyStatus.PAUSED)
MAX_DEPTH = 3


@dataclass
class Candidate:
    """A journey that listens to the signal's trigger; `reason` is why it was not entered, "" while it may be."""

    journey: Journey
    graph: Graph
    reason: str = ""
    text: str = ""

    @property
    def purpose(self) -> Purpose:
        return Purpose(self.journey.purpose)

    def as_json(self) -> dict[str, Any]:
        return {
            "journey": self.journey.key,
            "name": self.journey.name,
            "purpose": self.journey.purpose,
            "version": self.journey.live,
            "verdict": "refused" if self.reason else "entered",
            "reason": self.reason,
            "text": self.text,
        }


@dataclass
class Entering:
    """One batch of signals on its way in; what it makes is stored at the end."""

    world: World
    resumed: Mapping[UUID, UUID]
    """Signal id → the enrollment that went on with it."""
    decisions: list[Decision] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)

    def __post_init__(self) -> None:
        journeys = [j for j in self.world.journeys.values() if j.live and j.status in RUNNING]
        self.listening: dict[str, list[Journey]] = defaultdict(list)
        for journey in sorted(journeys, key=lambda j: j.key):
            self.listening[self.world.graph(journey.pk, journey.live).entry["trigger"]].append(journey)
        self.past: dict[tuple[UUID, UUID], list[Enrollment]] = defaultdict(list)
        for enrollment in Enrollment.objects.filter(account_id__in=list(self.world.account_ids)).order_by("entered_at"):
            self.past[enrollment.account_id, enrollment.journey_id].append(enrollment)

    def decide(self, signal: Signal) -> None:
        """Choose at most one journey for the signal and keep the reasons for all of them."""
        candidates = [self._candidate(journey, signal) for journey in self.listening[signal.trigger.key]]
        open_ones = sorted((c for c in candidates if not c.reason), key=lambda c: (c.purpose.rank, c.journey.key))
        for loser in open_ones[1:]:
            loser.reason = f"arbitration:{open_ones[0].purpose}"
            loser.text = f"“{open_ones[0].journey.name}” comes first"
        enrollment = self._enroll(open_ones[0], signal) if open_ones else None
        self.decisions.append(self._decision(signal, candidates, enrollment))

    def _decision(self, signal: Signal, candidates: Sequence[Candidate], enrollment: Enrollment | None) -> Decision:
        decision = Decision(account_id=signal.account_id, signal=signal, at=self.world.now)
        decision.candidates = [candidate.as_json() for candidate in candidates]
        if enrollment is not None:
            decision.outcome, decision.enrollment_id = "entered", enrollment.pk
            decision.chosen_id = enrollment.journey_id
        elif signal.pk in self.resumed:
            decision.outcome, decision.enrollment_id = "resumed", self.resumed[signal.pk]
        elif candidates:
            decision.outcome, decision.why = candidates[0].reason[:64], candidates[0].text[:300]
        else:
            decision.outcome, decision.why = "no_journey", "no published journey begins with this trigger"
        return decision

    def _candidate(self, journey: Journey, signal: Signal) -> Candidate:
        candidate = Candidate(journey, self.world.graph(journey.pk, journey.live))
        for guard in (_paused, _old, _own, _reentry, _rule, _goal, _arbitration):
            refusal = guard(self, candidate, signal)
            if refusal:
                candidate.reason, candidate.text = refusal
                break
        return candidate

    def _enroll(self, candidate: Candidate, signal: Signal) -> Enrollment:
        enrollment = Enrollment(
            pk=uuid7(),
            account_id=signal.account_id,
            journey=candidate.journey,
            version=candidate.journey.live,
            node_id=candidate.graph.start,
            entered_at=self.world.now,
            due_at=self.world.now,
            slot=slot_of(candidate.graph, signal),
            signal=signal,
            depth=signal.depth,
            goal_before=goal_since(self.world, candidate.graph, signal.account_id, self.world.now) is not None,
        )
        self.enrollments.append(enrollment)
        self.past[signal.account_id, candidate.journey.pk].append(enrollment)
        return enrollment

    def store(self) -> None:
        """Insert what was decided. The unique slot has the last word on a second entry."""
        self._draw_holdouts()
        Enrollment.objects.bulk_create(self.enrollments, ignore_conflicts=True, batch_size=500)
        made = set(Enrollment.objects.filter(pk__in=[e.pk for e in self.enrollments]).values_list("pk", flat=True))
        for decision in self.decisions:
            if decision.outcome == "entered" and decision.enrollment_id not in made:
                decision.outcome, decision.enrollment_id, decision.chosen_id = "reentry:slot", None, None
        Decision.objects.bulk_create(self.decisions, ignore_conflicts=True, batch_size=500)
        outgoing.entered(sorted(made))
        announce("journeys")

    def _draw_holdouts(self) -> None:
        """A held-out account walks a marketing journey with its effects off, so that exposure and goals compare."""
        drawn = [e for e in self.enrollments if _is_programme(self.world.graph(e.journey_id, e.version))]
        if not drawn:
            return
        rules = sending_rules(self.world.tenant.settings)
        places = holdouts(self.world.tenant, [e.account_id for e in drawn], rules)
        for enrollment in drawn:
            enrollment.held_out = places[enrollment.account_id]


def slot_of(graph: Graph, signal: Signal) -> str:
    """What the entry may not have twice; see `Enrollment.slot`."""
    rule = (graph.entry.get("reentry") or {}).get("rule", "once")
    if rule == "once":
        return "once"
    return f"key:{signal.dedupe_key}"[:200] if rule == "per_key" else "running"


def _is_programme(graph: Graph) -> bool:
    return any(node.config.get("class") == "programme" for node in graph.nodes.values())


# --- Guards: (reason code, sentence) of a refusal, None to let pass -----------------------------------------------

Refusal = tuple[str, str] | None


def _paused(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    return ("paused", "the journey is paused") if candidate.journey.status == JourneyStatus.PAUSED else None


def _old(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    hours = candidate.graph.entry.get("max_age_hours", 24)
    too_old = signal.occurred_at < entering.world.now - timedelta(hours=hours)
    return ("too_old", f"it happened more than {hours} hours ago") if too_old else None


def _own(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    if signal.origin.startswith(f"journey:{candidate.journey.key}"):
        return "own_origin", "the journey caused the signal itself"
    return ("too_deep", "a chain of journeys is cut after three") if signal.depth > MAX_DEPTH else None


def _reentry(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    past = entering.past[signal.account_id, candidate.journey.pk]
    slot = slot_of(candidate.graph, signal)
    if any(e.slot == slot for e in past):
        return ("already_inside", "the account is inside") if slot == "running" else ("reentry", "not a second time")
    reentry = candidate.graph.entry.get("reentry") or {}
    if past and reentry.get("rule") == "after_days":
        again_at = past[-1].entered_at + timedelta(days=reentry["days"])
        if entering.world.now < again_at:
            return "reentry", f"not again before {again_at:%Y-%m-%d}"
    return None


def _rule(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    when = candidate.graph.entry.get("when")
    if when is None or entering.world.holds(when, signal.account_id):
        return None
    reason = entering.world.reason(when, signal.account_id)
    return reason, "; ".join(entering.world.evidence(when, signal.account_id))


def _goal(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    # A journey may go on to celebrate what the signal itself has brought about.
    if candidate.graph.entry.get("goal_met") == "enter":
        return None
    goal = goal_since(entering.world, candidate.graph, signal.account_id, entering.world.now)
    return ("not_needed", f"the goal “{goal.config['label']}” is met already") if goal else None


def _arbitration(entering: Entering, candidate: Candidate, signal: Signal) -> Refusal:
    if candidate.purpose.rank < Purpose.EXPANSION.rank:
        return None
    for (account_id, journey_id), past in entering.past.items():
        journey = entering.world.journeys[journey_id]
        inside = any(e.status == EnrollmentStatus.ACTIVE for e in past)
        if account_id == signal.account_id and inside and journey.purpose in OVERRIDING:
            return f"arbitration:{journey.purpose}", f"the account is in “{journey.name}”"
    return None
