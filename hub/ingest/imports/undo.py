"""Taking an import back: what it made is removed, what it changed is put back, unless somebody has changed it since.

Batch by batch from the last to the first, each in one transaction with its own entry of the journal: an interrupted
undo goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import models
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import FIGURE_FIELDS, facts_touch, figures_touch, states_lock
from hub.ingest.imports.engine import FIRST_LEASE, Taken
from hub.ingest.imports.entities import load
from hub.ingest.imports.journal import MARK, Trace, mark_of, plain
from hub.ingest.models import ImportBatch, ImportKept, ImportRun
from hub.people.audit import SYSTEM, audit
from hub.revenue.models import ContractLine
from hub.revenue.services import months_refresh
from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant

CHANGED: Final = "changed since the import"


def undo_next(tenant: Tenant, run: ImportRun) -> bool:
    """Take back the last batch that is left; False when the import is undone. Raises Taken when it is not ours."""
    with tenant_context(tenant):
        held = ImportRun.objects.select_for_update().get(pk=run.pk)
        if held.status != ImportRun.Status.UNDOING or held.claim != run.claim:
            raise Taken
        batch = ImportBatch.objects.filter(run=run).order_by("-position", "-number", "-id").first()
        if batch is None:
            _end(held)
            return False
        removed, put_back = _take_back(run, batch)
        batch.delete()
        ImportRun.objects.filter(pk=run.pk).update(
            removed=F("removed") + removed,
            put_back=F("put_back") + put_back,
            claimed_until=timezone.now() + FIRST_LEASE - timedelta(seconds=55),
        )
        announce("imports")
    return True


def _end(run: ImportRun) -> None:
    run.status, run.undone_at, run.claimed_until = ImportRun.Status.UNDONE, timezone.now(), None
    run.save(update_fields=["status", "undone_at", "claimed_until"])
    audit(SYSTEM, "import.undone", run, removed=run.removed, put_back=run.put_back, kept=run.kept.count())
    announce("imports")


def trace_of(table: str) -> Trace:
    """How rows of a journal's table are found again; raises KeyError for one that no entity writes."""
    return next(trace for entity in load() for trace in entity.traces if trace.table == table)


def _take_back(run: ImportRun, batch: ImportBatch) -> tuple[int, int]:
    trace = trace_of(batch.table)
    marks = {pk: batch.marks[n * MARK : (n + 1) * MARK] for n, pk in enumerate(batch.created)}
    before = {UUID(change["id"]): change for change in batch.changed}
    rows = trace.model.objects.in_bulk([*marks, *before])
    accounts = {getattr(row, trace.owned_by) for row in rows.values()}
    accounts |= {UUID(c["before"]["account_id"]) for c in batch.changed if c["before"].get("account_id")}
    states_lock(accounts)
    # Read again now that nobody else writes: what was read before the lock may have changed.
    rows = {row.pk: row for row in trace.model.objects.filter(pk__in=list(rows)).select_for_update()}
    gone, kept = _removable(trace, {pk: bytes(mark) for pk, mark in marks.items() if pk in rows}, rows)
    restored = [pair for pk, change in before.items() if pk in rows and (pair := _restored(rows[pk], change, kept))]
    typed = [(row, _python(row, values)) for row, values in restored]
    if trace.undo is not None:
        trace.undo(gone, typed)
    for row, values in typed:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=list(values))
    _remove(trace, gone)
    _keep(run, trace, kept)
    if trace.model is Account:
        figures_touch(list(rows), FIGURE_FIELDS)
    removed_accounts = {row.pk for row in gone} if trace.owned_by == "id" else set()
    _follow(trace, {account for account in accounts if account and account not in removed_accounts})
    return len(gone), len(restored)


def _removable(
    trace: Trace, marks: Mapping[UUID, bytes], rows: Mapping[UUID, Any]
) -> tuple[list[Any], list[tuple[Any, str]]]:
    """The new rows that nobody has changed and nothing hangs on, and the others with the reason."""
    same: list[tuple[Any, str]] = []
    kept: list[tuple[Any, str]] = []
    for pk, mark in marks.items():
        untouched = mark_of(getattr(rows[pk], name) for name in trace.columns) == mark
        (same if untouched else kept).append((rows[pk], CHANGED))
    hangers = _hangers(trace.model, [row.pk for row, _ in same])
    if trace.owned_by == "id":
        _keep_parents([row for row, _ in same], hangers)
    gone = [row for row, _ in same if row.pk not in hangers]
    kept += [(row, f"has {hangers[row.pk]}") for row, _ in same if row.pk in hangers]
    return gone, kept


