"""Ask an advocate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hub.registry.actions import actions
from journeys.decisions.acts.base import Config, Hindrance, Hindrances, PlayAct, Plays
from journeys.decisions.models import Choice
from journeys.decisions.terms import PlayError, Terms
from journeys.steps.ask_advocate import ASKS
from journeys.world import World

ASK: Final = "ask.create"
LONGEST: Final = 2_000


def check(config: Config) -> None:
    if config.get("ask") not in ASKS:
        raise PlayError("config", f"choose what is asked for: {', '.join(ASKS)}")
    for name in ("role", "text"):
        if not isinstance(config.get(name, ""), str) or len(config.get(name, "")) > LONGEST:
            raise PlayError("config", f"{name} must be a text of at most {LONGEST} characters")


def words(config: Config) -> str:
    return f"ask for {ASKS.get(str(config.get('ask')), 'something')}"


def hindrances(world: World, plays: Plays) -> Hindrances:
    """An ask of the play that nobody has answered yet."""
    made = Choice.objects.filter(account_id__in=list(world.account_ids), play__key__in=list(plays), status="done")
    asked = {f"choice:{pk}": (account, key) for pk, account, key in made.values_list("pk", "account_id", "play__key")}
    answers = answers_of(list(asked))
    return {asked[cause]: Hindrance(running="the ask is not answered yet") for cause in asked if cause not in answers}


def answers_of(causes: Sequence[str]) -> Mapping[str, bool]:
    """Which asks were accepted, and which declined; those not answered are left out."""
    if ASK not in actions or not causes:
        return {}
    told = actions.get(ASK).outcomes
    return told(causes) if told else {}


def params(choice: Choice, terms: Terms) -> dict[str, Any]:
    role = str(terms.config.get("role", ""))
    return {"kind": terms.config["ask"], "roles": [role] if role else [], "text": terms.config.get("text", "")}


def outcomes(world: World, terms: Terms, choices: Sequence[Choice]) -> Mapping[UUID, bool]:
    answers = answers_of([choice.action_cause for choice in choices])
    return {choice.pk: answers.get(choice.action_cause, False) for choice in choices}


def measured(world: World, terms: Terms, choices: Sequence[Choice]) -> Mapping[UUID, bool]:
    """Only by a rule of the play: an ask that nobody made cannot be accepted."""
    if terms.success is None:
        return {}
    return {c.pk: world.holds_since(terms.success, c.account_id, c.at) for c in choices}


ACT = PlayAct(
    ASK, "Ask an advocate", check, words, hindrances, lambda config, world: True, params, outcomes, measured, order=30
)
