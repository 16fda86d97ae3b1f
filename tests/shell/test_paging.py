from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.shell.paging import cursor_of, cursor_values, page_of

STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


@given(st.text(STORABLE, max_size=50), st.dates(), st.uuids(), st.integers())
def test_a_cursor_gives_back_what_went_in(text: str, day: date, pk: UUID, number: int) -> None:
    assert cursor_values(cursor_of(text, day, pk, number), str, date.fromisoformat, UUID, int) == (
        text,
        day,
        pk,
        number,
    )


@given(st.text(max_size=80))
def test_nonsense_for_a_cursor_starts_the_list_at_its_beginning(text: str) -> None:
    assert cursor_values(text, date.fromisoformat, UUID) is None


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
def test_a_cursor_that_no_database_could_compare_is_nonsense(text: str) -> None:
    assert cursor_values(cursor_of(text, uuid4()), str, UUID) is None


@pytest.mark.parametrize(
    "text",
    [
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-01-01T00:00:00", "2024-01-01"),
        *("2024-01-01T00:00:00+16:00", "2024-01-01T00:00:00-23:59"),
    ],
)
def test_a_time_that_some_zone_or_database_does_not_know_is_nonsense(text: str) -> None:
    assert cursor_values(cursor_of(text, uuid4()), datetime.fromisoformat, UUID) is None


def test_a_cursor_of_another_list_is_nonsense() -> None:
    assert cursor_values(cursor_of("a", uuid4()), date.fromisoformat, UUID) is None
    assert cursor_values(cursor_of("a"), str, UUID) is None


@given(st.lists(st.integers(), max_size=30, unique=True), st.integers(min_value=1, max_value=10))
def test_pages_hold_every_row_once_and_in_order(numbers: list[int], size: int) -> None:
    rows, seen, cursor = sorted(numbers), list[int](), ""
    for _ in range(len(rows) + 1):
        after = cursor_values(cursor, int)
        rest = [row for row in rows if after is None or row > after[0]]
        page = page_of(rest[: size + 1], size, lambda row: (row,))
        seen += page.rows
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert seen == rows
