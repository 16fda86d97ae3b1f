from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.imports import values
from hub.ingest.imports.values import SERIAL_EPOCH, BadValue


@given(st.dates(date(1960, 1, 1), date(2100, 1, 1)))
def test_every_way_to_write_a_day_reads_the_same(day: date) -> None:
    serial = (day - SERIAL_EPOCH).days
    assert values.day(day.isoformat()) == day
    assert values.day(f"{day.day}.{day.month}.{day.year}") == day
    assert values.day(f"{day:%Y/%m/%d}") == day
    assert values.day(str(serial)) == day
    assert values.day(f"{day:%m-%d-%Y}", form="%m-%d-%Y") == day


@pytest.mark.parametrize("text", ["31/12/2024", "12/31/2024", "31-12-2024", "2024-12-31 10:00:00", "2024-12-31T10:00Z"])
def test_a_day_is_read_where_only_one_reading_is_possible(text: str) -> None:
    assert values.day(text) == date(2024, 12, 31)


@pytest.mark.parametrize("text", ["01/02/2024", "2024-13-01", "2024-02-30", "soon", "", "99999999", "1/2/24"])
def test_a_day_that_could_be_two_or_none_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        values.day(text)


def test_a_time_without_offset_is_local_and_with_one_is_not() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert values.moment("2024-07-01 12:00", zone=berlin) == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert values.moment("2024-07-01 3:00:00", zone=berlin) == datetime(2024, 7, 1, 1, tzinfo=UTC)
    assert values.moment("2024-07-01T12:00:00+05:00", zone=berlin) == datetime(2024, 7, 1, 7, tzinfo=UTC)
    assert values.moment("45474.5") == datetime(2024, 7, 1, 12, tzinfo=UTC)
    with pytest.raises(BadValue):
        values.moment("2024-07-01 25:00")


@given(st.integers(0, 10**12))
def test_money_survives_its_spellings(minor: int) -> None:
    plain = f"{minor // 100}.{minor % 100:02d}"
    grouped = f"{minor // 100:,}.{minor % 100:02d}"
    german = grouped.replace(",", "_").replace(".", ",").replace("_", ".")
    for text in (plain, grouped, f"$ {grouped}", f"{german} €" if minor >= 100_000 else plain):
        assert values.money(text) == minor
    assert values.money(str(minor), unit="minor") == minor


def test_money_without_minor_units_and_below_them() -> None:
    assert values.money("1500", currency="JPY") == 1500
    with pytest.raises(BadValue):
        values.money("1.005")
    with pytest.raises(BadValue):
        values.money("a lot")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("EUR 12.50", 1250), ("12.50USD", 1250), ("-3", -300), ("CHF1'200.00", 120_000), ("1 200 €", 120_000)],
)
def test_signs_and_codes_of_currencies_stand_beside_an_amount(text: str, meant: int) -> None:
    assert values.money(text) == meant


@pytest.mark.parametrize("text", ["A-2e4581", "12 seats", "v1.2", "1.2.3", "twelve", "12a"])
def test_text_with_digits_in_it_is_no_number(text: str) -> None:
    with pytest.raises(BadValue):
        values.number(text)


@pytest.mark.parametrize(
    ("text", "order", "meant"),
    [
        ("03/04/2024", "dmy", date(2024, 4, 3)),
        ("03/04/2024", "mdy", date(2024, 3, 4)),
        ("3.4.24", "dmy", date(2024, 4, 3)),
        ("12-31-99 10:00", "mdy", date(1999, 12, 31)),
    ],
)
def test_an_order_decides_dates_that_could_be_two(text: str, order: str, meant: date) -> None:
    assert values.day(text, form=order) == meant


def test_a_time_with_halves_of_the_day() -> None:
    assert values.moment("12/31/2024 12:05 AM", form="mdy") == datetime(2024, 12, 31, 0, 5, tzinfo=UTC)
    assert values.moment("2024-12-31 3:15:00 pm") == datetime(2024, 12, 31, 15, 15, tzinfo=UTC)
    assert values.moment("2024-12-31 03:15:00 UTC") == datetime(2024, 12, 31, 3, 15, tzinfo=UTC)
    with pytest.raises(BadValue):
        values.moment("2024-12-31 13:00 PM")


@pytest.mark.parametrize(("text", "meant"), [("True", True), ("TRUE", True), ("yes", True), ("0", False), ("n", False)])
def test_boolean_words(text: str, meant: bool) -> None:
    assert values.boolean(text) is meant


@pytest.mark.parametrize("text", ["maybe", "2", "nan"])
def test_other_words_are_not_guessed(text: str) -> None:
    with pytest.raises(BadValue):
        values.boolean(text)
    with pytest.raises(BadValue):
        values.integer("nan" if text == "nan" else "1.5")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))
def test_a_time_written_with_its_offset_reads_back(at: datetime) -> None:
    aware = at.replace(tzinfo=UTC, microsecond=0) + timedelta(0)
    assert values.moment(aware.isoformat()) == aware
