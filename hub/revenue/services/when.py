from __future__ import annotations

from datetime import UTC, date, datetime


def midnight(day: date) -> datetime:
    """The start of a UTC day: when something with only a date is put into the timeline."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
