"""What the set-up asks of journeys and of next best action."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from hub.outbox.gates import Purpose
from hub.registry.setup import SetupState, SetupStep, counted, setup_steps
from journeys.decisions.models import Choice, Play
from journeys.models import Enrollment, Journey, JourneyStatus, JourneyVersion

THREE = 3


def mapped() -> SetupState:
    """Three journeys run and have taken somebody in."""
    running = Journey.objects.filter(status=JourneyStatus.ACTIVE, live__gt=0)
    entered = running.filter(Exists(Enrollment.objects.filter(journey=OuterRef("pk")))).count()
    words = f"{counted(running.count(), 'journey runs', 'journeys run')}, {entered} of them took accounts in"
    return SetupState(min(entered, THREE), THREE, words)


def decided() -> SetupState:
    """Plays are on, and something was chosen among them."""
    plays, chosen = Play.objects.filter(is_on=True).count(), Choice.objects.exists()
    words = f"{plays} plays are on, {'something' if chosen else 'nothing'} was chosen so far"
    return SetupState((plays > 0) + chosen, 2, words)


def renewal() -> SetupState:
    running = Journey.objects.filter(status=JourneyStatus.ACTIVE, live__gt=0, purpose=Purpose.RENEWAL).count()
    return SetupState(min(running, 1), 1, counted(running, "renewal journey runs", "renewal journeys run"))


def own() -> SetupState:
    """Journeys that somebody of the tenant has published, instead of leaving all as they came."""
    made = JourneyVersion.objects.filter(published_by__isnull=False).order_by().values("journey").distinct().count()
    return SetupState(
        min(made, THREE),
        THREE,
        counted(made, "journey was published by somebody here", "journeys were published by somebody here"),
    )


def register() -> None:
    for step in (
        SetupStep(
            "journeys", "guide", "Map three journeys", "One for each signal: what happens by itself, and who does the"
            " rest.", mapped, "journeys:library", "Library", "journeys.view", 20,
        ),
        SetupStep(
            "next-best-action", "guide", "Turn on next best action", "For each account the hub says what is best next;"
            " you say whether it only suggests, asks first, or acts.", decided, "decisions:plays", "Plays",
            "journeys.view", 40,
        ),
        SetupStep(
            "renewal", "guide", "Renewal as a joint motion", "From the first month, with both teams: value first, the"
            " contract last.", renewal, "journeys:library", "Library", "journeys.view", 50,
        ),
        SetupStep(
            "journeys-own", "triggers", "Journeys in your words", "What is sent should sound like you.", own,
            "journeys:list", "Journeys", "journeys.view", 20,
        ),
    ):  # fmt: skip
        setup_steps.register(step)
