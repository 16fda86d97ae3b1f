"""When a wait is over: from the rule of a wait and a zone to one instant.

A wait keeps its rule beside ``due_at``, so that it can be computed again when the zone, the
rule or the calendar changes. JSON forms:

- ``{"minutes": 30}``, ``{"hours": 72}``: elapsed time, whatever the clocks do meanwhile;
- ``{"days": 3}``, ``{"days": 3, "at": "09:00"}``: calendar days of the zone, same wall time or ``at``;
- ``{"business_days": 2, "at": "09:00"}``: days of the tenant's calendar;
- ``{"date": "renews_on", "offset_days": -30, "at": "09:00"}``: a day that is known of the account, only where dates
  are allowed;
- ``{"until": "09:00", "weekdays": ["mon", "fri"]}``: the next such wall time, now included.

A wall time that the clocks skip becomes the first instant after the gap; one that they show
twice is the first of the two.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from hub.rules.wallclock import instant
from hub.rules.workdays import BusinessCalendar

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z")
_LIMITS: Final = {"minutes": 525_600, "hours": 8_760, "days": 730, "business_days": 500}
_ONE_DAY: Final = timedelta(days=1)
_FAR: Final = 4_000


class WaitError(ValueError):
    """A wait rule that cannot be read, or that can never come due."""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """So much time, exactly."""

    span: timedelta


@dataclass(frozen=True, slots=True)
class Days:
    """So many calendar or business days, at the same wall time or ``at``."""

    count: int
    at: time | None = None
    business: bool = False


@dataclass(frozen=True, slots=True)
class Until:
    """The next time the wall clock shows ``at`` on one of ``weekdays`` (0 = Monday)."""

    at: time
    weekdays: frozenset[int]


@dataclass(frozen=True, slots=True)
class OnDate:
    """``offset`` days after (or, negative, before) the day that a fact of the account names, at a wall time."""

    fact: str
    offset: int
    at: time


WaitRule: TypeAlias = Elapsed | Days | Until | OnDate


def date_of(raw: object) -> str:
    """The fact whose day a wait rule waits for, "" for a rule that needs none."""
    return str(raw["date"]) if isinstance(raw, Mapping) and "date" in raw else ""


def parse_wait(raw: object, *, dates: bool = False) -> WaitRule:
    """The rule of its JSON form; raises WaitError saying what is wrong. ``dates``: rules on the account's days pass."""
    if not isinstance(raw, Mapping):
        raise WaitError("a wait rule is an object")
    if "date" in raw:
        return _on_date(raw, dates)
    kinds = [key for key in ("until", *_LIMITS) if key in raw]
    if len(kinds) != 1:
        raise WaitError(f"a wait rule has exactly one of {', '.join(_LIMITS)}, until")
    kind = kinds[0]
    allowed = {kind} | ({"weekdays"} if kind == "until" else {"at"} if "days" in kind else set())
    if extra := sorted(set(map(str, raw)) - allowed):
        raise WaitError(f"a wait by {kind} has no {', '.join(extra)}")
    if kind == "until":
        return Until(_clock(raw["until"]), _weekdays(raw.get("weekdays")))
    count = _count(kind, raw[kind])
    if kind in ("minutes", "hours"):
        return Elapsed(timedelta(**{kind: count}))
    return Days(count, _clock(raw["at"]) if "at" in raw else None, business=kind == "business_days")


def _on_date(raw: Mapping[object, object], dates: bool) -> OnDate:
    if not dates:
        raise WaitError("this wait cannot be until a date")
    if extra := sorted(set(map(str, raw)) - {"date", "offset_days", "at"}):
        raise WaitError(f"a wait by date has no {', '.join(extra)}")
    offset = raw.get("offset_days", 0)
    if not isinstance(raw["date"], str) or not raw["date"]:
        raise WaitError("date names a fact that is a day")
    if type(offset) is not int or abs(offset) > _LIMITS["days"]:
        raise WaitError(f"offset_days must be a whole number from -{_LIMITS['days']} to {_LIMITS['days']}")
    return OnDate(raw["date"], offset, _clock(raw.get("at", "09:00")))


