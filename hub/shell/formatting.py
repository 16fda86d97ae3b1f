"""Figures as people read them: money, ratios, counts and times in a locale. Pure; no Django."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
)

MINUS: Final = "\N{MINUS SIGN}"
NOTHING: Final = "\N{EM DASH}"
DAYS_COUNTED: Final = 92


@cache
def locale_of(tag: str) -> Locale:
    """The babel locale of a BCP 47 tag such as ``en-US``; a tag nobody knows gives American English."""
    try:
        return Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale("en", "US")


def major_units(minor: int, currency: str) -> Decimal:
    """Minor units as a decimal amount: 12345 USD → 123.45, 12345 JPY → 12345."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))


def money(minor: int, currency: str, locale: Locale, *, cents: bool = False, compact: bool = False) -> str:
    """Minor units of a currency for reading: ``$12,346``, with cents ``$12,345.67``, compact ``$12.3K``."""
    amount = major_units(minor, currency)
    if compact and abs(amount) >= 1000:
        text = format_compact_currency(amount, currency, locale=locale, fraction_digits=1)
        return text.replace("-", MINUS)
    digits = int(get_currency_precision(currency)) if cents else 0
    amount = amount.quantize(Decimal(1).scaleb(-digits))
    text = format_currency(amount, currency, locale=locale, currency_digits=False, format=_pattern(locale, digits))
    return text.replace("-", MINUS)


def _pattern(locale: Locale, digits: int) -> str:
    standard = str(locale.currency_formats["standard"].pattern)
    fraction = "." + "0" * digits if digits else ""
    return standard.replace(".00", fraction)


def number(value: Decimal | int | float, locale: Locale, *, compact: bool = False) -> str:
    """A count or quantity: ``12,345``, compact ``12.3K``."""
    if compact and not -1000 < value < 1000:
        return format_compact_decimal(value, locale=locale, fraction_digits=1).replace("-", MINUS)
    return format_decimal(value, locale=locale).replace("-", MINUS)


def percent(ratio: Decimal | float, locale: Locale, *, digits: int = 1) -> str:
    """A ratio as per cent: 1.0834 → ``108.3%``."""
    pattern = "#,##0." + "0" * digits + "%" if digits else "#,##0%"
    return format_percent(ratio, format=pattern, locale=locale).replace("-", MINUS)


def signed(text: str, value: Decimal | int | float) -> str:
    """``text`` of a difference with its sign in front: a plus for a gain; a minus is already there."""
    return f"+{text}" if value > 0 else text


def relative(then: datetime, now: datetime, locale: Locale) -> str:
    """How long ago, or until: ``3 hours ago``, ``in 2 days``, ``just now`` within a minute. Both times aware."""
    distance = then - now
    if abs(distance) < timedelta(minutes=1):
        return "just now"
    return format_timedelta(distance, add_direction=True, locale=locale, threshold=1)


def relative_day(day: date, today: date, locale: Locale) -> str:
    """``today``, ``tomorrow``, ``yesterday``, else ``in 34 days`` or ``5 months ago``."""
    distance = (day - today).days
    if distance in (-1, 0, 1):
        return {-1: "yesterday", 0: "today", 1: "tomorrow"}[distance]
    # Up to a quarter people count days; further off, months.
    threshold = 10**6 if abs(distance) < DAYS_COUNTED else 1.5
    return format_timedelta(
        timedelta(days=distance), granularity="day", add_direction=True, locale=locale, threshold=threshold
    )


def absolute(then: datetime, locale: Locale) -> str:
    """The time in full with its zone, in the zone that ``then`` carries: ``Mar 3, 2025, 2:05 PM GMT+1``."""
    return f"{format_datetime(then, 'medium', locale=locale)} {then.tzname() or ''}".strip()


def day(value: date, locale: Locale) -> str:
    """``Mar 3, 2025``."""
    return format_date(value, "medium", locale=locale)


def initials(name: str) -> str:
    """One or two capitals for an avatar: ``Ada Lovelace`` → ``AL``, ``ops@acme.io`` → ``O``, nothing → ``?``."""
    words = [word for word in name.split("@")[0].replace(".", " ").replace("-", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    chosen = words if len(words) == 1 else [words[0], words[-1]]
    return "".join(word[0] for word in chosen).upper()
