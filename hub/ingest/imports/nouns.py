"""Entities that are one of the record's nouns: its own preparation, timeline and consequences, set-based."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.accounts.models import TimelineEntry
from hub.accounts.services import Noun
from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.upsert import each, upsert_by_source

Check = Callable[[Record], None]


def noun_trace(noun: Noun[Any]) -> Trace:
    """How rows of a noun are found again."""
    columns = sorted("contact_id" if name == "contact" else name for name in noun.fields)

    def undo(gone: Sequence[Any], back: Sequence[tuple[Any, dict[str, Any]]]) -> None:
        noun.written([*gone, *(row for row, _ in back)], True)

    return Trace(noun.model, (*columns, "account_id"), told=noun.timeline, undo=undo)


def noun_writer(
    noun: Noun[Any], trace: Trace, *, renamed: Mapping[str, str] | None = None, check: Check | None = None
) -> Callable[[Batch], None]:
    """A writer for rows of a noun; `renamed` gives the stored name of a field that is read under another.

    Rows that `check` or the noun's preparation (by a ValueError) refuse are quarantined with what was said. What
    follows from a row is written, unless the rows are history.
    """
    names = dict(renamed or {})
    nullable = {field.name for field in noun.model._meta.concrete_fields if field.null}

    def prepare(record: Record) -> None:
        if check is not None:
            check(record)
        given = {names.get(name, name): value for name, value in record.values.items()}
        try:
            # An empty cell says nothing about a field that always holds something.
            kept = {name: value for name, value in given.items() if value is not None or name in nullable}
            record.values = noun.prepare(kept, None)
        except ValueError as error:
            record.refuse("bad_value", str(error)[:500])

    def write(batch: Batch) -> None:
        kept = batch.of(each(batch.records, prepare))
        fields = [name for name in noun.fields if name != "contact"]
        written = upsert_by_source(kept, trace, fields=fields, updated="updated_at")
        entries: list[TimelineEntry] = [entry for row in written for entry in noun.timeline(row)]
        copy_create(entries, strict=False)
        noun.written(written, batch.historical)
        if not batch.historical:
            for row in written:
                noun.follow(row, [row.account_id])

    return write
