"""Usage decline by its definition, on complete weeks."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.decline import DeclineRule, Verdict, complete_weeks, usage_decline

MONDAY = date(2026, 1, 5)
TOTALS = st.lists(st.integers(0, 700), min_size=0, max_size=14)


def daily(weeks: list[int], first: date = MONDAY) -> dict[date, int]:
    """Each week's use put on its Wednesday."""
    return {first + timedelta(weeks=i, days=2): total for i, total in enumerate(weeks) if total}


def judge(weeks: list[int], rule: DeclineRule | None = None) -> Verdict:
    today = MONDAY + timedelta(weeks=len(weeks))
    return usage_decline(daily(weeks), first_day=MONDAY, today=today, rule=rule).verdict


@pytest.mark.parametrize(
    ("weeks", "verdict"),
    [
        ([100] * 8 + [79, 79], Verdict.FIRES),
        ([100] * 8 + [80, 79], Verdict.NOT),
        ([100] * 8 + [79, 80], Verdict.NOT),
        ([100] * 8 + [40, 100], Verdict.NOT),
        ([100] * 4 + [79, 79], Verdict.FIRES),
        ([100] * 3 + [0, 0], Verdict.NOT_ENOUGH_HISTORY),
        ([100], Verdict.NOT_ENOUGH_HISTORY),
        ([], Verdict.NOT_ENOUGH_HISTORY),
        ([0] * 10, Verdict.NOT),
        ([1000] + [100] * 8 + [79, 79], Verdict.FIRES),
        ([1000] + [100] * 8 + [81, 81], Verdict.NOT),
        ([100] * 8 + [0, 0], Verdict.FIRES),
    ],
)
def test_two_low_weeks_fire_and_nothing_less(weeks: list[int], verdict: Verdict) -> None:
    assert judge(weeks) is verdict


@given(TOTALS)
def test_the_verdict_is_the_definition(weeks: list[int]) -> None:
    recent, before = weeks[-2:], weeks[:-2][-8:]
    if len(before) < 4:
        expected = Verdict.NOT_ENOUGH_HISTORY
    else:
        low = all(Decimal(w) < Decimal(sum(before)) * Decimal("0.8") / len(before) for w in recent)
        expected = Verdict.FIRES if low else Verdict.NOT
    assert judge(weeks) is expected


@given(TOTALS, st.integers(0, 6), st.integers(0, 10_000))
def test_the_running_week_never_counts(weeks: list[int], days_in: int, use: int) -> None:
    today = MONDAY + timedelta(weeks=len(weeks), days=days_in)
    use_today = daily(weeks) | {today: use}
    result = usage_decline(use_today, first_day=MONDAY, today=today)
    assert result.verdict is judge(weeks)


def test_a_week_that_began_before_the_first_day_is_not_complete() -> None:
    weeks = complete_weeks({}, MONDAY + timedelta(days=1), MONDAY + timedelta(weeks=3), frozenset())
    assert [week.start for week in weeks] == [MONDAY + timedelta(weeks=1), MONDAY + timedelta(weeks=2)]


def test_a_stopped_connector_is_not_a_decline() -> None:
    weeks, today = [100] * 8 + [0, 0], MONDAY + timedelta(weeks=10)
    outage = {MONDAY + timedelta(weeks=8, days=n) for n in range(14)}
    result = usage_decline(daily(weeks), first_day=MONDAY, today=today, unknown_days=outage)
    assert result.verdict is Verdict.NOT
    assert [week.total for week in result.recent] == [100, 100]


def test_weeks_follow_the_tenants_calendar() -> None:
    sunday = DeclineRule(week_start=6)
    result = usage_decline({}, first_day=MONDAY, today=MONDAY + timedelta(weeks=8), rule=sunday)
    assert {week.start.weekday() for week in (*result.recent, *result.baseline)} == {6}


def test_the_evidence_holds_what_was_seen() -> None:
    weeks = [100] * 8 + [70, 60]
    result = usage_decline(daily(weeks), first_day=MONDAY, today=MONDAY + timedelta(weeks=10))
    evidence = result.as_evidence()
    assert evidence["baseline_mean"] == 100.0
    assert evidence["drop_percent"] == 30.0
    assert evidence["threshold_percent"] == 20
    assert evidence["recent"] == [["2026-03-02", 70.0], ["2026-03-09", 60.0]]
    assert len(result.baseline) == 8


def test_an_account_without_any_use_has_no_drop_to_show() -> None:
    result = usage_decline({}, first_day=MONDAY, today=MONDAY + timedelta(weeks=10))
    assert result.drop_percent is None
    assert result.as_evidence()["drop_percent"] is None
