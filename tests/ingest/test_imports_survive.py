"""`kill -9` of the worker in the middle of an import: nothing lost, nothing twice, and undo takes it all back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from hub.accounts.models import Account, AccountExternalId
from hub.ingest.imports.runs import run_create, run_start, run_undo
from hub.ingest.models import ImportBatch, ImportedFile, ImportRun, ImportUpload
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import ActiveUserDaily, UsageDaily, UsageRecord
from tests.workers import Worker, workers
from tests.world import ACTOR, make_tenant

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROWS, ACCOUNTS, KILLS = 60_000, 500, 4
IMPORTS = "import time, uuid; from hub.ingest.imports import work"
LOOP = """
while True:
    work.drain(uuid.UUID(sys.argv[1]))
    time.sleep(0.05)
"""


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def worker(tenant: Tenant) -> Iterator[Callable[[], Worker]]:
    with workers(IMPORTS, LOOP) as start:
        yield lambda: start(str(tenant.pk))


def until(true: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.02)


def files() -> dict[str, bytes]:
    accounts = "account_id,company\n" + "".join(f"a{n},Account {n}\n" for n in range(ACCOUNTS))
    rows = "".join(
        f"u{n},a{n % ACCOUNTS},2025-0{n % 9 + 1}-1{n % 7},feature {n % 12},{n % 5 + 1},p{n % 50}\n" for n in range(ROWS)
    )
    return {
        "accounts.csv": accounts.encode(),
        "usage.csv": f"usage_id,account_id,day,feature,count,user\n{rows}".encode(),
    }


def test_a_killed_worker_is_followed_by_another_and_nothing_is_lost_or_doubled(
    tenant: Tenant, worker: Callable[[], Worker]
) -> None:
    with tenant_context(tenant):
        run = run_create(files=[SimpleUploadedFile(name, data) for name, data in files().items()], actor=ACTOR)
    process = worker()
    until(lambda: seen(tenant, lambda: not run.uploads.filter(status=ImportUpload.Status.STORED).exists()), "reading")
    with tenant_context(tenant):
        run_start(run=run, actor=ACTOR, historical=True)
    for number in range(1, KILLS + 1):
        until(lambda n=number: seen(tenant, lambda: done(run) > n * ROWS // (KILLS + 2)), "progress")  # type: ignore[misc]
        process.kill()
        lapse(tenant, run)
        process = worker()
    until(lambda: seen(tenant, lambda: status(run) == "done"), "the end")
    with tenant_context(tenant):
        usage = ImportedFile.objects.get(run=run, entity="usage")
        assert (usage.read, usage.created) == (ROWS, ROWS)
        assert Account.objects.count() == ACCOUNTS
        assert UsageRecord.objects.count() == ROWS
        expected = sum(n % 5 + 1 for n in range(ROWS))
        assert sum(UsageRecord.objects.values_list("count", flat=True)) == expected
        assert sum(UsageDaily.objects.values_list("count", flat=True)) == expected
        journal = ImportBatch.objects.filter(run=run, table="usage.usagerecord")
        assert sum(len(batch.created) for batch in journal) == ROWS

    with tenant_context(tenant):
        run_undo(run=run, actor=ACTOR)
    until(lambda: seen(tenant, lambda: left(run) < 12), "undoing")
    process.kill()
    lapse(tenant, run)
    worker()
    until(lambda: seen(tenant, lambda: status(run) == "undone"), "the end of undoing")
    with tenant_context(tenant):
        for model in (Account, AccountExternalId, UsageRecord, UsageDaily, ActiveUserDaily):
            assert not model.objects.exists(), model
        assert ImportRun.objects.get(pk=run.pk).removed >= ROWS + ACCOUNTS


def seen(tenant: Tenant, look: Callable[[], bool]) -> bool:
    with tenant_context(tenant):
        return look()


def done(run: ImportRun) -> int:
    return sum(ImportedFile.objects.filter(run=run).values_list("read", flat=True))


def left(run: ImportRun) -> int:
    return len(ImportBatch.objects.filter(run=run).values_list("pk"))


def status(run: ImportRun) -> str:
    return str(ImportRun.objects.values_list("status", flat=True).get(pk=run.pk))


def lapse(tenant: Tenant, run: ImportRun) -> None:
    """Let the dead worker's claim run out."""
    with tenant_context(tenant):
        ImportRun.objects.filter(pk=run.pk).update(claimed_until=timezone.now())
