"""Which source wins: pure claims over any statements of several sources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.words import (
    HAND,
    OrderError,
    Rule,
    RuleKind,
    contested,
    disagreeing,
    fields_of,
    order_checked,
    same,
    shared_fields,
    tell,
    winner,
    withdraw,
    words_of,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SOURCES = ("crm", "billing", "product", HAND)
RULES = st.one_of(
    st.just(Rule()),
    st.builds(
        lambda order: Rule(RuleKind.ORDER, tuple(order)),
        st.lists(st.sampled_from(SOURCES), min_size=1, unique=True),
    ),
    st.builds(lambda days: Rule(RuleKind.HAND, hand_days=days), st.one_of(st.none(), st.integers(0, 400))),
)
VALUES = st.one_of(st.sampled_from(["Acme", "acme ", "Beta", "", None]), st.integers(0, 3), st.booleans())


@st.composite
def statements(draw: st.DrawFn) -> list[tuple[str, dict[str, Any], datetime]]:
    """What sources say of two fields; no source says two things at one moment."""
    keys = st.tuples(st.sampled_from(SOURCES), st.integers(0, 12))
    found = draw(st.lists(keys, unique=True, max_size=8))
    said = st.dictionaries(st.sampled_from(["name", "seats"]), VALUES, min_size=1)
    return [(source, draw(said), NOW - timedelta(days=30 * ago)) for source, ago in found]


def told(said: list[tuple[str, dict[str, Any], datetime]], words: dict[str, Any] | None = None) -> dict[str, Any]:
    words = words or {}
    for source, values, at in said:
        words = tell(words, source, values, at)
    return words


def record(words: dict[str, Any], rule: Rule) -> dict[str, Any]:
    wins = {name: winner(words_of(words, name), rule, NOW) for name in ("name", "seats")}
    return {name: word and (word.source, word.value, word.at) for name, word in wins.items()}


@given(st.data(), statements(), RULES)
def test_any_order_of_the_same_statements_gives_the_same_record(data: st.DataObject, said: Any, rule: Rule) -> None:
    shuffled = data.draw(st.permutations(said))
    assert record(told(said), rule) == record(told(shuffled), rule)


@given(statements(), st.integers(0, 7))
def test_the_same_statement_twice_changes_nothing(said: Any, which: int) -> None:
    words = told(said)
    if said:
        source, values, at = said[which % len(said)]
        again = tell(words, source, values, at)
        assert tell(again, source, values, at) == again


@given(statements(), RULES)
def test_withdrawing_a_source_is_as_if_it_had_never_spoken(said: Any, rule: Rule) -> None:
    without = [entry for entry in said if entry[0] != "crm"]
    assert record(withdraw(told(said), "crm"), rule) == record(told(without), rule)


@given(statements())
def test_the_newest_word_wins_unless_a_rule_says_otherwise(said: Any) -> None:
    words = told(said)
    for name in fields_of(words):
        found = words_of(words, name)
        best = winner(found, Rule(), NOW)
        assert best is not None
        assert best.at == max(word.at for word in found)


@given(statements(), st.permutations(SOURCES))
def test_the_first_source_of_an_order_that_says_something_wins(said: Any, order: list[str]) -> None:
    words = told(said)
    for name in fields_of(words):
        found = words_of(words, name)
        best = winner(found, Rule(RuleKind.ORDER, tuple(order)), NOW)
        assert best is not None
        assert best.source == min((word.source for word in found), key=order.index)


def test_a_person_comes_before_an_order_that_does_not_name_them() -> None:
    words = tell(tell({}, HAND, {"name": "Ours"}, NOW - timedelta(days=9), by="Kim"), "crm", {"name": "Theirs"}, NOW)
    found = words_of(words, "name")
    assert (winner(found, Rule(RuleKind.ORDER, ("crm",)), NOW) or found[0]).by == "Kim"
    assert (winner(found, Rule(RuleKind.ORDER, ("crm", HAND)), NOW) or found[0]).source == "crm"


@pytest.mark.parametrize(("days", "wins"), [(None, HAND), (10, HAND), (9, "crm"), (0, "crm")])
def test_a_persons_word_stays_as_long_as_the_rule_says(days: int | None, wins: str) -> None:
    words = tell(tell({}, HAND, {"name": "Ours"}, NOW - timedelta(days=9)), "crm", {"name": "Theirs"}, NOW)
    found = winner(words_of(words, "name"), Rule(RuleKind.HAND, hand_days=days), NOW)
    assert found is not None
    assert found.source == wins


def test_a_person_may_clear_a_field_and_a_source_only_takes_its_word_back() -> None:
    words = tell(tell({}, "crm", {"domain": "a.example"}, NOW), "billing", {"domain": "b.example"}, NOW)
    assert [word.source for word in words_of(tell(words, "crm", {"domain": ""}, NOW), "domain")] == ["billing"]
    cleared = winner(words_of(tell(words, HAND, {"domain": ""}, NOW + timedelta(1)), "domain"), Rule(), NOW)
    assert cleared is not None
    assert cleared.value == ""


def test_what_a_person_has_decided_is_no_conflict_until_a_source_says_something_new() -> None:
    words = tell(tell({}, "crm", {"name": "A"}, NOW), HAND, {"name": "B"}, NOW + timedelta(days=1))
    rule = Rule(RuleKind.HAND)
    best = winner(words_of(words, "name"), rule, NOW)
    assert best is not None
    assert disagreeing(words_of(words, "name"), best) is None
    assert contested(words_of(words, "name"))
    later = tell(words, "crm", {"name": "C"}, NOW + timedelta(days=2))
    against = disagreeing(words_of(later, "name"), best)
    assert against is not None
    assert against.value == "C"


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("Acme ", "acme", True),
        ("Acme", "Acme Inc", False),
        (["a", "b"], ["b", "a"], True),
        (True, 1, False),
        (5, 5.0, True),
        (None, "", False),
    ],
)
def test_sources_agree_whatever_the_capitals_and_the_order(one: Any, other: Any, agree: bool) -> None:
    assert same(one, other) is agree


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([], "at least one"),
        (["  "], "at least one"),
        (["crm", "crm"], "twice"),
        (["crm", "nobody"], "no source is called nobody"),
        (["crm"] + [f"s{n}" for n in range(50)], "at most 50"),
    ],
)
def test_an_order_that_cannot_be_is_refused(order: list[str], said: str) -> None:
    with pytest.raises(OrderError, match=said):
        order_checked(order, ["crm", *(f"s{n}" for n in range(50))])


def test_only_fields_that_several_sources_speak_of_are_shared() -> None:
    words = tell(tell({}, "crm", {"name": "A", "domain": "x"}, NOW), "billing", {"name": "A"}, NOW)
    assert shared_fields(words) == {"name"}
