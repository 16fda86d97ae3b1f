"""Reads of experiments: lists, and what an experiment has shown so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from journeys.experiments.measures import Cohort, Measure, Member, Outcome, measures
from journeys.experiments.models import Assignment, Experiment, ExperimentStatus, Phase, Reading
from journeys.models import Enrollment, Journey

if TYPE_CHECKING:
    from journeys.experiments.reading import Design, Result, Sample

ENTRY_DAYS = 28


@dataclass(frozen=True)
class Standing:
    """An experiment in its latest phase: accounts assigned, those whose window is over, and what they show.

    ``result`` is None before the launch. ``reached``: accounts of each arm that got a message. ``held_out``: accounts
    that walked with the effects off; they are in no arm.
    """

    experiment: Experiment
    measure: Measure
    phase: Phase | None = None
    counts: Sequence[int] = ()
    mature: Sequence[int] = ()
    reached: Sequence[int] = ()
    held_out: int = 0
    day: date | None = None
    result: Result | None = None

    @property
    def total(self) -> int:
        return sum(self.counts)


def experiments_list(journey: Journey | None = None) -> QuerySet[Experiment]:
    """Experiments with their journeys, the latest first, and the number of accounts assigned in any phase."""
    found: QuerySet[Experiment] = Experiment.objects.select_related("journey").annotate(
        accounts=Count("phases__assignments", filter=Q(phases__assignments__held_out=False))
    )
    found = found if journey is None else found.filter(journey=journey)
    return found.order_by("-created_at", "-id")


def reading_day(experiment: Experiment) -> date | None:
    """When a fixed reading takes place."""
    if experiment.started_at is None or experiment.reading != Reading.FIXED:
        return None
    return (experiment.started_at + timedelta(days=experiment.horizon_days)).date()


def standing(experiment: Experiment, *, measure: str = "", now: datetime | None = None) -> Standing:
    """What the latest phase shows, by the experiment's own measure or another one."""
    from journeys.experiments.reading import read

    now, day = now or timezone.now(), reading_day(experiment)
    asked = measures.get(measure or experiment.measure)
    phase: Phase | None = experiment.phases.order_by("-number").first()
    if phase is None:
        return Standing(experiment, asked)
    rows = list(
        Assignment.objects.filter(phase=phase).values_list(
            "account_id", "enrollment_id", "arm", "assigned_at", "held_out"
        )
    )
    arms = range(len(phase.arms))
    inside = [Member(*row[:4]) for row in rows if not row[4]]
    counts = [sum(member.arm == arm for member in inside) for arm in arms]
    window = timedelta(days=experiment.window_days)
    # Who is late for the day of a fixed reading is not read later either.
    until = min(now, datetime.combine(day, time(), tzinfo=UTC)) if day else now
    over = [member for member in inside if member.at + window <= until]
    argument = experiment.argument if asked.key == experiment.measure else ""
    cohort = Cohort(over, window, experiment.journey_id, argument)
    samples = samples_of(asked, cohort, len(phase.arms))
    reached = measures.get("reached").read(Cohort(inside, window, experiment.journey_id)) if inside else {}
    return Standing(
        experiment, asked, phase, counts,
        mature=[sample.n for sample in samples],
        reached=[sum(reached[m.account_id].value > 0 for m in inside if m.arm == arm) for arm in arms],
        held_out=len(rows) - len(inside),
        day=day,
        result=read(design_of(experiment, phase, asked, day), counts, samples, now.date()),
    )  # fmt: skip


def design_of(experiment: Experiment, phase: Phase, measure: Measure, day: date | None) -> Design:
    """What was fixed at launch, for the reading."""
    from journeys.experiments.reading import Design

    return Design(
        kind=measure.kind,
        weights=phase.weights,
        alpha=experiment.alpha,
        power=experiment.power,
        sequential=experiment.reading == Reading.SEQUENTIAL,
        planned=experiment.planned,
        day=day,
    )


def samples_of(measure: Measure, cohort: Cohort, arms: int) -> list[Sample]:
    """The values of each arm."""
    outcomes = measure.read(cohort) if cohort.members else {}
    by_arm: list[list[Outcome]] = [[] for _ in range(arms)]
    for member in cohort.members:
        if member.account_id in outcomes:
            by_arm[member.arm].append(outcomes[member.account_id])
    return [_sample(found) for found in by_arm]


def _sample(found: Sequence[Outcome]) -> Sample:
    from journeys.experiments.reading import Sample

    before = [outcome.before for outcome in found if outcome.before is not None]
    return Sample(
        np.array([outcome.value for outcome in found]),
        np.array([outcome.base for outcome in found]),
        np.array(before) if len(before) == len(found) else None,
    )


def entry_rate(journey: Journey, *, now: datetime | None = None) -> float:
    """Accounts that entered a journey for the first time, a day, over the last four weeks."""
    since = (now or timezone.now()) - timedelta(days=ENTRY_DAYS)
    fresh = Enrollment.objects.filter(journey=journey, entered_at__gte=since).order_by()
    found: int = fresh.values("account_id").distinct().count()
    return found / ENTRY_DAYS


def running_by_node(journey: Journey) -> Mapping[str, Experiment]:
    """Experiments that run on a journey, by their node."""
    running = Experiment.objects.filter(journey=journey, status=ExperimentStatus.RUNNING)
    return {experiment.node_id: experiment for experiment in running}


def baseline_of(journey: Journey, measure: Measure, argument: str, window_days: int) -> tuple[float, float] | None:
    """Mean and standard deviation of a measure over the accounts that entered a journey, None where there are few."""
    window = timedelta(days=window_days)
    past = Enrollment.objects.filter(journey=journey, held_out=False, entered_at__lte=timezone.now() - window)
    latest: dict[UUID, Member] = {}
    for pk, account_id, at in past.order_by("-entered_at").values_list("pk", "account_id", "entered_at")[:5000]:
        latest.setdefault(account_id, Member(account_id, pk, 0, at))
    if len(latest) < 2:
        return None
    (sample,) = samples_of(measure, Cohort(list(latest.values()), window, journey.pk, argument), 1)
    if sample.n < 2:
        return None
    whole = float(np.sum(sample.bases))
    mean = float(np.sum(sample.values)) / whole if whole else 0.0
    return mean, float(np.std(sample.values, ddof=1))
