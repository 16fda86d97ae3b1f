"""What next best action has to know about an action before it can choose it, and learn from it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from hub.registry.base import Registry
from journeys.decisions.models import Choice
from journeys.decisions.terms import Terms
from journeys.world import World

Config: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What speaks against an action at an account: it runs already (in words), or a reason code with its sentence."""

    running: str = ""
    blocked: tuple[str, str] = ("", "")


Plays: TypeAlias = Mapping[str, Terms]
"""Terms by the play's key."""
Hindrances: TypeAlias = Mapping[tuple[UUID, str], Hindrance]


@dataclass(frozen=True, slots=True)
class PlayAct:
    """An action of the action registry, under its key, as a play uses it.

    ``check(config)`` raises PlayError. ``hindrances(world, plays)`` tells them by account and play for the accounts of
    the world, in few queries however many there are. ``programme(config, world)`` says whether it obeys the global
    holdout and the budget of messages. ``params(choice, terms)`` is what the action is asked with. ``outcomes`` and
    ``measured`` say of choices (all of one play) whether they succeeded so far, by what the action itself led to, and
    by what accounts that got nothing can reach too; what cannot be said is left out.
    """

    key: str
    title: str
    check: Callable[[Config], None]
    words: Callable[[Config], str]
    hindrances: Callable[[World, Plays], Hindrances]
    programme: Callable[[Config, World], bool]
    params: Callable[[Choice, Terms], dict[str, Any]]
    outcomes: Callable[[World, Terms, Sequence[Choice]], Mapping[UUID, bool]]
    measured: Callable[[World, Terms, Sequence[Choice]], Mapping[UUID, bool]]
    order: int = 100


play_acts: Registry[PlayAct] = Registry("action of plays")
