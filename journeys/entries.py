"""From what came at an account to an enrollment: the journeys in question, what speaks against each, the choice.

What comes is an `Arrival`: a signal, a segment joined or left, a date, a person, a program, another journey. Runs in
the transaction of what came, under the locks of the accounts. Every arrival leaves one decision, also when nothing is
done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.outbox.gates import Purpose
from hub.outbox.policy import sending_rules
from hub.outbox.situations import holdouts
from hub.tenancy.ids import uuid7
from hub.tenancy.live import announce
from hub.tenancy.prepared import Places, Prepared
from journeys import outgoing
from journeys.engine import goal_since
from journeys.entry_guards import GUARDS, slot_of
from journeys.experiments.holdout import hold_out, is_programme
from journeys.experiments.phases import assignments_store
from journeys.graph import Graph
from journeys.models import Assignment, Cause, Decision, Enrollment, Journey, JourneyStatus, StepRun
from journeys.world import World
from signals.models import Signal

# Paused ones say so as their reason; drafts and archived ones do not come into question.
RUNNING = (JourneyStatus.ACTIVE, JourneyStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something came that may begin a journey: at which account, what (`Cause`), when.

    ``key`` names it among those of its cause and account; "" cannot come twice. ``rest`` is when the account's first
    step is due, and by which wait rule, where that is not at once. ``about`` is a signal that is told of on the way
    although it is not what came.
    """

    account_id: UUID
    cause: str
    at: datetime
    key: str = ""
    label: str = ""
    origin: str = ""
    depth: int = 0
    signal: Signal | None = None
    rest: tuple[datetime, Mapping[str, Any]] | None = None
    about: Signal | None = None

    @property
    def once(self) -> str:
        """What a journey that takes an account *once per key* goes by."""
        return self.signal.dedupe_key if self.signal else self.key or self.at.isoformat()


def of_signal(signal: Signal) -> Arrival:
    return Arrival(
        signal.account_id,
        Cause.SIGNAL,
        signal.occurred_at,
        origin=signal.origin,
        depth=signal.depth,
        signal=signal,
    )


