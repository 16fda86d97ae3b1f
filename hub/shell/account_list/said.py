"""Who said what of the fields that a line of the list shows, as of when. Pure: the words lie in the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from hub.accounts.words import ATTRIBUTE, Word, same, words_of

FIELDS: Final = frozenset(
    {"name", "domain", "industry", "country", "segment", "tier", "seats", "signed_up_on", "source_churned", "timezone"}
)
"""Columns that are fields of the account, under the same name as in its words."""


@dataclass(frozen=True, slots=True)
class Said:
    """A source with the day as of which it gave these fields, in the words of the heads; `by`: the person."""

    source: str
    by: str
    day: date
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """`said` holds what is stored by who gave it; `disputed` the fields of which some source says something else."""

    said: tuple[Said, ...]
    disputed: tuple[str, ...]


def field_of(column: str) -> str:
    """The name in the account's words of a column of the list; "" when no source speaks of it."""
    if column.startswith("attribute."):
        return ATTRIBUTE + column.removeprefix("attribute.")
    return "owner_id" if column == "owner" else column if column in FIELDS else ""


def sources_of(words: Mapping[str, Any], shown: Iterable[tuple[str, str, Any]]) -> Sources:
    """What sources say of (column, its title, the value stored); columns of which none speaks are left out."""
    given: dict[tuple[str, str, date], list[str]] = {}
    disputed: list[str] = []
    for column, title, value in shown:
        name = field_of(column)
        found = words_of(words, name) if name else []
        if word := _own(found, _plain(value)):
            given.setdefault((word.source, word.by, word.at.date()), []).append(title)
        if any(not same(other.value, _plain(value)) for other in found):
            disputed.append(title)
    return Sources(tuple(Said(*key, tuple(titles)) for key, titles in given.items()), tuple(disputed))


def _own(found: Iterable[Word], value: Any) -> Word | None:
    return next((word for word in found if same(word.value, value)), None)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID | date):
        return str(value)
    return sorted(value) if isinstance(value, set | frozenset) else value
