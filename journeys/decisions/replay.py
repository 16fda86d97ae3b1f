"""Deciding again about a stored day: from what was known then, on the terms of then. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from journeys.decisions.deciding import decide
from journeys.decisions.given import given_of
from journeys.decisions.models import Choice, PlayVersion
from journeys.decisions.rulebook import RuleBook
from journeys.decisions.terms import Terms, terms_of


@dataclass(frozen=True, slots=True)
class Difference:
    """A choice that comes out otherwise when it is made again."""

    choice: Choice
    stored: list[dict[str, Any]]
    again: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Replay:
    """How many decisions of a day were made again, and those that came out otherwise."""

    day: date
    decided: int
    differences: Sequence[Difference]


CHUNK = 500


def replay_day(day: date) -> Replay:
    """Make every decision of a day again, in the tenant's context."""
    number, after = 0, None
    different: list[Difference] = []
    while True:
        rows = Choice.objects.select_related("account").filter(day=day).order_by("pk")
        some = list((rows.filter(pk__gt=after) if after else rows)[:CHUNK])
        if not some:
            return Replay(day, number, different)
        number += len(some)
        different += replay(some)
        after = some[-1].pk


def replay(choices: Sequence[Choice]) -> list[Difference]:
    """Make these decisions again; returns those that come out otherwise. One query."""
    terms = _terms(choices)
    rules = RuleBook(terms)
    found = []
    for choice in choices:
        again = [verdict.as_json() for verdict in decide(given_of(choice.given), terms, rules)]
        if again != choice.verdicts:
            found.append(Difference(choice, choice.verdicts, again))
    return found


def _terms(choices: Sequence[Choice]) -> dict[tuple[str, int], Terms]:
    wanted = {(each["key"], each["version"]) for choice in choices for each in choice.given["plays"]}
    rows = PlayVersion.objects.select_related("play").filter(
        play__key__in={key for key, _ in wanted}, number__in={number for _, number in wanted}
    )
    return {(row.play.key, row.number): terms_of(row.terms) for row in rows if (row.play.key, row.number) in wanted}
