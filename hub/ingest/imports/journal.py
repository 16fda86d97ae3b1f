"""What an import writes, kept so that it can be taken back: new rows with a digest, fields before and after."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

MARK = 8


@dataclass(frozen=True)
class Trace:
    """How rows of one table are found again: its model, and the columns whose change means that somebody took over.

    `timeline` is kind and key (with ``{}`` for the row's id) of the entry that told of the row, `told` gives them where
    there may be several; `undo` lets go of what hangs on rows before they are removed or put back (rollups), and
    takes out of the values to put back what it has put back itself; `owned_by` is the column with the row's account.
    """

    model: Any
    columns: tuple[str, ...]
    timeline: tuple[str, str] | None = None
    told: Callable[[Any], Sequence[Any]] | None = None
    undo: Callable[[Sequence[Any], Sequence[tuple[Any, dict[str, Any]]]], None] | None = None
    owned_by: str = "account_id"

    @property
    def table(self) -> str:
        """The name under which the journal keeps it."""
        return str(self.model._meta.label_lower)


@dataclass
class Written:
    """New rows of a table, as (id, values by column), and changed ones, as (id, before, after)."""

    created: list[tuple[UUID, bytes]] = field(default_factory=list)
    changed: list[tuple[UUID, dict[str, Any], dict[str, Any]]] = field(default_factory=list)


@dataclass
class Journal:
    """Collects what one batch writes, table by table."""

    tables: dict[str, Written] = field(default_factory=dict)

    def created(self, trace: Trace, rows: Iterable[Any]) -> None:
        """Note new rows; their columns must hold what the database will give back."""
        self.note(trace, ((row.pk, [getattr(row, name) for name in trace.columns]) for row in rows))

    def note(self, trace: Trace, rows: Iterable[tuple[UUID, Sequence[Any]]]) -> None:
        """`created` for rows that are no objects: their ids, and the values of the trace's columns."""
        marks = [(pk, mark_of(values)) for pk, values in rows]
        if marks:
            self._of(trace).created += marks

    def changed(self, trace: Trace, row: Any, before: Mapping[str, Any]) -> None:
        """Note a row that is about to be saved; `before` holds what the changed fields held."""
        after = {name: plain(getattr(row, name)) for name in before}
        self._of(trace).changed.append((row.pk, {name: plain(value) for name, value in before.items()}, after))

    def note_change(
        self, trace: Trace, pk: UUID, before: Mapping[str, Any], after: Mapping[str, Any], *, only: Sequence[str]
    ) -> None:
        """`changed` for a row that is no object; `only` names the fields that differ."""
        old, new = ({name: plain(values[name]) for name in only} for values in (before, after))
        self._of(trace).changed.append((pk, old, new))

    def take(self, other: Journal) -> None:
        """Add what another journal collected."""
        for table, written in other.tables.items():
            mine = self.tables.setdefault(table, Written())
            mine.created += written.created
            mine.changed += written.changed

    def _of(self, trace: Trace) -> Written:
        return self.tables.setdefault(trace.table, Written())


def plain(value: Any) -> Any:
    """A value as JSON can hold it; the same for a value made here and one read back from the database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    return value


def mark_of(values: Iterable[Any]) -> bytes:
    """Eight bytes that stand for the content of a row."""
    content = "\x1f".join(_spelled(value) for value in values)
    return hashlib.blake2b(content.encode(errors="replace"), digest_size=MARK).digest()


def _spelled(value: Any) -> str:
    kind = type(value)
    if value is None or kind is str or kind is int:
        return repr(value)
    # What the database keeps as JSON comes back with its keys in another order.
    return json.dumps(value, sort_keys=True) if kind in (dict, list) else repr(plain(value))
