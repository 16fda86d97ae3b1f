"""What the set-up asks of support and surveys."""

from __future__ import annotations

from hub.feedback.models import SurveyResponse, Ticket
from hub.registry.setup import SetupState, SetupStep, setup_steps


def heard() -> SetupState:
    tickets, answers = Ticket.objects.exists(), SurveyResponse.objects.exists()
    words = f"tickets {'are there' if tickets else 'are missing'}, survey answers {'too' if answers else 'are missing'}"
    if answers and not tickets:
        words = "tickets are missing, survey answers are there"
    return SetupState(tickets + answers, 2, words)


def register() -> None:
    setup_steps.register(
        SetupStep(
            "voices", "data", "Tickets and surveys", "Nobody should get an offer during an outage.", heard,
            "sources:connections", "Connections", "sources.view", 40,
        )
    )  # fmt: skip
