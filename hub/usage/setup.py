"""What the set-up asks of usage."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from hub.registry.setup import SetupState, SetupStep, setup_steps
from hub.usage.models import UsageDaily

FRESH = timedelta(days=7)


def flowing() -> SetupState:
    """Usage of the last seven days is there: it flows, it was not only imported once."""
    there = UsageDaily.objects.filter(day__gte=(timezone.now() - FRESH).date()).exists()
    return SetupState(int(there), 1, "usage of the last 7 days is there" if there else "no usage in the last 7 days")


def register() -> None:
    setup_steps.register(
        SetupStep(
            "usage", "data", "Usage that flows", "Behaviour is what triggers act on.", flowing, "sources:keys",
            "Sources", "sources.view", 30,
        )
    )  # fmt: skip
