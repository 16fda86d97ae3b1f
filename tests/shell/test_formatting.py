from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.shell import formatting

US = formatting.locale_of("en-US")
DE = formatting.locale_of("de-DE")


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (1234567, "USD", "$12,345.67"),
        (-1234567, "USD", "−$12,345.67"),
        (1234567, "JPY", "¥1,234,567"),
        (0, "USD", "$0.00"),
        (5, "EUR", "€0.05"),
    ],
)
def test_money_has_the_places_of_its_currency(minor: int, currency: str, expected: str) -> None:
    assert formatting.money(minor, currency, US, cents=True) == expected


def test_money_follows_the_locale() -> None:
    assert formatting.money(1234567, "EUR", DE, cents=True) == "12.345,67\xa0€"


def test_money_is_short_where_there_is_little_room() -> None:
    assert formatting.money(91234500, "USD", US, compact=True) == "$912.3K"
    assert formatting.money(91200, "USD", US, compact=True) == "$912"


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_money_with_cents_loses_nothing(minor: int) -> None:
    text = formatting.money(minor, "USD", US, cents=True)
    digits = text.replace("−", "-").replace("$", "").replace(",", "")
    assert Decimal(digits) * 100 == minor


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_money_without_cents_is_within_half_a_unit(minor: int) -> None:
    text = formatting.money(minor, "USD", US)
    assert "." not in text
    whole = Decimal(text.replace("−", "-").replace("$", "").replace(",", ""))
    assert abs(whole - Decimal(minor) / 100) <= Decimal("0.5")


def test_percent_keeps_its_places() -> None:
    assert formatting.percent(Decimal("1.0834"), US) == "108.3%"
    assert formatting.percent(Decimal("-0.05"), US, digits=0) == "−5%"


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (timedelta(seconds=-20), "just now"),
        (timedelta(hours=-3), "3 hours ago"),
        (timedelta(days=2), "in 2 days"),
    ],
)
def test_relative_time_says_how_long(distance: timedelta, expected: str) -> None:
    now = datetime(2025, 3, 3, 12, tzinfo=UTC)
    assert formatting.relative(now + distance, now, US) == expected


@pytest.mark.parametrize(
    ("day", "expected"), [(3, "today"), (4, "tomorrow"), (2, "yesterday"), (13, "in 10 days"), (31, "in 28 days")]
)
def test_relative_day_counts_calendar_days(day: int, expected: str) -> None:
    assert formatting.relative_day(date(2025, 3, day), date(2025, 3, 3), US) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Ada Lovelace", "AL"), ("ops@acme.example", "O"), ("", "?"), ("Juniper & Sons", "JS"), ("Jean-Luc P.", "JP")],
)
def test_initials_are_one_or_two_letters(name: str, expected: str) -> None:
    assert formatting.initials(name) == expected


@given(st.text())
def test_initials_never_fail(name: str) -> None:
    assert formatting.initials(name)


def test_an_unknown_locale_reads_as_american_english() -> None:
    assert str(formatting.locale_of("zz-ZZ")) == "en_US"
    assert str(formatting.locale_of("!")) == "en_US"