@dataclass
class Candidate:
    """A journey that came into question; `reason` is why it was not entered, "" while it may be."""

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
    """One batch of arrivals on its way in; what it makes is stored at the end."""

    world: World
    resumed: Mapping[UUID, UUID] = field(default_factory=dict)
    """Signal id → the enrollment that went on with it."""
    decisions: list[Decision] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.past: dict[tuple[UUID, UUID], list[Enrollment]] = defaultdict(list)
        for enrollment in _past(accounts=list(self.world.account_ids)):
            self.past[enrollment.account_id, enrollment.journey_id].append(enrollment)
        self._superseded: set[tuple[UUID, str]] | None = None
        self._fields: dict[tuple[UUID, UUID], list[tuple[datetime, str]]] = {}
        self._fields_since: datetime | None = None

    def decide(self, arrival: Arrival, journeys: Sequence[Journey]) -> Decision:
        """Choose at most one of the journeys for what came and keep the reasons for all of them."""
        candidates = [self._candidate(journey, arrival) for journey in journeys]
        open_ones = sorted((c for c in candidates if not c.reason), key=lambda c: (c.purpose.rank, c.journey.key))
        for loser in open_ones[1:]:
            loser.reason = f"arbitration:{open_ones[0].purpose}"
            loser.text = f"“{open_ones[0].journey.name}” comes first"
        enrollment = self._enroll(open_ones[0], arrival) if open_ones else None
        decision = self._decision(arrival, candidates, enrollment)
        self.decisions.append(decision)
        return decision

    def _decision(self, arrival: Arrival, candidates: Sequence[Candidate], enrollment: Enrollment | None) -> Decision:
        decision = Decision(account_id=arrival.account_id, signal=arrival.signal, at=self.world.now)
        decision.cause, decision.key, decision.label = arrival.cause, arrival.key[:200], arrival.label[:300]
        decision.candidates = [candidate.as_json() for candidate in candidates]
        signal = arrival.signal
        if enrollment is not None:
            decision.outcome, decision.enrollment_id = "entered", enrollment.pk
            decision.chosen_id = enrollment.journey_id
        elif signal is not None and signal.pk in self.resumed:
            decision.outcome, decision.enrollment_id = "resumed", self.resumed[signal.pk]
        elif signal is not None and (signal.account_id, signal.trigger.key) in self.superseded:
            decision.outcome, decision.why = "superseded", "the time of the wait for it was over before"
        elif candidates:
            decision.outcome, decision.why = candidates[0].reason[:64], candidates[0].text[:300]
        else:
            decision.outcome, decision.why = "no_journey", "no published journey begins with this trigger"
        return decision

    @property
    def superseded(self) -> set[tuple[UUID, str]]:
        """What accounts that are inside have waited for until the time was over: account and key of the trigger."""
        if self._superseded is None:
            over = StepRun.objects.filter(
                account_id__in=list(self.world.account_ids), port="timeout", enrollment__status="active"
            )
            rows = over.values_list("account_id", "evidence")
            self._superseded = {(account, key) for account, told in rows for key in told.get("awaited", ())}
        return self._superseded

    def fields_set(self, arrival: Arrival, journey: Journey, since: datetime) -> set[str]:
        """What a journey has set at the account since then. Asked once for all accounts, again only for an earlier
        time."""
        if self._fields_since is None or since < self._fields_since:
            self._fields_since, self._fields = since, defaultdict(list)
            ran = StepRun.objects.filter(
                account_id__in=list(self.world.account_ids), kind="set_field", outcome="done", finished_at__gte=since
            )
            for account, by, at, told in ran.values_list("account_id", "journey_id", "finished_at", "evidence"):
                self._fields[account, by].append((at, str(told.get("field"))))
        return {name for at, name in self._fields.get((arrival.account_id, journey.pk), ()) if at >= since}

    def _candidate(self, journey: Journey, arrival: Arrival) -> Candidate:
        if not journey.live or journey.status not in RUNNING:
            return Candidate(journey, NO_GRAPH, "not_published", "the journey is not published")
        candidate = Candidate(journey, self.world.graph(journey.pk, journey.live))
        for guard in GUARDS:
            refusal = guard(self, candidate, arrival)
            if refusal:
                candidate.reason, candidate.text = refusal
                break
        return candidate

    def refusal(self, journey: Journey, arrival: Arrival) -> tuple[str, str]:
        """What speaks against a journey for what came: reason code and sentence, both "" when nothing does."""
        candidate = self._candidate(journey, arrival)
        return candidate.reason, candidate.text

    def _enroll(self, candidate: Candidate, arrival: Arrival) -> Enrollment:
        due, wait = arrival.rest or (self.world.now, {})
        enrollment = Enrollment(
            pk=uuid7(),
            account_id=arrival.account_id,
            journey=candidate.journey,
            version=candidate.journey.live,
            node_id=candidate.graph.start,
            entered_at=self.world.now,
            due_at=due,
            wait=dict(wait),
            slot=slot_of(candidate.graph, arrival),
            cause=arrival.cause,
            signal=arrival.signal or arrival.about,
            depth=arrival.depth,
            goal_before=goal_since(self.world, candidate.graph, arrival.account_id, self.world.now) is not None,
        )
        self.enrollments.append(enrollment)
        self.past[arrival.account_id, candidate.journey.pk].append(enrollment)
        return enrollment

    def store(self) -> set[UUID]:
        """Insert what was decided; the unique slot has the last word on a second entry. Returns who entered."""
        self._draw_holdouts()
        Enrollment.objects.bulk_create(self.enrollments, ignore_conflicts=True, batch_size=500)
        made = set(_stored(enrollments=[e.pk for e in self.enrollments]))
        for decision in self.decisions:
            if decision.outcome == "entered" and decision.enrollment_id not in made:
                decision.outcome, decision.enrollment_id, decision.chosen_id = "reentry:slot", None, None
        assignments_store([assigned for assigned in self.assignments if assigned.enrollment_id in made])
        Decision.objects.bulk_create(self.decisions, ignore_conflicts=True, batch_size=500)
        outgoing.entered(sorted(made))
        announce("journeys")
        return made

    def _draw_holdouts(self) -> None:
        """A held-out account walks a journey with its effects off, so that exposure and goals compare.

        The global holdout, of marketing alone, is drawn first, then the journey's own among the others.
        """
        drawn = [e for e in self.enrollments if is_programme(self.world.graph(e.journey_id, e.version))]
        if drawn:
            rules = sending_rules(self.world.tenant.settings)
            places = holdouts(self.world.tenant, [e.account_id for e in drawn], rules)
            for enrollment in drawn:
                enrollment.held_out = places[enrollment.account_id]
        self.assignments = hold_out(self.enrollments, self.world.dealer)


@Prepared[Enrollment]
def _past(the: Places) -> Any:
    return Enrollment.objects.filter(account_id__in=the.uuids("accounts")).order_by("entered_at")


@Prepared[UUID]
def _stored(the: Places) -> Any:
    return Enrollment.objects.filter(pk__in=the.uuids("enrollments")).values_list("pk", flat=True)


NO_GRAPH = Graph({}, "", None, {})


def listening(world: World, name: str) -> dict[str, list[Journey]]:
    """Published journeys that begin with ``name`` (trigger, segment, date), by which one, by their keys."""
    found: dict[str, list[Journey]] = defaultdict(list)
    for journey in sorted(world.journeys.values(), key=lambda journey: journey.key):
        if journey.live and journey.status in RUNNING:
            entry = world.graph(journey.pk, journey.live).entry
            if entry.get(name):
                found[str(entry[name])].append(journey)
    return found


def known_keys(cause: str, arrivals: Sequence[Arrival]) -> set[tuple[UUID, str]]:
    """Those of these arrivals that were decided before: account and key."""
    rows = Decision.objects.filter(cause=cause, account_id__in={a.account_id for a in arrivals})
    wanted = rows.filter(key__in={a.key for a in arrivals if a.key})
    return set(wanted.values_list("account_id", "key"))
