"""From a wall time in a zone to the one instant that is meant."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall time.

    Shown twice by the clocks → the first; skipped by them → the first instant after the gap.
    """
    wall = datetime.combine(day, at)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return first
    # In a gap fold=1 reads the wall time by the offset after the jump, an instant before it.
    return _transition(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _transition(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second in (low, high] with the offset of ``high``."""
    after = high.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = max((low + (high - low) / 2).replace(microsecond=0), low + _SECOND)
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)
