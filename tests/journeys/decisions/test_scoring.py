"""Chances: the same draw for the same four things, beliefs that move with outcomes, a lift that is not said early."""

from __future__ import annotations

import statistics
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.decisions.scoring import LEAST_FOR_LIFT, Belief, Tally, draw, lift, seed_of
from journeys.decisions.worths import worth_of

priors = st.floats(0.1, 100)
counts = st.integers(0, 500)
TENANT, ACCOUNT = UUID(int=1), UUID(int=2)
DAY = date(2026, 11, 23)


@given(priors, priors, counts, counts, st.integers(0, 2**64 - 1))
def test_a_draw_is_a_chance_and_comes_again(a: float, b: float, yes: int, no: int, seed: int) -> None:
    belief = Belief(a, b, yes, no)
    assert 0 <= draw(belief, seed) <= 1
    assert draw(belief, seed) == draw(belief, seed)


def test_the_draw_of_an_account_and_a_day_is_known_for_ever() -> None:
    """A change of these figures would make every stored day come out otherwise."""
    seed = seed_of(TENANT, ACCOUNT, DAY, "call")
    assert seed == 8951478099418394010
    assert draw(Belief(2, 6, 3, 9), seed) == 0.255431786


@given(priors, priors, counts, counts)
def test_a_success_raises_what_is_believed_and_a_failure_lowers_it(a: float, b: float, yes: int, no: int) -> None:
    belief = Belief(a, b, yes, no)
    assert Belief(a, b, yes + 1, no).mean > belief.mean > Belief(a, b, yes, no + 1).mean


def test_the_interval_is_that_of_the_table() -> None:
    """The quantiles of Beta(2, 2) are the roots of 3x² − 2x³ = 0.05 and 0.95."""
    low, high = Belief(1, 1, 1, 1).interval()
    assert 3 * low**2 - 2 * low**3 == pytest.approx(0.05)
    assert high == pytest.approx(1 - low)


def test_draws_are_distributed_as_the_belief_says() -> None:
    belief = Belief(3, 9)
    drawn = [draw(belief, seed) for seed in range(4_000)]
    # The mean of Beta(3, 9) is 0.25, its standard deviation 0.12.
    assert statistics.fmean(drawn) == pytest.approx(0.25, abs=0.01)
    assert statistics.stdev(drawn) == pytest.approx((0.25 * 0.75 / 13) ** 0.5, abs=0.01)


def test_another_day_account_or_play_draws_anew() -> None:
    seeds = {
        seed_of(TENANT, ACCOUNT, DAY, "call"),
        seed_of(TENANT, ACCOUNT, date(2026, 11, 24), "call"),
        seed_of(TENANT, TENANT, DAY, "call"),
        seed_of(TENANT, ACCOUNT, DAY, "ask"),
    }
    assert len(seeds) == 4


@given(st.integers(0, LEAST_FOR_LIFT - 1), st.integers(0, 500))
def test_no_lift_is_told_of_too_few(few: int, many: int) -> None:
    assert lift(Tally(0, few), Tally(0, many)).difference is None
    assert lift(Tally(0, many), Tally(0, few)).why


@given(st.data(), st.integers(LEAST_FOR_LIFT, 2000), st.integers(LEAST_FOR_LIFT, 2000))
def test_a_lift_lies_in_its_interval(data: st.DataObject, treated: int, held: int) -> None:
    found = lift(Tally(data.draw(st.integers(0, treated)), treated), Tally(data.draw(st.integers(0, held)), held))
    assert found.low is not None
    assert found.high is not None
    assert found.difference is not None
    assert -1 <= found.low <= found.difference + 1e-12
    assert found.difference - 1e-12 <= found.high <= 1


def test_newcombes_example_comes_out() -> None:
    """Newcombe (1998), table II, row (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    found = lift(Tally(56, 70), Tally(48, 80))
    assert found.low == pytest.approx(0.0524, abs=1e-4)
    assert found.high == pytest.approx(0.3339, abs=1e-4)


@given(st.integers(0, 10**9), st.sampled_from(["at_risk", "expansion", "adoption", "reference"]), st.integers(1, 100))
def test_a_share_of_revenue_is_never_more_than_it(mrr: int, formula: str, percent: int) -> None:
    worth = worth_of(formula, percent, {"mrr_minor": mrr})
    assert worth.minor == 12 * mrr * percent // 100
    assert f"{percent}%" in worth.words


@pytest.mark.parametrize(
    ("facts", "minor", "word"),
    [
        ({"health_band": "red"}, 480, "red"),
        ({"health_band": "green"}, 60, "green"),
        ({}, 120, "not known"),
        ({"health_band": "green", "churn_risk": 70}, 840, "model"),
    ],
)
def test_what_is_at_risk_names_where_it_comes_from(facts: dict[str, object], minor: int, word: str) -> None:
    worth = worth_of("at_risk", None, {"mrr_minor": 100, **facts})
    assert worth.minor == minor
    assert word in worth.words
