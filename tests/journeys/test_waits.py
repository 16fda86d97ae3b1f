"""Waits in zones whose clocks jump by an hour, by half an hour, and at midnight."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.wallclock import instant
from hub.rules.workdays import BusinessCalendar
from journeys.waits import (
    Days,
    Elapsed,
    Until,
    WaitError,
    WaitRule,
    describe,
    due_at,
    parse_wait,
)

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
LORD_HOWE, SAO_PAULO = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Sao_Paulo")
ZONES = st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE, SAO_PAULO, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")])
MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
CLOCKS = st.times().map(lambda at: at.replace(second=0, microsecond=0))
RULES: st.SearchStrategy[WaitRule] = st.one_of(
    st.integers(1, 10_000).map(lambda n: Elapsed(timedelta(minutes=n))),
    st.builds(Days, st.integers(1, 60), st.none() | CLOCKS, st.booleans()),
    st.builds(Until, CLOCKS, st.frozensets(st.integers(0, 6), min_size=1)),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        (NEW_YORK, "2026-03-08", "02:30", "2026-03-08 07:00"),
        (NEW_YORK, "2026-03-08", "03:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-11-01", "01:30", "2026-11-01 05:30"),
        (BERLIN, "2026-03-29", "02:00", "2026-03-29 01:00"),
        (BERLIN, "2026-03-29", "02:59", "2026-03-29 01:00"),
        (BERLIN, "2026-10-25", "02:15", "2026-10-25 00:15"),
        (LORD_HOWE, "2026-10-04", "02:10", "2026-10-03 15:30"),
        (LORD_HOWE, "2026-10-04", "02:30", "2026-10-03 15:30"),
        (LORD_HOWE, "2026-04-05", "01:45", "2026-04-04 14:45"),
        (SAO_PAULO, "2018-11-04", "00:00", "2018-11-04 03:00"),
        (SAO_PAULO, "2018-11-04", "00:30", "2018-11-04 03:00"),
        (SAO_PAULO, "2018-02-17", "23:30", "2018-02-18 01:30"),
        (SAO_PAULO, "2026-11-04", "00:30", "2026-11-04 03:30"),
    ],
)
def test_gaps_end_at_their_first_instant_and_repeats_take_the_first(
    zone: ZoneInfo, day: str, at: str, expected: str
) -> None:
    assert instant(date.fromisoformat(day), time.fromisoformat(at), zone) == utc(expected)


def test_three_days_are_calendar_days_and_72_hours_are_72_hours() -> None:
    friday = utc("2026-03-06 14:00")  # 09:00 in New York, two days before the clocks change
    assert due_at(Days(3), friday, NEW_YORK) == utc("2026-03-09 13:00")
    assert due_at(Elapsed(timedelta(hours=72)), friday, NEW_YORK) == utc("2026-03-09 14:00")


def test_business_days_skip_weekends_and_holidays() -> None:
    thursday = utc("2026-04-02 08:00")
    easter = BusinessCalendar(holidays=frozenset({date(2026, 4, 3), date(2026, 4, 6)}))
    assert due_at(Days(1, time(9), business=True), thursday, BERLIN, easter) == utc("2026-04-07 07:00")
    assert due_at(Days(1, time(9), business=True), thursday, BERLIN) == utc("2026-04-03 07:00")


def test_the_working_week_is_the_tenants() -> None:
    sunday_to_thursday = BusinessCalendar(weekdays=frozenset({6, 0, 1, 2, 3}))
    thursday = utc("2026-04-02 08:00")
    assert due_at(Days(1, business=True), thursday, ZoneInfo("UTC"), sunday_to_thursday) == utc("2026-04-05 08:00")


def test_a_calendar_without_working_days_is_an_error() -> None:
    with pytest.raises(WaitError, match="too few working days"):
        due_at(Days(1, business=True), utc("2026-04-02 08:00"), BERLIN, BusinessCalendar(frozenset()))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-30 06:59", "2026-03-30 07:00"),
        ("2026-03-30 07:00", "2026-03-30 07:00"),
        ("2026-03-30 07:01", "2026-03-31 07:00"),
        ("2026-03-27 09:00", "2026-03-30 07:00"),
    ],
)
def test_until_nine_on_weekdays_is_the_next_such_moment(start: str, expected: str) -> None:
    rule = parse_wait({"until": "09:00", "weekdays": ["mon", "tue", "wed", "thu", "fri"]})
    assert due_at(rule, utc(start), BERLIN) == utc(expected)


@given(RULES, MOMENTS, ZONES)
def test_a_wait_is_never_over_before_it_began(rule: WaitRule, start: datetime, zone: ZoneInfo) -> None:
    due = due_at(rule, start, zone)
    assert due >= start
    assert due.tzinfo is UTC


@given(MOMENTS.map(lambda m: m.date()), CLOCKS, ZONES)
def test_an_instant_is_the_earliest_at_or_after_the_wall_time(day: date, at: time, zone: ZoneInfo) -> None:
    found = instant(day, at, zone)
    wall = datetime.combine(day, at)
    shown = found.astimezone(zone).replace(tzinfo=None, fold=0)
    earlier = (found - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None, fold=0)
    assert shown >= wall
    assert earlier < wall


@given(RULES, MOMENTS, ZONES)
def test_the_same_rule_recomputed_gives_the_same_instant(rule: WaitRule, start: datetime, zone: ZoneInfo) -> None:
    assert due_at(rule, start, zone) == due_at(rule, start.astimezone(zone), zone)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (3, "is an object"),
        ({}, "exactly one of"),
        ({"days": 1, "hours": 1}, "exactly one of"),
        ({"days": 0}, "from 1 to 730"),
        ({"days": True}, "whole number"),
        ({"hours": 1.5}, "whole number"),
        ({"hours": 5, "at": "09:00"}, "a wait by hours has no at"),
        ({"days": 1, "at": "9:00"}, "not a wall time"),
        ({"until": "24:00"}, "not a wall time"),
        ({"until": "09:00", "weekdays": ["monday"]}, "weekdays is a list"),
        ({"until": "09:00", "weekdays": []}, "weekdays is a list"),
    ],
)
def test_a_wrong_wait_says_what_is_wrong(raw: object, message: str) -> None:
    with pytest.raises(WaitError, match=message):
        parse_wait(raw)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"hours": 72}, "wait 72 hours"),
        ({"minutes": 1}, "wait 1 minute"),
        ({"days": 3}, "wait 3 days"),
        ({"business_days": 1, "at": "09:00"}, "wait 1 business day, until 09:00"),
        ({"until": "09:00"}, "wait until 09:00"),
        ({"until": "09:00", "weekdays": ["fri", "mon"]}, "wait until 09:00 on Mondays, Fridays"),
    ],
)
def test_a_wait_reads_in_words(raw: object, words: str) -> None:
    assert describe(parse_wait(raw)) == words