def _keep_parents(accounts: Sequence[Any], hangers: dict[UUID, str]) -> None:
    """What stays keeps what it lies below."""
    below = {account.pk: account.parent_id for account in accounts if account.parent_id}
    waiting = list(hangers)
    while waiting:
        parent = below.get(waiting.pop())
        if parent is not None and parent not in hangers:
            hangers[parent] = "1 account below that stays"
            waiting.append(parent)


def _hangers(model: type[models.Model], ids: Sequence[UUID]) -> dict[UUID, str]:
    """What points at rows and does not follow from them by itself: id → words such as "2 notes"."""
    found: dict[UUID, list[str]] = {}
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)):
            continue
        other: Any = relation.related_model
        if getattr(other, "derived", False):
            continue
        column = relation.field.attname  # type: ignore[union-attr]  # a reverse relation has the field it comes from
        # Rows of one batch that point at one another go together.
        itself = other._meta.label == model._meta.label
        others = other.objects.exclude(pk__in=ids) if itself else other.objects
        counts = others.filter(**{f"{column}__in": ids}).values(column).annotate(n=models.Count("pk"))
        for row in counts.order_by():
            words = other._meta.verbose_name if row["n"] == 1 else other._meta.verbose_name_plural
            found.setdefault(row[column], []).append(f"{row['n']} {words}")
    return {pk: ", ".join(said)[:250] for pk, said in found.items()}


def _restored(row: Any, change: Mapping[str, Any], kept: list[tuple[Any, str]]) -> tuple[Any, dict[str, Any]] | None:
    """What a changed row gets back, as kept in the journal; fields that somebody changed since are left."""
    values: dict[str, Any] = {}
    left: list[str] = []
    for name, old in change["before"].items():
        now, ours = plain(getattr(row, name)), change["after"][name]
        if isinstance(old, dict) and isinstance(now, dict):
            values[name], missed = _merged(old, ours, now)
            left += missed
        elif now == ours:
            values[name] = old
        else:
            left.append(name)
    if left:
        kept.append((row, f"{CHANGED}: {', '.join(left)}"[:300]))
    return (row, values) if values else None


def _merged(old: Mapping[str, Any], ours: Mapping[str, Any], now: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Attributes key by key: ours go back to what they were, others stay."""
    result, left = dict(now), []
    for key in set(old) | set(ours):
        if old.get(key) == ours.get(key):
            continue
        if now.get(key) != ours.get(key):
            left.append(key)
        elif key in old:
            result[key] = old[key]
        else:
            result.pop(key, None)
    return result, left


def _python(row: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the journal as the model's fields hold them."""
    fields = {field.attname: field for field in row._meta.concrete_fields}
    return {
        name: value if value is None or isinstance(value, dict | list) else _target(fields[name]).to_python(value)
        for name, value in values.items()
    }


def _target(field: Any) -> Any:
    return field.target_field if field.is_relation else field


def _remove(trace: Trace, rows: Sequence[Any]) -> None:
    ids = [row.pk for row in rows]
    if trace.timeline and ids:
        kind, key = trace.timeline
        TimelineEntry.objects.filter(kind=kind, key__in=[key.format(pk) for pk in ids]).delete()
    if trace.told is not None:
        entries = [entry for row in rows for entry in trace.told(row)]
        kinds, keys = {entry.kind for entry in entries}, {entry.key for entry in entries}
        TimelineEntry.objects.filter(kind__in=kinds, key__in=keys).delete()
    trace.model.objects.filter(pk__in=ids).delete()


def _keep(run: ImportRun, trace: Trace, kept: Iterable[tuple[Any, str]]) -> None:
    ImportKept.objects.bulk_create(
        [
            ImportKept(run=run, table=trace.table, object_id=row.pk, label=str(row)[:300], reason=reason)
            for row, reason in kept
        ],
        batch_size=1000,
    )


def _follow(trace: Trace, accounts: set[UUID]) -> None:
    """Months, and the mark that facts have changed."""
    if trace.model is ContractLine and accounts:
        months_refresh(sorted(accounts))
    facts_touch(accounts)
