"""`kill -9` of the worker while it changes many accounts, and while it gives them back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from hub.accounts.models import Account, AttributeChange, AttributeValue
from hub.accounts.services import attribute_define
from hub.shell.models import BulkEdit, BulkEditItem, BulkStatus
from hub.shell.services.bulk import bulk_start, bulk_undo
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.workers import Worker, workers
from tests.world import ACTOR, make_member, make_tenant

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

KILLS = 3
MANY = 1_200
IMPORTS = "import time, uuid; from hub.shell.services import bulk; bulk.BATCH = 50"
LOOP = """
while True:
    bulk.drain(uuid.UUID(sys.argv[1]))
    time.sleep(0.02)
"""
Start = Callable[[], Worker]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def worker(tenant: Tenant) -> Iterator[Start]:
    with workers(IMPORTS, LOOP) as start:
        yield lambda: start(str(tenant.pk))


def work_and_die(tenant: Tenant, worker: Start, status: BulkStatus) -> BulkEdit:
    """Let workers work and die on the way, two at a time, until the change has this status."""

    def now() -> BulkEdit:
        with tenant_context(tenant):
            found: BulkEdit = BulkEdit.objects.get()
        return found

    def until(true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 180
        while not true():
            assert time.monotonic() < deadline, f"no sign of {what}"
            time.sleep(0.005)

    died_at = []
    for number in range(1, KILLS + 1):
        pair = [worker(), worker()]
        until(lambda n=number: now().gone_through >= n * MANY // (KILLS + 2), "progress")  # type: ignore[misc]
        for process in pair:
            process.kill()
        died_at.append(now().gone_through)
    assert all(0 < count < MANY for count in died_at)
    worker()
    until(lambda: now().status == status, "the end")
    return now()


def test_every_account_is_changed_once_and_given_back_once_however_often_workers_die(
    tenant: Tenant, worker: Start
) -> None:
    with tenant_context(tenant):
        dana, lee = (make_member(tenant, "csm", f"{name}@acme.example").user for name in ("dana", "lee"))
        attribute_define(entity="account", key="tone", label="Tone", kind="text", actor=ACTOR)
        Account.objects.bulk_create([Account(name=f"Account {n}", owner=dana) for n in range(MANY)])
        bulk_start(changes={"owner": str(lee.pk), "attribute.tone": "dry"}, query={}, actor=ACTOR)
    edit = work_and_die(tenant, worker, BulkStatus.DONE)
    assert (edit.total, edit.changed, edit.unchanged) == (MANY, MANY, 0)
    with tenant_context(tenant):
        assert Account.objects.filter(owner=lee).count() == MANY
        assert AttributeChange.objects.filter(after="dry").count() == MANY
        assert BulkEditItem.objects.filter(status="changed").count() == MANY
        bulk_undo(edit=edit, actor=ACTOR)
    edit = work_and_die(tenant, worker, BulkStatus.UNDONE)
    assert (edit.undone, edit.kept) == (MANY, 0)
    with tenant_context(tenant):
        assert Account.objects.filter(owner=dana).count() == MANY
        assert not AttributeValue.objects.exists()
        assert AttributeChange.objects.filter(before="dry").count() == MANY
