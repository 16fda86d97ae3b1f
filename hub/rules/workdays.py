"""The tenant's working days, for waits and for the clocks of answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The tenant's working days: weekdays (0 = Monday) without its holidays."""

    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        """Whether ``day`` is a working day."""
        return day.weekday() in self.weekdays and day not in self.holidays


def calendar_of(settings: Mapping[str, Any]) -> BusinessCalendar:
    """The working days of a tenant's settings (``calendar``); Monday to Friday without any."""
    raw = settings.get("calendar") or {}
    return BusinessCalendar(
        weekdays=frozenset(raw.get("weekdays", range(5))),
        holidays=frozenset(date.fromisoformat(day) for day in raw.get("holidays", ())),
    )
