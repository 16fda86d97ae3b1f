"""Rankings, correlations and intervals from counts are what they are from the observations themselves."""

from __future__ import annotations

import statistics as plain
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.backtest.draft import Draft
from signals.backtest.report import report, shared
from signals.backtest.statistics import (
    GROUPS,
    added,
    advantage,
    auc,
    correlation,
    ranking,
    relation,
    share_of,
    shifted,
    wilson,
)
from signals.backtest.tally import HORIZONS, Observation, count, count_recent, empty

SEEN = st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=60)


def histogram(seen: list[tuple[int, bool]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for value, hit in seen:
        cell = found.setdefault(value, [0, 0])
        cell[0] += 1
        cell[1] += hit
    return found


@given(SEEN)
def test_a_ranking_is_the_share_of_pairs_in_order(seen: list[tuple[int, bool]]) -> None:
    hits, rest = [v for v, hit in seen if hit], [v for v, hit in seen if not hit]
    found = auc(histogram(seen))
    if not hits or not rest:
        assert found is None
    else:
        pairs = [1.0 if a < b else 0.5 if a == b else 0.0 for a, b in product(hits, rest)]
        assert found == pytest.approx(plain.fmean(pairs))


@given(SEEN)
def test_a_correlation_is_that_of_the_observations(seen: list[tuple[int, bool]]) -> None:
    found = correlation(histogram(seen))
    values, stayed = [float(v) for v, _ in seen], [float(not hit) for _, hit in seen]
    if len(set(values)) < 2 or len(set(stayed)) < 2:
        assert found is None
    else:
        assert found == pytest.approx(plain.correlation(values, stayed))


@given(st.integers(0, 50), st.integers(1, 50), st.integers(1, 50))
def test_an_interval_holds_its_share_and_narrows_with_more(part: int, more: int, times: int) -> None:
    whole = part + more
    few, many = wilson(part, whole), wilson(part * (times + 1), whole * (times + 1))
    assert few.value is not None
    assert many.value == pytest.approx(few.value)
    assert few.holds(few.value)
    assert many.high is not None
    assert many.low is not None
    assert few.high is not None
    assert few.low is not None
    assert many.high - many.low < few.high - few.low


def test_accounts_seen_often_do_not_narrow_an_interval() -> None:
    assert share_of(30, 60, 6).as_dict() == wilson(3, 6).as_dict()
    assert wilson(0, 10).low == 0
    assert wilson(10, 10).high == pytest.approx(1)


def test_what_ranks_has_an_interval_above_a_coin_and_what_does_not_contains_it() -> None:
    ranked = {g: histogram([(20 + g % 3, True), (60, False), (70 + g, False)]) for g in range(GROUPS)}
    blind = {g: histogram([(v, (v + g) % 4 == 0) for v in range(40)]) for g in range(GROUPS)}
    assert ranking(ranked).low == 1.0
    assert ranking(blind).holds(0.5)
    assert relation(blind).holds(0)
    assert not relation(ranked).holds(0)
    better = advantage(ranked, blind)
    assert better.low is not None
    assert better.low > 0
    assert advantage(blind, blind).holds(0)


@given(SEEN, SEEN)
def test_histograms_add_up(one: list[tuple[int, bool]], other: list[tuple[int, bool]]) -> None:
    assert added([histogram(one), histogram(other)]) == histogram(one + other)


@given(st.dictionaries(st.sampled_from("abcdefghij"), st.floats(0.01, 1), min_size=1, max_size=10))
def test_recommended_weights_sum_to_a_hundred_in_the_order_of_their_pull(pulls: dict[str, float]) -> None:
    weights = shared(pulls)
    assert all(weight >= 1 for weight in weights.values())
    assert sum(weights.values()) >= 100
    for a, b in product(pulls, pulls):
        assert pulls[a] <= pulls[b] or weights[a] >= weights[b]


def test_a_population_is_as_stable_as_its_shares() -> None:
    assert shifted([0.5, 0.5], [0.5, 0.5]) == 0
    assert shifted([0.5, 0.5], [0.9, 0.1]) > 0.25
    assert shifted([0.5, 0.5, 0], [0.5, 0.4, 0.1]) > 0


MEASURE = {"key": "use", "label": "Use", "weight": 1}


def seen_once(score: int | None, *, churned: bool, band: str) -> Observation:
    later = dict.fromkeys(HORIZONS, 0 if churned else 100)
    return Observation(date(2026, 1, 31), 100, score, band, band, 3, later, {"use": score})


@pytest.mark.parametrize(("churned", "verdict"), [(4, "not_enough"), (5, "ranks")])
def test_few_who_left_are_not_enough_and_it_says_so(churned: int, verdict: str) -> None:
    tally = empty()
    for at in range(churned):
        count(tally, at % GROUPS, [seen_once(10, churned=True, band="red")])
    for at in range(60):
        count(tally, at % GROUPS, [seen_once(80, churned=False, band="green")])
    found = report(tally, [MEASURE])
    assert (found["verdict"], found["few"]) == (verdict, verdict != "not_enough")
    assert found["horizons"]["90"]["churned_accounts"] == churned
    assert [row["finding"] for row in found["measures"]] == ["too_few" if verdict == "not_enough" else "related"]


@pytest.mark.parametrize(("green", "broken"), [(4, False), (5, True)])
def test_a_score_is_broken_when_more_than_two_in_five_were_green_before_they_left(green: int, broken: bool) -> None:
    tally = empty()
    for at in range(10):
        count_recent(tally, "green" if at < green else "red", "green")
    recent = report(tally, [MEASURE])["recent"]
    assert (recent["broken"], recent["green"], recent["shown_green"]) == (broken, green, 10)


def test_nothing_counted_is_a_report_without_figures() -> None:
    found = report(empty(), [MEASURE])
    assert found["verdict"] == "not_enough"
    assert found["horizons"]["90"]["precision"] == {"value": None, "low": None, "high": None}
    assert found["measures"][0]["finding"] == "unread"


def test_a_draft_is_known_by_all_that_it_is() -> None:
    draft = Draft([{"a": 1, "b": 2}], 40, 70, {"all": []})
    assert draft.hash == Draft([{"b": 2, "a": 1}], 40, 70, {"all": []}).hash
    others = [Draft([{"a": 1, "b": 3}], 40, 70, {"all": []}), Draft([{"a": 1, "b": 2}], 41, 70, {"all": []})]
    assert draft.hash not in {other.hash for other in others}
