"""What undoing an import left as it is: whose it is, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hub.accounts.models import Account
from hub.ingest.imports.selectors import harmless
from hub.ingest.imports.undo import trace_of
from hub.ingest.models import ImportKept, ImportRun

AT_ONCE: Final = 1000
HEAD: Final = ["account", "what", "row", "why"]


@dataclass(frozen=True)
class Left:
    """A row that stays; `account_id` is None for one that is gone by now."""

    what: str
    label: str
    reason: str
    account_id: UUID | None
    account: str


def left_rows(run: ImportRun, *, limit: int) -> list[Left]:
    """The first rows that stay, in the order in which they were met; a query for each table among them, and two."""
    return _named(list(run.kept.order_by("id")[:limit]))


def left_table(run: ImportRun) -> Iterator[list[str]]:
    """All rows that stay as lines of a CSV file, safe for spreadsheets."""
    yield list(HEAD)
    last: UUID | None = None
    while kept := list((run.kept.filter(pk__gt=last) if last else run.kept).order_by("id")[:AT_ONCE]):
        last = kept[-1].pk
        for row in _named(kept):
            yield [harmless(cell) for cell in (row.account, row.what, row.label, row.reason)]


def _named(kept: Sequence[ImportKept]) -> list[Left]:
    owners = _owners(kept)
    names = dict(Account.objects.filter(pk__in=set(owners.values())).values_list("pk", "name"))
    found = []
    for row in kept:
        account = owners.get(row.object_id)
        what = str(trace_of(row.table).model._meta.verbose_name)
        found.append(Left(what, row.label, row.reason, account if account in names else None, names.get(account, "")))
    return found


def _owners(kept: Sequence[ImportKept]) -> dict[UUID, UUID]:
    """The account of each row that is still there."""
    by_table: dict[str, list[UUID]] = defaultdict(list)
    for row in kept:
        by_table[row.table].append(row.object_id)
    found: dict[UUID, UUID] = {}
    for table, ids in by_table.items():
        trace = trace_of(table)
        found |= dict(trace.model.objects.filter(pk__in=ids).values_list("pk", trace.owned_by))
    return found
