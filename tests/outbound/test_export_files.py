"""The two file forms, on their own: what is written piece by piece reads back as one file, and no cell is a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.outbound.exports import comma, sheet
from hub.outbound.exports.cells import Plain, plain
from hub.registry.exports import Money

COLUMNS = ("Name", "Number", "Day")
texts = st.text(st.characters(codec="utf-8"), max_size=40)
pieces = st.lists(
    st.lists(st.tuples(texts, st.integers(-(2**50), 2**50), st.dates(date(1990, 1, 1), date(2090, 1, 1))), max_size=4),
    max_size=4,
)
ZONE = ZoneInfo("Europe/Berlin")


def workbook(parts: list[list[tuple[Plain, ...]]]) -> bytes:
    body, progress = sheet.begin(COLUMNS)
    for part in parts:
        if part:
            piece, progress = sheet.rows(part, progress)
            body += piece
    piece, _ = sheet.end(progress)
    return body + piece


def read_back(body: bytes) -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(body))
    rows = list(book.worksheets[0].iter_rows())
    assert all(cell.data_type != "f" for row in rows for cell in row)
    return [tuple(cell.value for cell in row) for row in rows]


@settings(max_examples=60)
@given(pieces)
def test_a_sheet_written_in_pieces_reads_back_as_one(parts: list[list[tuple[str, int, date]]]) -> None:
    cleaned = [[tuple(plain(cell, ZONE) for cell in row) for row in part] for part in parts]
    found = read_back(workbook(cleaned))
    assert found[0] == COLUMNS
    expected = [row for part in cleaned for row in part]
    assert len(found) == len(expected) + 1
    for (name, number, day), row in zip(found[1:], expected, strict=True):
        assert (name or "") == str(row[0]).replace("\r\n", "\n").replace("\r", "\n")
        assert number == row[1]
        assert isinstance(day, datetime)
        assert day.date() == row[2]


@settings(max_examples=100)
@given(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n"]), texts)
def test_no_text_is_a_formula(start: str, rest: str) -> None:
    cell = plain(start + rest, ZONE)
    assert str(cell).startswith("'")
    [_, row] = csv.reader(io.StringIO((comma.head(["x"]) + comma.lines([[cell]])).decode("utf-8-sig"), newline=""))
    assert row[0].startswith("'")
    assert all(value is None or str(value).startswith("'") for value in read_back(workbook([[(cell, 1, None)]]))[1][:1])


def test_values_look_alike_in_both_files() -> None:
    moment = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    cells = (Money(-123_45, "USD"), Money(500, "JPY"), moment, date(2026, 2, 3), True, None, 1.5)
    values = [plain(cell, ZONE) for cell in cells]
    assert comma.lines([values]).decode().strip() == "-123.45,500,2026-07-02T00:30:00+02:00,2026-02-03,true,,1.5"
    found = read_back(workbook([[tuple(values)]]))[1]
    assert found == (-123.45, 500, datetime(2026, 7, 2, 0, 30), datetime(2026, 2, 3), True, None, 1.5)
    assert values[0] == Decimal("-123.45")
