"""The set-based upsert that most entities share: one read, one insert, one update per batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Record
from hub.ingest.imports.journal import Trace


def upsert_by_source(batch: Batch, trace: Trace, *, fields: Iterable[str], updated: str = "") -> list[Any]:
    """Upsert rows of a model keyed by (source, external_id); returns the rows written, the new ones first.

    A field that the mapping leaves out is not touched. An existing row that now names another account moves there and
    both accounts count as changed.
    """
    model = trace.model
    known = {
        row.external_id: row
        for row in model.objects.filter(
            source=batch.source, external_id__in=[record.external_id for record in batch.records]
        )
    }
    new, changed = [], []
    for record in batch.records:
        values = {name: record.values[name] for name in fields if name in record.values}
        values["account_id"] = record.account_id
        if record.contact_id is not None:
            values["contact_id"] = record.contact_id
        row = known.get(record.external_id)
        if row is None:
            new.append(model(source=batch.source, external_id=record.external_id, **values))
            record.outcome = "created"
            batch.touched.add(values["account_id"])
        elif differing := [name for name, value in values.items() if getattr(row, name) != value]:
            batch.touched.update({row.account_id, values["account_id"]})
            before = {name: getattr(row, name) for name in differing}
            for name in differing:
                setattr(row, name, values[name])
            batch.journal.changed(trace, row, before)
            changed.append(row)
            record.outcome = "updated"
        else:
            record.outcome = "unchanged"
    copy_create(new)
    batch.journal.created(trace, new)
    if changed:
        columns = [name for name in (*fields, "account", "contact") if hasattr(model, name)]
        with batch.released():
            model.objects.bulk_update(changed, [*columns, *([updated] if updated else [])], batch_size=500)
    return [*new, *changed]


def each(records: Sequence[Record], check: Callable[[Record], None]) -> list[Record]:
    """Run a check over records; those it refused are left out of what is returned."""
    for record in records:
        check(record)
    return [record for record in records if record.problem is None]
