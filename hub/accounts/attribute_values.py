"""What an attribute may hold: reading a value by its kind, and writing it for people. Pure; no Django."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

COLUMNS: Final = {
    "text": "text_value",
    "choice": "text_value",
    "number": "number_value",
    "money": "money_minor",
    "date": "date_value",
    "boolean": "boolean_value",
}
TRUE: Final = frozenset({"true", "yes", "y", "1"})
FALSE: Final = frozenset({"false", "no", "n", "0"})
LONGEST: Final = 500
# Integers that JSON and double precision keep exact.
LARGEST: Final = 2**53 - 1
FIRST_YEAR, LAST_YEAR = 1900, 2199

Value = str | float | int | date | bool


class AttributeValueError(ValueError):
    """A value that the attribute's kind cannot hold; the message says what was expected."""


def read(kind: str, raw: object, choices: Sequence[str] = ()) -> Value | None:
    """`raw`, as JSON or as text of a form or file, in the attribute's kind; None for nothing (None or blank text).

    Money is whole minor units, a date ISO 8601. Raises AttributeValueError.
    """
    if isinstance(raw, str):
        raw = raw.replace("\x00", "").strip()
    if raw is None or raw == "":
        return None
    return _READERS[kind](raw, choices)


def _text(raw: object, choices: Sequence[str]) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise AttributeValueError("expected text")
    text = str(raw)
    if len(text) > LONGEST:
        raise AttributeValueError(f"expected at most {LONGEST} characters")
    return text


def _choice(raw: object, choices: Sequence[str]) -> str:
    text = _text(raw, choices)
    if text not in choices:
        raise AttributeValueError(f"expected one of {', '.join(choices)}")
    return text


def _number(raw: object, choices: Sequence[str]) -> float:
    try:
        number = float("" if isinstance(raw, bool) else str(raw))
    except ValueError:
        raise AttributeValueError("expected a number such as 12.5") from None
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise AttributeValueError("expected a number that is not so large")
    return number


def _money(raw: object, choices: Sequence[str]) -> int:
    number = _number(raw, choices)
    if number != int(number):
        raise AttributeValueError("expected whole minor units, such as 1250 for 12.50")
    return int(number)


def _date(raw: object, choices: Sequence[str]) -> date:
    try:
        day = raw if isinstance(raw, date) else date.fromisoformat(str(raw))
    except ValueError:
        raise AttributeValueError("expected a date such as 2026-12-31") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise AttributeValueError(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}")
    return day


def _boolean(raw: object, choices: Sequence[str]) -> bool:
    word = str(raw).lower()
    if isinstance(raw, float) or word not in TRUE | FALSE:
        raise AttributeValueError("expected true or false")
    return word in TRUE


_READERS: Final[Mapping[str, Callable[[object, Sequence[str]], Value]]] = {
    "text": _text,
    "choice": _choice,
    "number": _number,
    "money": _money,
    "date": _date,
    "boolean": _boolean,
}


def plain(value: Value | None) -> str | float | int | bool | None:
    """The value as JSON has it; a whole number without its fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.isoformat() if isinstance(value, date) else value


def as_text(value: Value | None) -> str:
    """The value for the history."""
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(plain(value))
