"""Writes that the engine and publishing make: assignments, and a new phase where arms or shares have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from hub.accounts.models import AccountFacts
from journeys.experiments.arms import arms_of, shares_of, signature
from journeys.experiments.models import Assignment, Experiment, ExperimentStatus, Phase
from journeys.graph import Graph
from journeys.models import Journey

JOURNEY: Final = ""
"""The node of an experiment on a whole journey: those who travel against those who are held out."""
HELD_OUT, TRAVELS = 0, 1
BANDS: Final = 4


def assignments_store(assignments: Sequence[Assignment]) -> None:
    """Keep what was dealt; an account that has an arm already keeps it."""
    if assignments:
        Assignment.objects.bulk_create(assignments, ignore_conflicts=True, batch_size=500)


def phases_renew(journey: Journey, graph: Graph) -> None:
    """Begin a new phase wherever a version changes what the arms do or their shares; end what has lost its step."""
    for experiment in Experiment.objects.filter(journey=journey, status=ExperimentStatus.RUNNING).exclude(
        node_id=JOURNEY
    ):
        node = graph.nodes.get(experiment.node_id)
        if node is None or not arms_of(node.config):
            experiment.status, experiment.ended_at = ExperimentStatus.ENDED, timezone.now()
            experiment.why = "its step is gone from the journey"
            experiment.save(update_fields=["status", "ended_at", "why"])
        else:
            phase_begin(experiment, signature(node.config), shares_of(node.config))


def holdout_phase(experiment: Experiment, percent: int) -> Phase:
    """The phase of an experiment on a whole journey."""
    arms = [{"label": "held out", "weight": percent}, {"label": "in the journey", "weight": 100 - percent}]
    return phase_begin(experiment, f"holdout:{percent}", arms)


def phase_begin(experiment: Experiment, digest: str, arms: Sequence[Mapping[str, Any]]) -> Phase:
    """The phase with these arms: the one that runs if it has them, else the next."""
    now = timezone.now()
    latest: Phase | None = experiment.phases.order_by("-number").first()
    if latest is not None and latest.signature == digest:
        return latest
    if latest is not None:
        experiment.phases.filter(ended_at=None).update(ended_at=now)
    number = latest.number + 1 if latest else 1
    edges = _edges() if experiment.stratify == "mrr" else []
    begun: Phase = Phase.objects.create(
        experiment=experiment, number=number, signature=digest, arms=list(arms), edges=edges, began_at=now
    )
    return begun


def _edges() -> list[int]:
    """Bounds that cut the accounts with MRR into four bands of the same size."""
    amounts = list(
        AccountFacts.objects.filter(mrr_minor__gt=0).order_by("mrr_minor").values_list("mrr_minor", flat=True)
    )
    return sorted({amounts[len(amounts) * cut // BANDS] for cut in range(1, BANDS)}) if amounts else []
