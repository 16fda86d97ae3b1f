"""The statistics of experiments, against their definitions and against an oracle of another house."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from journeys.experiments import sizing, stats
from journeys.experiments.kinds import Kind
from journeys.experiments.reading import Design, Sample, State, Verdict, read
from journeys.experiments.reading import compare as compared
from journeys.experiments.words import detectable_words, verdict_words
from tests.journeys.experiments.samples import DAY, shares

ORACLE = json.loads(Path(__file__).with_name("oracle.json").read_text())
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
amounts = st.lists(st.floats(-1000, 1000), min_size=3, max_size=40).map(np.array)


# --- The oracle: figures of gbstats 0.8.0, made by tests/journeys/experiments/oracle.py -----------------------------


@pytest.mark.parametrize("case", ORACLE["shares"], ids=lambda case: str(case["name"]))
def test_shares_agree_with_the_oracle(case: dict[str, Any]) -> None:
    """Wald there, Newcombe here: the estimate is the same, the sequential interval too, the fixed one nearly."""
    first, second = tuple(case["a"]), tuple(case["b"])
    found = stats.share_difference((first[0], first[1]), (second[0], second[1]))
    error = stats.share_error(*first, *second)
    assert found.estimate == pytest.approx(case["estimate"])
    assert (found.low, found.high) == pytest.approx(case["fixed"], abs=0.004)
    always = stats.always(found, error, first[1] + second[1], case["tuning"])
    assert (always.low, always.high) == pytest.approx(case["sequential"], rel=2e-3)
    assert always.p == pytest.approx(case["sequential_p"], rel=2e-2)


@pytest.mark.parametrize("case", ORACLE["amounts"], ids=lambda case: str(case["name"]))
def test_amounts_agree_with_the_oracle(case: dict[str, Any]) -> None:
    a, b = np.array(case["a"]), np.array(case["b"])
    found = stats.mean_difference(a, b)
    assert found.estimate == pytest.approx(case["estimate"])
    assert (found.low, found.high) == pytest.approx(case["fixed"], rel=1e-9)
    assert found.p == pytest.approx(case["p"], rel=1e-6)
    always = stats.always(found, found.error, len(a) + len(b), case["tuning"])
    assert (always.low, always.high) == pytest.approx(case["sequential"], rel=1e-9)


@pytest.mark.parametrize("case", ORACLE["ratios"], ids=lambda case: str(case["name"]))
def test_ratios_agree_with_the_oracle(case: dict[str, Any]) -> None:
    sides = [(np.array(case[side]["values"]), np.array(case[side]["bases"])) for side in "ab"]
    found = stats.ratio_difference(sides[0], sides[1])
    assert found.estimate == pytest.approx(case["estimate"])
    assert found.error == pytest.approx(case["error"], rel=1e-9)


@pytest.mark.parametrize("case", ORACLE["cuped"], ids=lambda case: str(case["name"]))
def test_amounts_less_the_time_before_agree_with_the_oracle(case: dict[str, Any]) -> None:
    sides, pasts = ([np.array(case[name][side]) for side in "ab"] for name in ("after", "before"))
    found = stats.cuped(sides, pasts)
    difference = stats.mean_difference(found.arms[0], found.arms[1])
    assert difference.estimate == pytest.approx(case["estimate"], rel=0.02)
    assert difference.error == pytest.approx(case["error"], rel=0.02)


@pytest.mark.parametrize("case", ORACLE["ratio_check"], ids=str)
def test_the_check_of_the_deal_agrees_with_the_oracle(case: dict[str, Any]) -> None:
    assert stats.sample_ratio(case["counts"], case["weights"]) == pytest.approx(case["p"], rel=1e-9)


# --- Definitions --------------------------------------------------------------------------------------------------


def test_newcombe_gives_the_figures_of_his_paper() -> None:
    """Stat Med 1998;17:873-890, table II, method 10: 56/70 against 48/80, 9/10 against 3/10."""
    for first, second, low, high in (((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090)):
        found = stats.share_difference(first, second)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(counts, counts)
def test_a_difference_turned_round_is_its_negative(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, other = stats.share_difference(first, second), stats.share_difference(second, first)
    assert one.estimate == pytest.approx(-other.estimate)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
    assert -1 <= one.low <= one.estimate <= one.high <= 1
    assert 0 <= one.p <= 1.0000001


@given(counts)
def test_an_interval_of_a_share_holds_it_and_stays_a_share(told: tuple[int, int]) -> None:
    found = stats.wilson(*told)
    assert 0 <= found.low <= told[0] / told[1] <= found.high <= 1


@given(amounts, amounts)
def test_what_explains_nothing_changes_nothing(first: Any, second: Any) -> None:
    flat = [np.zeros(len(first)), np.ones(len(second)) * 0]
    found = stats.cuped([first, second], flat)
    assert found.saved == 0
    assert all((a == b).all() for a, b in zip(found.arms, (first, second), strict=True))


@given(amounts, amounts, st.floats(-3, 3))
def test_what_the_time_before_explains_is_taken_out_whole(past: Any, other: Any, theta: float) -> None:
    assume(abs(theta) > 0.01 and np.std(past) > 1 and np.std(other) > 1)
    found = stats.cuped([theta * past, theta * other + 5], [past, other])
    assert found.saved == pytest.approx(1, abs=1e-6)
    assert np.mean(found.arms[1]) - np.mean(found.arms[0]) == pytest.approx(5, abs=1e-3)


@given(st.integers(2, 10**6), st.integers(100, 10**6))
def test_a_reading_at_any_time_is_always_wider(n: int, planned: int) -> None:
    rho = stats.mixture(planned, 0.05)
    assert stats.always_multiplier(n, rho, 0.05) > stats.critical(0.05)


def test_clusters_count_not_their_size() -> None:
    """The same accounts with ten times the money each have the same ratio, as uncertain as before."""
    values, bases = np.array([1.0, 0.0, 3.0, 2.0]), np.array([2.0, 1.0, 3.0, 4.0])
    assert stats.ratio(values * 10, bases * 10) == pytest.approx(stats.ratio(values, bases))


# --- What may be said ---------------------------------------------------------------------------------------------

DESIGN = Design(Kind.SHARE, (50, 50))


def test_a_deal_that_is_off_blocks_every_figure() -> None:
    found = read(DESIGN, [1000, 1200], shares((300, 1000), (500, 1200)), DAY)
    assert found.state is State.RATIO
    assert found.arms == () == found.comparisons
    assert found.ratio_p < stats.RATIO_LIMIT


def test_a_verdict_is_refused_before_its_day_and_below_the_detectable_effect() -> None:
    early = Design(Kind.SHARE, (50, 50), day=DAY.replace(year=DAY.year + 1))
    assert read(early, [500, 500], shares((100, 500), (200, 500)), DAY).state is State.EARLY
    small = read(DESIGN, [500, 500], shares((100, 500), (132, 500)), DAY).comparisons[0]
    assert small.difference.excludes_zero
    assert small.verdict is Verdict.SMALL
    large = read(DESIGN, [500, 500], shares((100, 500), (150, 500)), DAY).comparisons[0]
    assert large.verdict is Verdict.BETTER


@given(counts, counts)
def test_no_arm_is_better_that_the_sample_could_not_have_shown(first: tuple[int, int], second: tuple[int, int]) -> None:
    assume(first[1] > 1 and second[1] > 1)
    one, other = shares(first, second)
    found = compared(DESIGN, one, other)
    if found.verdict in (Verdict.BETTER, Verdict.WORSE):
        assert found.difference.excludes_zero
        assert abs(found.difference.estimate) >= found.detectable
        assert (found.verdict is Verdict.BETTER) == (found.difference.estimate > 0)


def test_more_arms_ask_for_more_of_each_comparison() -> None:
    two = read(DESIGN, [500, 500], shares((100, 500), (150, 500)), DAY).comparisons[0].difference
    three = Design(Kind.SHARE, (34, 33, 33))
    found = read(three, [500, 500, 500], shares((100, 500), (150, 500), (100, 500)), DAY)
    assert found.comparisons[0].difference.low < two.low
    assert [each.arm for each in found.comparisons] == [1, 2]


def test_one_account_says_nothing() -> None:
    assert (
        read(DESIGN, [1, 0], [Sample(np.ones(1), np.ones(1)), Sample(np.ones(0), np.ones(0))], DAY).state is State.FEW
    )


@pytest.mark.parametrize("kind", [Kind.AMOUNT, Kind.RATIO])
@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("values", [(0.0, 1.0), (0.1 + 0.2, 0.7)])
def test_accounts_that_are_all_alike_make_no_winner(kind: Kind, sequential: bool, values: tuple[float, float]) -> None:
    samples = [Sample(np.full(3, value), np.ones(3)) for value in values]
    (found,) = read(Design(kind, (50, 50), sequential=sequential, planned=100), [3, 3], samples, DAY).comparisons
    assert found.verdict is Verdict.SMALL
    assert found.difference.p == 1.0
    told = verdict_words(found.verdict, "B", "A", detectable_words(found.detectable, kind), 0.8)
    assert "could hardly show any" in told


# --- Sizes --------------------------------------------------------------------------------------------------------


def test_the_size_of_a_textbook_example() -> None:
    """Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, without correction: 0.60 against 0.70."""
    assert sizing.accounts_for_share(0.60, 0.10, sizing.Plan()) == 356


@given(st.floats(0.02, 0.5), st.integers(50, 20_000), st.booleans())
def test_what_a_number_detects_is_what_that_number_is_needed_for(baseline: float, n: int, sequential: bool) -> None:
    plan = sizing.Plan(sequential=sequential)
    change = sizing.detectable_share(baseline, n, plan)
    if change is not None:
        needed = sizing.accounts_for_share(baseline, change, plan)
        assert needed is not None
        assert abs(needed - n) <= max(2, n * 0.02)


@given(st.floats(0.05, 0.6), st.floats(0.03, 0.3), st.integers(2, 5))
def test_more_arms_and_reading_at_any_time_need_more(baseline: float, change: float, arms: int) -> None:
    plain, more, always = (
        sizing.accounts_for_share(baseline, change, plan)
        for plan in (sizing.Plan(), sizing.Plan(arms=arms), sizing.Plan(sequential=True))
    )
    assert (plain or 0) <= (more or 0)
    assert 0 < (plain or 0) < (always or 0)


def test_there_is_no_size_for_what_cannot_be() -> None:
    assert sizing.accounts_for_share(0.9, 0.2, sizing.Plan()) is None
    assert sizing.accounts_for_share(0.3, 0.0, sizing.Plan()) is None
    assert sizing.accounts_for_amount(0.0, 5.0, sizing.Plan()) is None
    assert sizing.accounts_for_amount(10.0, 5.0, sizing.Plan()) == 63


@pytest.mark.parametrize("change", [1e-150, 1e-200, 5e-324])
def test_a_change_too_small_for_a_number_has_no_size(change: float) -> None:
    assert sizing.accounts_for_share(0.3, change, sizing.Plan()) is None
    assert sizing.accounts_for_amount(1e12, change, sizing.Plan(sequential=True)) is None
