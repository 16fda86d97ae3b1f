from __future__ import annotations

from datetime import date, timedelta
from statistics import mean

import pytest

from config.demo.simulator import Account, simulate

TODAY = date(2026, 6, 10)


@pytest.fixture(scope="module")
def world() -> list[Account]:
    return simulate(accounts=400, months=24, seed=3, today=TODAY)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_world(world: list[Account]) -> None:
    assert simulate(accounts=400, months=24, seed=3, today=TODAY) == world
    assert simulate(accounts=400, months=24, seed=4, today=TODAY) != world


def test_losing_the_champion_makes_churn_likelier(world: list[Account]) -> None:
    old = [a for a in world if a.signed_up_on + timedelta(days=365) <= TODAY]
    lost = [a.churned_on is not None for a in old if a.champion_left_on]
    kept = [a.churned_on is not None for a in old if not a.champion_left_on]
    assert mean(lost) > 2 * mean(kept)


def test_fit_shows_in_surveys_and_growth(world: list[Account]) -> None:
    good = [a for a in world if a.fit > 0.75]
    poor = [a for a in world if a.fit < 0.4]

    def scores(accounts: list[Account]) -> float:
        return mean(s.score for a in accounts for s in a.surveys)

    assert scores(good) > scores(poor) + 2
    assert mean(len(a.lines) for a in good) > mean(len(a.lines) for a in poor)


def test_planted_declines_show_in_the_last_two_weeks(world: list[Account]) -> None:
    declining = [a for a in world if a.declining]
    assert len(declining) >= 20
    monday = TODAY - timedelta(days=TODAY.weekday())
    for account in declining:
        recent = sum(u.count for u in account.uses if monday - timedelta(days=14) <= u.day < monday) / 2
        before = (
            sum(u.count for u in account.uses if monday - timedelta(days=70) <= u.day < monday - timedelta(days=14)) / 8
        )
        assert recent < 0.8 * before


def test_nothing_is_dated_after_today_and_ids_are_unique(world: list[Account]) -> None:
    assert all(u.day < TODAY for a in world for u in a.uses)
    ids = [u.id for a in world for u in a.uses]
    assert len(set(ids)) == len(ids)
    assert all(line.starts_on <= (line.ends_on or TODAY) for a in world for line in a.lines)


def test_a_contract_that_runs_comes_up_within_a_year_from_today(world: list[Account]) -> None:
    running = [line.renews_on for account in world for line in account.lines if line.ends_on is None]
    assert running
    assert all(day is not None and TODAY < day <= TODAY + timedelta(days=366) for day in running)
