"""Writes of experiments: plan, launch, end, and the holdout of a journey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from hub.people.audit import Actor, audit
from journeys.experiments.arms import FIELDS, arms_of, shares_of, signature
from journeys.experiments.holdout import MOST_PERCENT
from journeys.experiments.kinds import Kind
from journeys.experiments.measures import measures
from journeys.experiments.models import Experiment, ExperimentStatus, Phase, Reading
from journeys.experiments.phases import JOURNEY, holdout_phase, phase_begin
from journeys.graph import Node
from journeys.models import Journey, JourneyStatus
from journeys.world import published_graph

STRATA = ("", "tier", "mrr")
GREATEST = 10**12


class ExperimentError(ValueError):
    """What speaks against it, for people; `field` names the one that is wrong, "" for none."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, and how it will be read. Shares and their change are 0 … 1, amounts in the measure's unit."""

    name: str
    hypothesis: str = ""
    measure: str = "goal"
    argument: str = ""
    window_days: int = 14
    reading: str = Reading.FIXED
    horizon_days: int = 30
    baseline: float | None = None
    change: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    stratify: str = ""


@transaction.atomic
def experiment_create(*, journey: Journey, node_id: str, plan: Plan, actor: Actor) -> Experiment:
    """Plan an experiment on a step, or with `node_id` "" on the whole journey; raises ExperimentError."""
    _checked(plan)
    made: Experiment = Experiment.objects.create(
        journey=journey, node_id=node_id, created_by=actor.label[:200], **_fields(plan)
    )
    audit(actor, "experiment.create", made, journey=journey.key, node=node_id)
    return made


@transaction.atomic
def experiment_change(*, experiment: Experiment, plan: Plan, actor: Actor) -> None:
    """Change what is planned; raises ExperimentError once it runs, for then the plan is what it is read by."""
    _checked(plan)
    changed = Experiment.objects.filter(pk=experiment.pk, status=ExperimentStatus.DRAFT).update(**_fields(plan))
    if not changed:
        raise ExperimentError("", "it was launched; what it is read by stays as it was registered")
    experiment.refresh_from_db()
    audit(actor, "experiment.change", experiment)


def _fields(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in Plan.__slots__} | {
        "name": plan.name.strip()[:200],
        "hypothesis": plan.hypothesis.strip()[:500],
        "argument": plan.argument.strip()[:200],
    }


def _checked(plan: Plan) -> None:
    """Raise ExperimentError for what can never be read."""
    if not plan.name.strip():
        raise ExperimentError("name", "give it a name")
    if plan.measure not in measures:
        raise ExperimentError("measure", f"measure must be one of {', '.join(measures.as_mapping())}")
    if plan.reading not in Reading.values:
        raise ExperimentError("reading", f"reading must be one of {', '.join(Reading.values)}")
    for name, value, least, most in (
        ("window_days", plan.window_days, 1, 730),
        ("horizon_days", plan.horizon_days, 1, 730),
        ("alpha", plan.alpha, 0.001, 0.2),
        ("power", plan.power, 0.5, 0.99),
    ):
        if not least <= value <= most:
            raise ExperimentError(name, f"{name} must be from {least} to {most}")
    if plan.reading == Reading.FIXED and plan.horizon_days < plan.window_days:
        raise ExperimentError("horizon_days", "the day of reading lies after the first account's window is over")
    if plan.stratify not in STRATA and not plan.stratify.startswith("segment:"):
        raise ExperimentError("stratify", "strata are tier, mrr or segment:<key>")
    for name, number in (("baseline", plan.baseline), ("change", plan.change)):
        if number is not None and not abs(number) <= GREATEST:
            raise ExperimentError(name, f"{name} must be a number of at most {GREATEST:,}")
    kind = measures.get(plan.measure).kind
    if kind is Kind.SHARE and not all(value is None or -1 < value < 1 for value in (plan.baseline, plan.change)):
        raise ExperimentError("change", "shares and their change lie between 0 and 1")