def due_at(
    rule: WaitRule,
    start: datetime,
    zone: ZoneInfo,
    calendar: BusinessCalendar | None = None,
    *,
    day: date | None = None,
) -> datetime:
    """The instant (UTC) at which a wait that began at ``start`` (aware) is over, never before it.

    A rule on a date asks for the ``day`` that its fact names; it may be over before it began.
    """
    match rule:
        case Elapsed(span):
            return start.astimezone(UTC) + span
        case Days():
            return _after_days(rule, start, zone, calendar or BusinessCalendar())
        case Until():
            return _next_wall_time(rule, start, zone)
        case OnDate(_, offset, at):
            if day is None:
                raise WaitError("the date is missing")
            return instant(day + timedelta(days=offset), at, zone)


def describe(rule: WaitRule) -> str:
    """The rule in words: ``wait 3 days, until 09:00``."""
    match rule:
        case Elapsed(span):
            minutes = int(span.total_seconds()) // 60
            return f"wait {_plural(minutes // 60, 'hour') if minutes % 60 == 0 else _plural(minutes, 'minute')}"
        case Days(count, at, business):
            until = f", until {at:%H:%M}" if at else ""
            return f"wait {_plural(count, 'business day' if business else 'day')}{until}"
        case Until(at, weekdays):
            return f"wait until {at:%H:%M}{_on_days(weekdays)}"
        case OnDate(fact, offset, at):
            side = f"{_plural(abs(offset), 'day')} {'before' if offset < 0 else 'after'} " if offset else ""
            return f"wait until {side}{fact.removeprefix('attribute.').replace('_', ' ')}, {at:%H:%M}"


def _after_days(rule: Days, start: datetime, zone: ZoneInfo, calendar: BusinessCalendar) -> datetime:
    local = start.astimezone(zone)
    at = rule.at or local.time().replace(fold=0)
    if rule.business:
        return instant(_business_day(local.date(), rule.count, calendar), at, zone)
    return instant(local.date() + timedelta(days=rule.count), at, zone)


def _business_day(day: date, count: int, calendar: BusinessCalendar) -> date:
    """The ``count``-th working day after ``day``."""
    for _ in range(_FAR):
        day += _ONE_DAY
        count -= calendar.works(day)
        if not count:
            return day
    raise WaitError("the business calendar has too few working days for this wait")


def _next_wall_time(rule: Until, start: datetime, zone: ZoneInfo) -> datetime:
    day = start.astimezone(zone).date()
    # Eight days reach the same weekday again when today's time has passed.
    candidates = (day + timedelta(days=n) for n in range(9))
    due = (instant(d, rule.at, zone) for d in candidates if d.weekday() in rule.weekdays)
    return next(moment for moment in due if moment >= start)


def _count(kind: str, raw: object) -> int:
    if type(raw) is not int or not 1 <= raw <= _LIMITS[kind]:
        raise WaitError(f"{kind} must be a whole number from 1 to {_LIMITS[kind]}")
    return raw


def _clock(raw: object) -> time:
    found = _CLOCK.match(raw) if isinstance(raw, str) else None
    if not found:
        raise WaitError(f'{raw!r} is not a wall time like "09:00"')
    return time(int(found[1]), int(found[2]))


def _weekdays(raw: object) -> frozenset[int]:
    if raw is None:
        return frozenset(range(7))
    if not isinstance(raw, list) or not raw or not all(day in WEEKDAYS for day in raw):
        raise WaitError(f"weekdays is a list of {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(day) for day in raw)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _on_days(weekdays: Collection[int]) -> str:
    days = sorted(weekdays)
    if len(days) == 7:
        return ""
    if days == list(range(5)):
        return " on Mondays to Fridays"
    return f" on {', '.join(_DAY_NAMES[day] for day in days)}"
