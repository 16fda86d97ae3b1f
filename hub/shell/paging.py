"""Cursor paging: a page starts after the last row of the one before; new rows never shift it. Pure; no Django."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from hub.registry.moments import is_reachable

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows of a page and the cursor of the next one, None at the end."""

    rows: Sequence[Row]
    next_cursor: str | None

    def __len__(self) -> int:
        return len(self.rows)


def cursor_of(*values: Any) -> str:
    """Sort values of a row as text for a URL; what JSON does not know goes in as its string."""
    text = json.dumps(values, default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor_values(cursor: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The values of a cursor, each read by its kind (``UUID``, ``datetime.fromisoformat`` …); None for nonsense.

    Nonsense is an old or mistyped address: the list then starts at its beginning.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded))
        if not isinstance(values, list) or len(values) != len(kinds):
            return None
        if any(isinstance(value, str) and not _storable(value) for value in values):
            return None
        found = tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
        return found if all(is_reachable(value) for value in found if isinstance(value, datetime)) else None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        return None


def _storable(text: str) -> bool:
    """Whether PostgreSQL can compare with it: no NUL, no half of a character."""
    return not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def page_of(rows: Sequence[Row], size: int, values: Callable[[Row], Sequence[Any]]) -> Page[Row]:
    """Make a page from up to ``size + 1`` rows; the extra row says that there is another page."""
    shown = rows[:size]
    more = len(rows) > size
    return Page(rows=shown, next_cursor=cursor_of(*values(shown[-1])) if more else None)
