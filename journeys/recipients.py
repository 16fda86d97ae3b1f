"""Who of an account gets a message: the first role that somebody holds, or what the step says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

SIGNAL_CONTACT = "signal_contact"
"""The pseudo-role of the person whose act was the signal (who completed the milestone, who answered)."""


class Person(Protocol):
    """What choosing needs of a contact."""

    @property
    def pk(self) -> UUID: ...

    @property
    def roles(self) -> Sequence[str]: ...


P = TypeVar("P", bound=Person)


@dataclass(frozen=True, slots=True)
class Chosen(Generic[P]):
    """The people chosen and by which role; nobody, with ``fallback`` to be done instead."""

    people: tuple[P, ...]
    role: str
    fallback: str = ""


def choose(people: Sequence[P], roles: Sequence[str], fallback: str, signal_contact: UUID | None = None) -> Chosen[P]:
    """The recipients among ``people`` (active, best first): everybody with the first role that anybody holds.

    ``fallback``: any_contact takes the first person there is; task and skip are handed back for the step to do.
    """
    for role in roles:
        holders = tuple(p for p in people if (p.pk == signal_contact if role == SIGNAL_CONTACT else role in p.roles))
        if holders:
            return Chosen(holders, role)
    if fallback == "any_contact" and people:
        return Chosen((people[0],), "any_contact")
    return Chosen((), "", "task" if fallback == "task" else "skip")
