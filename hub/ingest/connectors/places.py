"""Where somebody or something belongs, by the source's clock: the companies that have it, and those that had. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from hub.ingest.connectors.base import ALSO, MAIN, THE_MAIN_ONE, Facts, History


@dataclass(frozen=True, slots=True)
class Place:
    """A company that has the thing, or had it until `left_on` (a UTC day). `again`: it was taken away once."""

    company: str
    left_on: date | None = None
    again: bool = False


@dataclass
class _Places:
    """What is so after some words: who has it in the order of the words, who had it until when, who had lost it."""

    held: list[str] = field(default_factory=list)
    left: dict[str, date] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    main: str = ""

    def give(self, company: str, how: str, at: datetime) -> None:
        """A company has it: alone, unless the word says that it is one of several."""
        if how not in (ALSO, MAIN):
            for other in [name for name in self.held if name != company]:
                self.take(other, at)
        if how == MAIN:
            self.main = company
        self.held = [*(name for name in self.held if name != company), company]
        self.left.pop(company, None)

    def take(self, company: str, at: datetime) -> None:
        """A company has it no more. What nobody said it had cannot be taken away."""
        company = self.main if company == THE_MAIN_ONE else company
        if company in self.held:
            self.held.remove(company)
            self.left[company] = at.date()
            self.lost.add(company)
        if company == self.main:
            self.main = ""


OWNER: Final = "_company"
HOW: Final = "_hold"
LEFT: Final = "_left"


def places_of(history: History) -> list[Place]:
    """The companies of a thing: the main one first, then those that have it too, then those that had it last."""
    so_far = _Places()
    for at, facts in history:
        _read(so_far, facts, at)
    latest_first = list(reversed(so_far.held))
    held = sorted(latest_first, key=lambda company: company != so_far.main)
    former = sorted(so_far.left, key=lambda company: (so_far.left[company], company), reverse=True)
    return [Place(company, None, company in so_far.lost) for company in held] + [
        Place(company, so_far.left[company], again=True) for company in former
    ]


def _read(so_far: _Places, facts: Facts, at: datetime) -> None:
    if facts.get(LEFT):
        so_far.take(facts[LEFT], at)
    if facts.get(OWNER):
        so_far.give(facts[OWNER], facts.get(HOW, ""), at)


def owner_of(places: list[Place]) -> str:
    """The company whose the thing is; "" when none has it."""
    return places[0].company if places and places[0].left_on is None else ""
