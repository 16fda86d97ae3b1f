"""The figure and its parts. Pure.

- freshness: of the sources that deliver, how many are not quiet or failing now
- matching: of the events of the last seven days, how many belong to an account
- agreement: of the accounts, how many have no field of which two sources say different things
- completeness: of the accounts that pay, how many lack nothing

Each is a share of 100, rounded down, so that only all of them is 100. The figure is the mean of the parts that can be
told, rounded down; without any there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

PARTS: Final = ("freshness", "matching", "agreement", "completeness")


@dataclass(frozen=True, slots=True)
class Counts:
    """What the parts are made of; `events` is None when they could not be counted in time."""

    sources: int = 0
    alarms: int = 0
    events: int | None = 0
    unmatched: int = 0
    accounts: int = 0
    conflicting: int = 0
    paying: int = 0
    incomplete: int = 0

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Counts:
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def of(self, part: str) -> tuple[int, int | None]:
        """How many of how many are not good."""
        return {
            "freshness": (self.alarms, self.sources),
            "matching": (self.unmatched, self.events),
            "agreement": (self.conflicting, self.accounts),
            "completeness": (self.incomplete, self.paying),
        }[part]


def share(bad: int, whole: int | None) -> int | None:
    """What is good, 0 to 100; None when there is nothing to be good."""
    if not whole:
        return None
    return 100 * (whole - min(max(bad, 0), whole)) // whole


def parts_of(counts: Counts) -> dict[str, int | None]:
    return {part: share(*counts.of(part)) for part in PARTS}


def score_of(parts: Mapping[str, int | None]) -> int | None:
    """The figure, 0 to 100; None when no part can be told."""
    known = [value for value in parts.values() if value is not None]
    return sum(known) // len(known) if known else None
