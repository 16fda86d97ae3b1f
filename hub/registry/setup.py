"""What setting up a tenant consists of: each app brings its steps, whose state is read from what is there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from hub.registry.base import Registry

Part: TypeAlias = Literal["guide", "data", "definitions", "triggers", "routine", "incentives"]
PLAN: Final[dict[Part, tuple[str, str]]] = {
    "data": ("Data", "month 1"),
    "definitions": ("Definitions", "month 2"),
    "triggers": ("Triggers", "month 3"),
    "routine": ("Routine", "months 4 and 5"),
    "incentives": ("Incentives", "month 6"),
}
"""The parts of the six-month plan, in order, each with its time."""


@dataclass(frozen=True, slots=True)
class SetupState:
    """How far a step is: ``reached`` of ``wanted``, and what was read, as a sentence for people."""

    reached: int
    wanted: int
    words: str

    @property
    def done(self) -> bool:
        return self.reached >= self.wanted


def counted(number: int, one: str, several: str) -> str:
    """``no journey runs``, ``1 journey runs``, ``3 journeys run``."""
    return f"no {one}" if not number else f"{number} {one if number == 1 else several}"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step of the guide or of the six-month plan.

    ``read()`` asks the tenant in context, in a few cheap queries; nobody ticks a step by hand. ``url_name`` is reversed
    with the tenant's slug and leads to where it is done, under the words ``action``, for those with ``permission``.
    """

    key: str
    part: Part
    title: str
    why: str
    read: Callable[[], SetupState]
    url_name: str
    action: str
    permission: str
    order: int = 100


setup_steps: Registry[SetupStep] = Registry("set-up step")