def launch_flaws(experiment: Experiment) -> list[str]:
    """What has to be said or done before the first account is assigned."""
    measure, flaws = measures.get(experiment.measure), []
    if not experiment.hypothesis:
        flaws.append("say what you expect, and why: a hypothesis is registered before the first account is assigned")
    if measure.argument and not measure.optional and not experiment.argument:
        flaws.append(f"say what “{measure.title}” is about: {measure.argument.lower()}")
    if not experiment.change or experiment.baseline is None:
        flaws.append("say the value today and the smallest change that matters: the number of accounts follows")
    journey = experiment.journey
    if journey.status != JourneyStatus.ACTIVE:
        flaws.append("publish the journey: an experiment runs on the version that runs")
    elif experiment.node_id == JOURNEY and not journey.holdout_percent:
        flaws.append("set the share of accounts that this journey holds out")
    elif experiment.node_id != JOURNEY and live_node(experiment) is None:
        flaws.append("publish the journey with the arms of this step")
    others = Experiment.objects.filter(journey=journey, node_id=experiment.node_id, status=ExperimentStatus.RUNNING)
    if others.exclude(pk=experiment.pk).exists():
        flaws.append("another experiment runs on this step")
    return flaws


def live_node(experiment: Experiment) -> Node | None:
    """The step as it is published, if it has arms."""
    journey = experiment.journey
    node = published_graph(journey.pk, journey.live).nodes.get(experiment.node_id) if journey.live else None
    return node if node is not None and node.kind.key in FIELDS and arms_of(node.config) else None


@transaction.atomic
def experiment_launch(*, experiment: Experiment, planned: int, actor: Actor) -> Phase:
    """Assign accounts from now on; `planned` is how many the plan needs. Raises ExperimentError."""
    journey = Journey.objects.select_for_update().get(pk=experiment.journey_id)
    row: Experiment = Experiment.objects.select_for_update().get(pk=experiment.pk)
    row.journey = journey
    if row.status != ExperimentStatus.DRAFT:
        raise ExperimentError("", "it was launched before")
    if flaws := launch_flaws(row):
        raise ExperimentError("", "; ".join(flaws))
    row.status, row.started_at, row.planned = ExperimentStatus.RUNNING, timezone.now(), planned
    row.save(update_fields=["status", "started_at", "planned"])
    node = live_node(row) if row.node_id != JOURNEY else None
    if node is None:
        phase = holdout_phase(row, journey.holdout_percent)
    else:
        phase = phase_begin(row, signature(node.config), shares_of(node.config))
    audit(actor, "experiment.launch", row, hypothesis=row.hypothesis, reading=row.reading, planned=planned)
    experiment.refresh_from_db()
    return phase


@transaction.atomic
def experiment_end(*, experiment: Experiment, chosen: int | None, why: str, actor: Actor) -> bool:
    """Stop assigning; with `chosen` everybody gets that arm from now on, else the step itself. False if it is over."""
    row: Experiment = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if row.status != ExperimentStatus.RUNNING:
        return False
    arms: Sequence[object] = row.phases.latest("number").arms
    if chosen is not None and not (row.node_id and 0 <= chosen < len(arms)):
        raise ExperimentError("chosen", "there is no such arm")
    now = timezone.now()
    row.status, row.ended_at, row.chosen, row.why = ExperimentStatus.ENDED, now, chosen, why.strip()[:300]
    row.save(update_fields=["status", "ended_at", "chosen", "why"])
    row.phases.filter(ended_at=None).update(ended_at=now)
    audit(actor, "experiment.end", row, chosen=chosen, why=row.why)
    experiment.refresh_from_db()
    return True


@transaction.atomic
def experiment_remove(*, experiment: Experiment, actor: Actor) -> bool:
    """Throw away a plan that was never launched."""
    gone = Experiment.objects.filter(pk=experiment.pk, status=ExperimentStatus.DRAFT)
    if not gone.exists():
        return False
    audit(actor, "experiment.remove", experiment, name=experiment.name)
    gone.delete()
    return True


@transaction.atomic
def holdout_set(*, journey: Journey, percent: int, actor: Actor) -> None:
    """Hold out this share of a journey's accounts from the next entry on; another share is another phase."""
    if not 0 <= percent <= MOST_PERCENT:
        raise ExperimentError("percent", f"a holdout is from 0 to {MOST_PERCENT} percent")
    row: Journey = Journey.objects.select_for_update().get(pk=journey.pk)
    before, row.holdout_percent = row.holdout_percent, percent
    if before == percent:
        return
    row.save(update_fields=["holdout_percent"])
    running = Experiment.objects.filter(journey=row, node_id=JOURNEY, status=ExperimentStatus.RUNNING).first()
    if running is not None and percent:
        holdout_phase(running, percent)
    elif running is not None:
        experiment_end(experiment=running, chosen=None, why="the journey holds nobody out any more", actor=actor)
    journey.holdout_percent = percent
    audit(actor, "journey.holdout", row, percent=[before, percent])
