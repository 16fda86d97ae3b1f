"""Until when a task has to be answered: every hour, or those of working days, in any zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.workdays import BusinessCalendar
from hub.work.sla import respond_by, worked_between

ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"])
STARTS = st.datetimes(datetime(2023, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
CALENDARS = st.builds(
    BusinessCalendar,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.frozensets(st.dates(date(2023, 1, 1), date(2028, 2, 1)), max_size=8),
)
HOURS = st.integers(1, 24 * 30)


@given(STARTS, HOURS, ZONES, CALENDARS)
def test_exactly_so_much_working_time_lies_between(
    start: datetime, hours: int, zone: str, calendar: BusinessCalendar
) -> None:
    where = ZoneInfo(zone)
    end = respond_by(start, hours, business=True, zone=where, calendar=calendar)
    assert worked_between(start, end, zone=where, calendar=calendar) == timedelta(hours=hours)
    assert end >= start + timedelta(hours=hours)


@given(STARTS, STARTS, HOURS, ZONES, CALENDARS)
def test_what_begins_later_is_never_over_earlier(
    one: datetime, other: datetime, hours: int, zone: str, calendar: BusinessCalendar
) -> None:
    ends = [respond_by(at, hours, business=True, zone=ZoneInfo(zone), calendar=calendar) for at in sorted((one, other))]
    assert ends == sorted(ends)


@given(STARTS, HOURS, ZONES)
def test_where_every_day_is_a_working_day_both_clocks_agree(start: datetime, hours: int, zone: str) -> None:
    every = BusinessCalendar(frozenset(range(7)))
    by_clock = [respond_by(start, hours, business=b, zone=ZoneInfo(zone), calendar=every) for b in (True, False)]
    assert by_clock[0] == by_clock[1] == start + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("start", "business", "end"),
    [
        ("2026-03-06T10:00", True, "2026-03-10T10:00"),  # Friday
        ("2026-03-07T10:00", True, "2026-03-11T00:00"),  # Saturday: the clock begins on Monday
        ("2026-03-06T10:00", False, "2026-03-08T10:00"),
        ("2026-03-27T12:00", True, "2026-03-31T12:00"),  # over the change of the clocks
    ],
)
def test_forty_eight_hours_in_berlin(start: str, business: bool, end: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = respond_by(datetime.fromisoformat(start).replace(tzinfo=zone), 48, business=business, zone=zone)
    assert found.astimezone(zone).isoformat()[:16] == end


def test_a_calendar_without_working_days_counts_every_hour() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    none = BusinessCalendar(frozenset())
    assert respond_by(start, 5, business=True, zone=ZoneInfo("UTC"), calendar=none) == start + timedelta(hours=5)
