"""What follows for whole accounts after the last row of a file: months of contract lines, and that facts changed.

Told once a file and not once a batch: an evaluation in the middle of a file would judge half of a month's usage.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from hub.accounts.services import facts_touch, states_lock
from hub.ingest.imports.entities import load
from hub.ingest.models import ImportBatch, ImportedFile, ImportRun
from hub.registry.handlers import history_loaded
from hub.revenue.services import months_refresh
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant

ACCOUNTS = 1000


def file_finish(tenant: Tenant, run: ImportRun, file: ImportedFile, *, fence: Callable[[], None]) -> None:
    """Tell of every account that the file changed, a thousand at a time.

    How far it has come is kept in the file's row, so that an interrupted run goes on there.
    """
    entity = load().get(file.entity)
    with tenant_context(tenant):
        accounts = _accounts(run, file.position)
        done_to = ImportedFile.objects.values_list("finished_to", flat=True).get(pk=file.pk)
    todo = [account for account in sorted(accounts) if done_to is None or account > done_to]
    for start in range(0, len(todo), ACCOUNTS):
        chunk = todo[start : start + ACCOUNTS]
        with tenant_context(tenant):
            fence()
            states_lock(chunk)
            if entity.changes_revenue:
                months_refresh(chunk)
            facts_touch(chunk)
            if run.historical:
                history_loaded(tenant.id, chunk)
            ImportedFile.objects.filter(pk=file.pk).update(finished_to=chunk[-1])


def _accounts(run: ImportRun, position: int) -> set[UUID]:
    batches = ImportBatch.objects.filter(run=run, position=position)
    return {account for accounts in batches.values_list("accounts", flat=True).iterator() for account in accounts}


def run_settle(tenant: Tenant, run: ImportRun) -> None:
    """After a run that ended early: tell of the accounts that it had changed until then. May run twice."""
    with tenant_context(tenant):
        files = list(run.files.filter(finished_at__isnull=True))
    for file in files:
        file_finish(tenant, run, file, fence=lambda: None)
