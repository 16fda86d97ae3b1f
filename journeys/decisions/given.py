"""What a decision is made from: everything that was known of an account, as it is stored beside the decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class GivenSignal:
    """An open signal of the account, with the version of the rule that made it. What it says stands in its own row."""

    id: str
    trigger: str
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class GivenPlay:
    """A play that answers a signal or the stage: its version, what it has learnt, and what the world says to it.

    ``blocked`` is the reason (code, words) of the action itself, such as a journey that is paused. ``last`` is the day
    it was last chosen for the account. ``bucket`` is the account's place in the play's own holdout, 0 … 9999. A
    ``programme`` obeys the global holdout and the budget of messages; ``full``: enough of its choices are open.
    """

    key: str
    name: str
    version: int
    is_on: bool
    successes: int
    failures: int
    bucket: int
    programme: bool = False
    full: bool = False
    running: str = ""
    blocked: tuple[str, str] = ("", "")
    last: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """An account at the moment of the decision.

    ``facts`` are those that rules and formulas read. ``inside`` are the purposes of the journeys that it is in;
    ``pressure`` is (used, cap) of the account's budget of messages; ``waiting`` the purpose of an open choice.
    """

    tenant: str
    account: str
    now: str
    today: str
    stage: str
    facts: Mapping[str, Any]
    signals: tuple[GivenSignal, ...] = ()
    plays: tuple[GivenPlay, ...] = ()
    inside: tuple[str, ...] = ()
    open_p1: bool = False
    red_health: bool = False
    held_out: bool = False
    pressure: tuple[int, int] = (0, 0)
    waiting: str = ""

    def as_json(self) -> dict[str, Any]:
        raw = asdict(self)
        raw["facts"] = {name: _plain(value) for name, value in self.facts.items()}
        return raw

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.now)

    @property
    def day(self) -> date:
        return date.fromisoformat(self.today)

    @property
    def ids(self) -> tuple[UUID, UUID]:
        """Tenant and account."""
        return UUID(self.tenant), UUID(self.account)


def given_of(raw: Mapping[str, Any]) -> Given:
    """What `Given.as_json` wrote."""
    known = dict(raw)
    known["facts"] = {name: _full(value) for name, value in raw["facts"].items()}
    known["signals"] = tuple(GivenSignal(**each) for each in raw["signals"])
    known["plays"] = tuple(_play(each) for each in raw["plays"])
    known["inside"], known["pressure"] = tuple(raw["inside"]), tuple(raw["pressure"])
    return Given(**known)


def _play(raw: Mapping[str, Any]) -> GivenPlay:
    return GivenPlay(**{**raw, "blocked": tuple(raw["blocked"])})


@dataclass(frozen=True, slots=True)
class Tag:
    """How a value that JSON does not know is written down."""

    kind: type
    name: str
    read: Any = field(compare=False)


# A datetime is a date, too: the narrower comes first.
_TAGS = (
    Tag(datetime, "$at", datetime.fromisoformat),
    Tag(date, "$day", date.fromisoformat),
    Tag(Decimal, "$number", Decimal),
)


def _plain(value: Any) -> Any:
    for tag in _TAGS:
        if isinstance(value, tag.kind):
            return {tag.name: value.isoformat() if isinstance(value, date) else str(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(str(each) for each in value)
    return value


def _full(value: Any) -> Any:
    if isinstance(value, dict):
        for tag in _TAGS:
            if tag.name in value:
                return tag.read(value[tag.name])
    return value
