"""Text from a file into typed values. Pure; every refusal says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

TRUE_WORDS: Final = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE_WORDS: Final = frozenset({"false", "f", "no", "n", "0", "0.0"})
# Spreadsheets count days from here (day 60, the 29 February 1900 that never was, lies before every date we take).
SERIAL_EPOCH: Final = date(1899, 12, 30)
SERIALS: Final = range(20_000, 80_000)
MINOR_DIGITS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3}

_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\Z")
_PARTS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})\Z")
_TIME = re.compile(r"[T ](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?\Z")
# What stands around and inside amounts: currency signs and codes, spaces and apostrophes between thousands.
_AROUND_NUMBERS = re.compile(r"^[A-Z]{3}(?=[\s\d.+-])|(?<=[\s\d.])[A-Z]{3}$|[$€£¥₹₩₽₺฿\s'’]")
# Orders of day and month that a mapping may name instead of a format; separators, times and short years are read too.
ORDERS: Final = ("dmy", "mdy")


class BadValue(ValueError):
    """A value that is not what its field takes; the message says what was expected."""


def text(value: str) -> str:
    return value.strip()


def integer(value: str) -> int:
    number_ = number(value)
    if number_ != int(number_):
        raise BadValue("expected a whole number")
    return int(number_)


def number(value: str) -> float:
    try:
        found = float(_plain_number(value))
    except (ValueError, InvalidOperation):
        raise BadValue("expected a number") from None
    if found != found or found in (float("inf"), float("-inf")):
        raise BadValue("expected a number")
    return found


def _plain_number(value: str) -> str:
    """Drop thousands separators and currency signs: ``$1,234.50`` → ``1234.50``; ``1.234,50`` → ``1234.50``."""
    stripped = _AROUND_NUMBERS.sub("", value.strip())
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", stripped) and "," in stripped:
        return stripped.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", stripped) or re.fullmatch(r"[+-]?\d+(\.\d+)?", stripped):
        return stripped.replace(",", "")
    if re.fullmatch(r"[+-]?\d+,\d{1,2}", stripped):
        return stripped.replace(",", ".")
    raise ValueError(value)


def boolean(value: str, *, true: frozenset[str] = TRUE_WORDS, false: frozenset[str] = FALSE_WORDS) -> bool:
    word = value.strip().lower()
    if word in true:
        return True
    if word in false:
        return False
    raise BadValue(f"expected yes or no (one of {', '.join(sorted(true | false))})")


def day(value: str, *, form: str = "") -> date:
    """A calendar day: ISO, with another order only where it is plain, a spreadsheet's day number, or by `form`."""
    value = value.strip()
    if form and form not in ORDERS:
        try:
            return datetime.strptime(value, form).date()  # noqa: DTZ007  # a calendar day has no zone
        except ValueError:
            raise BadValue(f"expected a date like {form}") from None
    try:
        if len(value) == 10 and value[4] == "-":
            return date.fromisoformat(value)
    except ValueError:
        raise BadValue("there is no such day") from None
    head = _TIME.sub("", value)
    try:
        if match := _ISO_DAY.match(head):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _PARTS.match(head):
            return _by_parts(int(match[1]), int(match[3]), int(match[4]), match[2], form)
        if re.fullmatch(r"\d{5}(\.\d+)?", head) and int(float(head)) in SERIALS:
            return SERIAL_EPOCH + timedelta(days=int(float(head)))
    except BadValue:
        raise
    except ValueError:
        raise BadValue("there is no such day") from None
    raise BadValue("expected a date like 2024-12-31")


def _by_parts(first: int, second: int, year: int, separator: str, order: str) -> date:
    if year < 100 and not order:
        raise BadValue("a year of two digits needs the order in the mapping: date: dmy, or date: mdy")
    year += 0 if year >= 100 else 2000 if year < 70 else 1900
    if order:
        return date(year, second, first) if order == "dmy" else date(year, first, second)
    if separator == "." or first > 12:
        return date(year, second, first)
    if second > 12:
        return date(year, first, second)
    if first == second:
        return date(year, first, first)
    raise BadValue("day or month first? Say it in the mapping: date: dmy, or date: mdy")


def moment(value: str, *, form: str = "", zone: ZoneInfo | None = None) -> datetime:
    """An aware UTC time; without an offset it is taken in `zone` (default UTC), without a time at midnight there."""
    value = value.strip()
    local = zone or ZoneInfo("UTC")
    if form and form not in ORDERS:
        try:
            found = datetime.strptime(value, form)  # noqa: DTZ007  # the zone follows
        except ValueError:
            raise BadValue(f"expected a time like {form}") from None
        return (found if found.tzinfo else found.replace(tzinfo=local)).astimezone(UTC)
    at = day(value, form=form)
    clock = _TIME.search(value)
    if clock is None:
        if re.fullmatch(r"\d{5}\.\d+", value):
            seconds = round((float(value) % 1) * 86_400)
            return (datetime(at.year, at.month, at.day, tzinfo=local) + timedelta(seconds=seconds)).astimezone(UTC)
        return datetime(at.year, at.month, at.day, tzinfo=local).astimezone(UTC)
    try:
        offset = "" if clock[5] is None else clock[5].replace("UTC", "Z")
        iso = f"{at.isoformat()}T{_hour(int(clock[1]), clock[4]):02d}:{clock[2]}:{(clock[3] or '00')[:9]}{offset}"
        found = datetime.fromisoformat(iso)
    except ValueError:
        raise BadValue("expected a time like 2024-12-31 23:59:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=local)).astimezone(UTC)


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("hour")
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def money(value: str, *, unit: str = "major", currency: str = "USD") -> int:
    """Minor units; `unit` says what the file holds: "major" (12.50) or "minor" (1250)."""
    try:
        amount = Decimal(_plain_number(value))
    except (ValueError, InvalidOperation):
        raise BadValue("expected an amount of money") from None
    minor = amount if unit == "minor" else amount.scaleb(MINOR_DIGITS.get(currency, 2))
    if minor != minor.to_integral_value():
        raise BadValue(f"an amount in {currency} has no smaller part than its minor unit")
    return int(minor)


def words(value: str) -> list[str]:
    """A list: parts between semicolons, bars or commas."""
    return [part.strip() for part in re.split(r"[;|,]", value) if part.strip()]


def choice(value: str, allowed: Mapping[str, str]) -> str:
    """One of a field's values, by value or label, in any case."""
    word = value.strip().lower().replace(" ", "_")
    if word in allowed:
        return allowed[word]
    raise BadValue(f"expected one of {', '.join(sorted(set(allowed.values())))}")


Reader = Callable[..., Any]
READERS: Final[dict[str, Reader]] = {
    "text": text,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "date": day,
    "datetime": moment,
    "money": money,
    "list": words,
}
