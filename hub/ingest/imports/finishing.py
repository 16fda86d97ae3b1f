"""What follows for whole accounts after the last row of a file: months and movements of contract lines."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from hub.accounts.services import states_lock
from hub.ingest.imports.entities import Entity
from hub.ingest.models import ImportBatch, ImportedFile, ImportRun
from hub.revenue.models import ContractLine
from hub.revenue.services import months_refresh
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

ACCOUNTS = 1000


def months_finish(
    tenant: Tenant,
    run: ImportRun,
    position: int,
    entity: Entity,
    *,
    fence: Callable[[], None],
    touch: Callable[[set[UUID]], None],
) -> None:
    """Rewrite the months of every account whose lines the file changed, a thousand at a time.

    How far it has come is kept in the file's row, so that an interrupted run goes on there.
    """
    if not entity.changes_revenue:
        return
    with tenant_context(tenant):
        accounts = _accounts(run, position)
        done_to = ImportedFile.objects.values_list("finished_to", flat=True).get(run=run, position=position)
    todo = [account for account in sorted(accounts) if done_to is None or account > done_to]
    for start in range(0, len(todo), ACCOUNTS):
        chunk = todo[start : start + ACCOUNTS]
        with tenant_context(tenant):
            fence()
            states_lock(chunk)
            months_refresh(chunk)
            touch(set(chunk))
            ImportedFile.objects.filter(run=run, position=position).update(finished_to=chunk[-1])


def _accounts(run: ImportRun, position: int) -> set[UUID]:
    """The accounts of the lines that the file made or changed, and those that a line has left."""
    found: set[UUID] = set()
    batches = ImportBatch.objects.filter(run=run, position=position, table=ContractLine._meta.label_lower)
    for batch in batches.iterator():
        ids = [*batch.created, *(UUID(change["id"]) for change in batch.changed)]
        found.update(ContractLine.objects.filter(pk__in=ids).values_list("account_id", flat=True))
        found.update(UUID(c["before"]["account_id"]) for c in batch.changed if "account_id" in c["before"])
    return found
