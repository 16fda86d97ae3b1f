"""Until when a task has to be answered, and what came of it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hub.rules.wallclock import instant
from hub.rules.workdays import BusinessCalendar

MIDNIGHT: Final = time(0)
_ONE_DAY: Final = timedelta(days=1)
# A calendar without a working day in so long has none.
_FAR: Final = 4_000


def respond_by(
    start: datetime, hours: int, *, business: bool, zone: ZoneInfo, calendar: BusinessCalendar | None = None
) -> datetime:
    """The instant (UTC) by which a task of ``start`` (aware) has to be answered.

    ``business``: only the hours of working days count, all 24 of each by the clocks of ``zone``; so 48 hours from
    Friday 10:00 are over on Tuesday 10:00. Else every hour counts. A calendar without working days counts every hour.
    """
    left, moment = timedelta(hours=hours), start.astimezone(UTC)
    if not business:
        return moment + left
    calendar, day = calendar or BusinessCalendar(), moment.astimezone(zone).date()
    for _ in range(_FAR):
        ends = instant(day + _ONE_DAY, MIDNIGHT, zone)
        if calendar.works(day):
            if moment + left <= ends:
                return moment + left
            left -= max(ends - moment, timedelta())
        day, moment = day + _ONE_DAY, max(moment, ends)
    return start.astimezone(UTC) + timedelta(hours=hours)


def worked_between(
    start: datetime, end: datetime, *, zone: ZoneInfo, calendar: BusinessCalendar | None = None
) -> timedelta:
    """How much time of working days lies between two instants."""
    calendar, total = calendar or BusinessCalendar(), timedelta()
    day = start.astimezone(zone).date()
    while (begins := instant(day, MIDNIGHT, zone)) < end:
        if calendar.works(day):
            ends = instant(day + _ONE_DAY, MIDNIGHT, zone)
            total += max(min(ends, end) - max(begins, start), timedelta())
        day += _ONE_DAY
    return total
