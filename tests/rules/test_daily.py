"""SQL that is made once a day says what SQL made for every question would say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.registry.facts import Fact, FactKind, known_facts
from hub.rules.compile import Clock, Daily, compile_sql, keeps_past
from hub.rules.language import Compare, Node, Not, Op, parse

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MOMENT = Fact("seen_at", "last seen", FactKind.DATETIME, "a.updated_at", "test", "at once")


def clock(hours: float = 0, *, day: int = 0, past: bool = False) -> Clock:
    return Clock(NOON + timedelta(hours=hours), NOON.date() + timedelta(days=day), past)


CLOCKS = [clock(), clock(1), clock(13), clock(13, day=1), clock(), clock(past=True), clock(0.01), clock()]
RULES: dict[str, Node] = {
    "a number": parse({"fact": "seats", "op": "gte", "value": 3}, known_facts()),
    "a day": parse({"fact": "signed_up_on", "op": "within_days_after", "value": 3}, known_facts()),
    "a day of rows": parse({"fact": "last_event_on", "op": "within_days_after", "value": 3}, known_facts()),
    "a moment": Not(Compare(MOMENT, Op.WITHIN_DAYS_AFTER, 3)),
}


class Made:
    """What compiles rules, and how often it did."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes, self.times = nodes, 0

    def __call__(self, at: Clock) -> list[Any]:
        self.times += 1
        return [compile_sql(node, at) for node in self.nodes]


@pytest.mark.parametrize("name", RULES)
def test_every_clock_gets_what_it_would_get_anew(name: str) -> None:
    made = Made([RULES[name]])
    daily = Daily(made, made.nodes)
    clocks = CLOCKS if keeps_past(RULES[name]) else [each for each in CLOCKS if not each.past]
    for each in clocks:
        assert daily.at(each) == Made(made.nodes)(each)


@pytest.mark.parametrize(("name", "times"), [("a number", 1), ("a day", 1), ("a day of rows", 1), ("a moment", 3)])
def test_the_hours_of_a_day_share_one(name: str, times: int) -> None:
    made = Made([RULES[name]])
    daily = Daily(made, made.nodes)
    for hours in (0, 1, 2):
        daily.at(clock(hours))
    assert made.times == times


def test_another_day_is_made_anew() -> None:
    made = Made([RULES["a day"]])
    daily = Daily(made, made.nodes)
    found = [daily.at(clock(24 * day, day=day)) for day in (0, 0, 1)]
    assert made.times == 2
    assert found[0] == found[1] != found[2]
