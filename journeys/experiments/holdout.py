"""The holdout of one journey: a share of its accounts, drawn among those that the global holdout leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from hub.outbox.models import Holdout
from journeys.experiments.assign import PLACES, place_of
from journeys.experiments.dealer import Dealer
from journeys.experiments.models import Assignment
from journeys.experiments.phases import HELD_OUT, TRAVELS
from journeys.graph import Graph
from journeys.models import Enrollment
from journeys.world import published_graph

MOST_PERCENT: Final = 50


def is_held_out(journey_id: UUID, account_id: UUID, percent: int) -> bool:
    """Whether an account is held out; who is at a small share is at every greater one."""
    return place_of(f"holdout:{journey_id}", account_id) < percent * PLACES // 100


def held_out_alone(enrollment_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these held-out enrollments that their journey's own draw holds out, not that of all marketing.

    The holdout of all marketing is asked of journeys with programme messages alone. No query where nobody is held out.
    """
    if not enrollment_ids:
        return set()
    told = ("pk", "account_id", "journey_id", "version")
    rows = list(Enrollment.objects.filter(pk__in=list(enrollment_ids)).values_list(*told))
    marketing = Holdout.objects.filter(account_id__in=[row[1] for row in rows], held_out=True)
    out = set(marketing.values_list("account_id", flat=True))
    return {
        pk
        for pk, account_id, journey_id, version in rows
        if account_id not in out or not is_programme(published_graph(journey_id, version))
    }


def is_programme(graph: Graph) -> bool:
    """Whether a journey sends what people have to agree to."""
    return any(node.config.get("class") == "programme" for node in graph.nodes.values())


def hold_out(enrollments: Sequence[Enrollment], dealer: Dealer) -> list[Assignment]:
    """Draw the holdouts of the journeys that these accounts enter; the assignments of experiments on whole journeys."""
    assigned = []
    for enrollment in enrollments:
        percent = enrollment.journey.holdout_percent
        if not percent or enrollment.held_out:
            continue
        enrollment.held_out = is_held_out(enrollment.journey_id, enrollment.account_id, percent)
        if phase := dealer.of_journey(enrollment.journey_id):
            arm = HELD_OUT if enrollment.held_out else TRAVELS
            assigned.append(
                Assignment(
                    phase=phase, account_id=enrollment.account_id, enrollment_id=enrollment.pk, arm=arm,
                    assigned_at=enrollment.entered_at,
                )
            )  # fmt: skip
    return assigned
