"""Reads of journeys for pages: lists, live counts, and the decision log of one account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from hub.outbox.models import Message
from hub.outbox.reasons import reason_words
from hub.work.models import Task
from journeys.models import Decision, Enrollment, EnrollmentStatus, Journey, StepRun
from journeys.node_kinds import node_kinds
from journeys.tree import Counts
from signals.models import UNTOLD, Signal

STORIES = 20


def journeys_list() -> QuerySet[Journey]:
    """Journeys by name with `inside`, `finished`, `converted` and `failed` accounts; one query."""
    found: QuerySet[Journey] = Journey.objects.annotate(
        inside=Count("enrollments", filter=Q(enrollments__status=EnrollmentStatus.ACTIVE)),
        entered=Count("enrollments"),
        converted=Count("enrollments", filter=Q(enrollments__reason="goal_met")),
        failed=Count("enrollments", filter=Q(enrollments__status=EnrollmentStatus.FAILED)),
    ).order_by("name", "id")
    return found


def live_counts(journey: Journey) -> dict[str, Counts]:
    """Accounts per node, over every version; two queries."""
    passed = dict(StepRun.objects.filter(journey=journey).order_by().values_list("node_id").annotate(n=Count("pk")))
    here: dict[str, int] = defaultdict(int)
    ended: dict[str, int] = defaultdict(int)
    places = Enrollment.objects.filter(journey=journey).order_by().values_list("node_id", "status")
    for node_id, status, number in places.annotate(n=Count("pk")):
        (here if status == EnrollmentStatus.ACTIVE else ended)[node_id] += number
    nodes = set(passed) | set(here) | set(ended)
    return {node: Counts(here.get(node, 0), passed.get(node, 0), ended.get(node, 0)) for node in nodes}


def endings(journey: Journey) -> list[tuple[str, int]]:
    """Why accounts left, in words, most frequent first."""
    rows = Enrollment.objects.filter(journey=journey).exclude(reason="").order_by().values_list("reason")
    counted = sorted(rows.annotate(n=Count("pk")), key=lambda row: -row[1])
    return [("the goal was reached" if r == "goal_met" else reason_words(r), n) for r, n in counted]


def recent_decisions(*, limit: int = 8) -> QuerySet[Decision]:
    """The latest decisions with account, signal and choice."""
    found: QuerySet[Decision] = Decision.objects.select_related("account", "signal", "chosen").order_by("-at", "-id")
    return found[:limit]


# --- Why: the decision log of one account -------------------------------------------------------------------------


@dataclass(frozen=True)
class StepStory:
    """One step: what it did or why it did not, with the messages and the task that came of it."""

    run: StepRun
    title: str
    why: str
    messages: list[tuple[Message, str]]
    task: Task | None


@dataclass(frozen=True)
class Story:
    """From one signal, or whatever else came, to everything that followed, or to the reason why nothing did."""

    signal: Signal | None
    decision: Decision | None
    outcome: str
    candidates: list[dict[str, Any]]
    enrollment: Enrollment | None
    ending: str
    steps: list[StepStory] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        if self.signal is not None:
            return self.signal.recorded_at
        assert self.decision is not None
        return self.decision.at


def account_why(account_id: UUID, *, since: datetime | None = None, limit: int = STORIES) -> list[Story]:
    """The decision log of one account, latest signal first: signals, candidates with reasons, steps, messages.

    Six queries (signals, other arrivals, decisions, steps, messages, tasks). Steps are told under the signal that
    began the enrollment; a signal that let a waiting account go on points at it.
    """
    signals = Signal.objects.select_related("trigger").filter(account_id=account_id)
    if since is not None:
        signals = signals.filter(recorded_at__gte=since)
    others = Decision.objects.select_related("enrollment__journey", "chosen").filter(
        account_id=account_id, signal__isnull=True
    )
    if since is not None:
        others = others.filter(at__gte=since)
    shown = list(signals.order_by("-recorded_at", "-id")[:limit])
    stories = stories_of(shown, list(others.order_by("-at", "-id")[:limit]))
    return sorted(stories, key=lambda story: story.at, reverse=True)[:limit]


def stories_of(shown: Sequence[Signal], others: Sequence[Decision] = ()) -> list[Story]:
    """What followed from each of these signals, in their order, then from these decisions without one.

    Four queries, however many there are.
    """
    decisions = {
        decision.signal_id: decision
        for decision in Decision.objects.select_related("enrollment__journey", "chosen").filter(
            signal_id__in=[signal.pk for signal in shown]
        )
    }
    made = [*decisions.values(), *others]
    steps = _steps_of([d.enrollment_id for d in made if d.outcome == "entered" and d.enrollment_id])
    told = [_story(signal, decisions.get(signal.pk), steps) for signal in shown]
    return told + [_story(None, decision, steps) for decision in others]


def _story(signal: Signal | None, decision: Decision | None, steps: dict[UUID, list[StepStory]]) -> Story:
    enrollment = decision.enrollment if decision else None
    began = decision is not None and decision.outcome == "entered" and enrollment is not None
    return Story(
        signal=signal,
        decision=decision,
        outcome=reason_words(decision.outcome) if decision else _undecided(signal),
        candidates=journey_candidates(decision) if decision else [],
        enrollment=enrollment,
        ending=reason_words(enrollment.reason) if enrollment and enrollment.reason else "",
        steps=steps.get(enrollment.pk, []) if began and enrollment else [],
    )


def journey_candidates(decision: Decision) -> list[dict[str, Any]]:
    """The journeys that came into question, each with its reason in words."""
    return [
        {**candidate, "words": reason_words(candidate["reason"]) if candidate["reason"] else ""}
        for candidate in decision.candidates
    ]


def _undecided(signal: Signal | None) -> str:
    if signal is not None and signal.status in UNTOLD:
        return "held back: signals of this trigger came in a storm"
    return "journeys were not running yet"


def _steps_of(enrollment_ids: Sequence[UUID]) -> dict[UUID, list[StepStory]]:
    runs = list(StepRun.objects.filter(enrollment_id__in=enrollment_ids).order_by("enrollment_id", "visit"))
    messages: dict[UUID, list[tuple[Message, str]]] = defaultdict(list)
    sent = Message.objects.select_related("contact").defer("body_html", "body_text")
    for message in sent.filter(cause_id__in=enrollment_ids).order_by("created_at", "id"):
        if message.step_run_id:
            messages[message.step_run_id].append((message, reason_words(message.reason) if message.reason else ""))
    wanted = [UUID(run.evidence["task"]) for run in runs if run.evidence.get("task")]
    tasks = {str(task.pk): task for task in Task.objects.filter(pk__in=wanted)}
    told: dict[UUID, list[StepStory]] = defaultdict(list)
    for run in runs:
        why = reason_words(run.reason) if run.reason else ""
        told[run.enrollment_id].append(
            StepStory(run, _title(run.kind), why, messages[run.pk], tasks.get(str(run.evidence.get("task", ""))))
        )
    return told


def _title(kind: str) -> str:
    return node_kinds.get(kind).title if kind in node_kinds else kind


def account_enrollments(account_id: UUID, *, limit: int = 6) -> QuerySet[Enrollment]:
    """Journeys of an account, those it is in first."""
    found: QuerySet[Enrollment] = (
        Enrollment.objects.select_related("journey").filter(account_id=account_id).order_by("ended_at", "-entered_at")
    )
    return found[:limit]
