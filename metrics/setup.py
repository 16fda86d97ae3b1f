"""What the set-up asks of metrics and of planning."""

from __future__ import annotations

from django.utils import timezone

from hub.registry.setup import SetupState, SetupStep, counted, setup_steps
from metrics.planning.models import Commitment, Focus, Side
from metrics.planning.quarters import Quarter


def joint() -> SetupState:
    """This quarter's plan has a segment that both teams answer for."""
    now = Quarter.of(timezone.localdate())
    planned = Focus.objects.filter(quarter=str(now), dropped_at__isnull=True)
    both = planned.filter(cs_owner__isnull=False, marketing_owner__isnull=False).count()
    return SetupState(
        min(both, 1),
        1,
        counted(
            both,
            "segment of this quarter's plan has an owner on both sides",
            "segments of this quarter's plan have an owner on both sides",
        ),
    )


def promised() -> SetupState:
    """Both sides have promised something that the other can see."""
    sides = set(Commitment.objects.order_by().values_list("side", flat=True).distinct())
    names = [str(side.label) for side in Side if side in sides]
    words = f"commitments of {' and '.join(names)}" if names else "no commitment yet"
    return SetupState(len(sides & set(Side)), len(Side), words)


def register() -> None:
    for step in (
        SetupStep(
            "measure", "guide", "Measure as one",
            "One plan, one figure: what both teams answer for is planned together.",
            joint, "metrics:planning", "Planning", "metrics.view", 60,
        ),
        SetupStep(
            "commitments", "incentives", "Promises on both sides", "What is rewarded is what both have promised;"
            " the commitments of the plan say it aloud.", promised, "metrics:planning", "Planning", "metrics.view", 10,
        ),
    ):  # fmt: skip
        setup_steps.register(step)
