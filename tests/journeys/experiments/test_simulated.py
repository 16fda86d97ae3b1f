"""A thousand experiments in which nothing differs, and some in which something does."""

from __future__ import annotations

import math

import pytest

from journeys.experiments import sizing
from journeys.experiments.reading import Result, State
from tests.journeys.experiments.simulation import arms_of, runs

RUNS, ACCOUNTS = 1000, 1000


def shown(looks: list[Result]) -> bool:
    """Whether any look says that the arms differ."""
    return any(look.comparisons[0].difference.excludes_zero for look in looks if look.state is State.READ)


@pytest.mark.slow
def test_where_nothing_differs_one_in_twenty_readings_says_so() -> None:
    found = list(runs(RUNS, ACCOUNTS, 0.3, 0.0))
    assert sum(look.state is State.RATIO for (look,) in found) <= 5
    assert 0.035 <= sum(map(shown, found)) / RUNS <= 0.065


@pytest.mark.slow
def test_looking_ten_times_at_an_always_valid_interval_does_not_say_so_more_often() -> None:
    assert sum(map(shown, runs(RUNS, ACCOUNTS, 0.3, 0.0, sequential=True))) / RUNS <= 0.05


@pytest.mark.slow
def test_six_points_are_found_at_the_stated_power_and_lie_in_the_interval() -> None:
    per_arm = sizing.accounts_for_share(0.3, 0.06, sizing.Plan(power=0.8))
    assert per_arm is not None
    found = [look.comparisons[0] for (look,) in runs(400, 2 * per_arm, 0.3, 0.06) if look.comparisons]
    within = sum(each.difference.low <= 0.06 <= each.difference.high for each in found) / len(found)
    power = sum(each.difference.low > 0 for each in found) / len(found)
    assert 0.93 <= within <= 0.97
    assert 0.76 <= power <= 0.84


def test_a_second_run_deals_the_same_arms() -> None:
    assert (arms_of("again", 500) == arms_of("again", 500)).all()
    assert (arms_of("again", 500) != arms_of("other", 500)).any()


@pytest.mark.slow
@pytest.mark.parametrize("baseline", [0.02, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("change", [-0.015, 0.03, 0.1])
def test_sizes_are_those_of_statsmodels(baseline: float, change: float) -> None:
    from statsmodels.stats.power import NormalIndPower, normal_sample_size_one_tail

    other, middle = baseline + change, baseline + change / 2
    null, real = (2 * middle * (1 - middle)) ** 0.5, (baseline * (1 - baseline) + other * (1 - other)) ** 0.5
    told = normal_sample_size_one_tail(abs(change), 0.8, 0.025, std_null=null, std_alternative=real)
    assert sizing.accounts_for_share(baseline, change, sizing.Plan()) == math.ceil(told)
    told = NormalIndPower().solve_power(abs(change) / 0.4, power=0.8, alpha=0.05)
    assert sizing.accounts_for_amount(0.4, change, sizing.Plan()) == math.ceil(told)
