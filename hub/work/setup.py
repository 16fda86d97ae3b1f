"""What the set-up asks of tasks: that people keep their promise."""

from __future__ import annotations

from django.utils import timezone

from hub.registry.setup import SetupState, SetupStep, setup_steps
from hub.tenancy.remembering import current_tenant
from hub.work.figures import figures
from hub.work.targets import targets_of

LEAST = 10
"""Tasks that have to be settled before a share of them says anything."""


def kept() -> SetupState:
    """Of the tasks of 30 days as many are completed as the tenant has set out to."""
    target = targets_of(current_tenant().settings).completion
    found = figures(30, timezone.now())
    if found.settled < LEAST:
        return SetupState(
            0, target, f"{found.settled} tasks settled in 30 days; a share says something from {LEAST} on"
        )
    percent = round(100 * (found.completion or 0))
    return SetupState(min(percent, target), target, f"{percent}% of the tasks of 30 days completed, target {target}%")


def register() -> None:
    setup_steps.register(
        SetupStep(
            "plays-kept", "routine", "Plays that are completed", "A trigger is worth what somebody does about it.",
            kept, "work:figures", "Figures of tasks", "today.view", 20,
        )
    )  # fmt: skip
