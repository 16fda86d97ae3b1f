"""`kill -9` of the worker while it writes a file and while it tells endpoints: nothing is lost."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from hub.accounts.models import Account
from hub.outbound.exports.services import export_start, export_take
from hub.outbound.models import Export, WebhookDelivery, WebhookEndpoint
from hub.outbound.webhooks import sending, services
from hub.outbound.webhooks.signing import new_secret
from hub.registry.outgoing import Happening
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.outbound.test_webhooks import Receiver
from tests.workers import Worker, workers
from tests.world import ACTOR, make_account, make_tenant

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

KILLS = 4
IMPORTS = """
import time, uuid
from hub.outbound.exports import writing
from hub.outbound.webhooks import sending
writing.PIECE = 25
"""
LOOP = """
while True:
    (writing if sys.argv[2] == "exports" else sending).drain(uuid.UUID(sys.argv[1]))
    time.sleep(0.05)
"""
Start = Callable[[str], Worker]


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def worker(tenant: Tenant) -> Iterator[Start]:
    with workers(IMPORTS, LOOP, OUTGOING_ALLOW="127.0.0.1") as start:
        yield lambda work: start(str(tenant.pk), work)


def until(true: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.005)


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_file_holds_every_row_once_however_often_its_writer_dies(tenant: Tenant, worker: Start, format: str) -> None:
    names = {f"Account {n}, of many" for n in range(3_000)}
    with tenant_context(tenant):
        for name in sorted(names):
            Account.objects.create(name=name)
        export = export_start(list_key="accounts", format=format, filters={}, actor=ACTOR)

    def now() -> Export:
        with tenant_context(tenant):
            found: Export = Export.objects.get(pk=export.pk)
        return found

    died_at = []
    for number in range(1, KILLS + 1):
        process = worker("exports")
        until(lambda n=number: now().rows >= n * 3_000 // (KILLS + 2), "progress")  # type: ignore[misc]
        process.kill()
        died_at.append(now().rows)
        with tenant_context(tenant):
            Export.objects.filter(pk=export.pk, due_at__isnull=False).update(due_at=timezone.now())
    assert all(0 < rows < 3_000 for rows in died_at)
    worker("exports")
    until(lambda: now().status == "done", "the end")
    with tenant_context(tenant):
        pieces = export_take(export=now(), actor=ACTOR)
    file = b"".join(pieces)
    assert len(file) == now().size
    assert Counter(_first_column(file, format)) == Counter(names)


def _first_column(file: bytes, format: str) -> list[str]:
    if format == "csv":
        _, *rows = csv.reader(io.StringIO(file.decode("utf-8-sig")))
    else:
        sheet = load_workbook(io.BytesIO(file), read_only=True).active
        assert sheet is not None
        _, *rows = ([str(cell) for cell in row] for row in sheet.iter_rows(values_only=True))
    return [row[0] for row in rows]


def test_what_happens_arrives_however_often_the_sender_dies(tenant: Tenant, worker: Start) -> None:
    told = 400
    with Receiver() as receiver:
        receiver.slow = 0.01
        threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True).start()
        with tenant_context(tenant):
            account = make_account("Northwind")
            WebhookEndpoint.objects.create(
                url=receiver.url, kinds=["signal.recorded"], secret=new_secret(), description="theirs"
            )
            happenings = [Happening(f"s{n}", {"n": n}, timezone.now(), account.pk) for n in range(told)]
            services.receive("signal.recorded", happenings)
        for number in range(1, KILLS + 1):
            process = worker("webhooks")
            until(lambda n=number: len(receiver.calls) >= n * told // (KILLS + 2), "progress")  # type: ignore[misc]
            process.kill()
            with tenant_context(tenant):
                WebhookDelivery.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        with tenant_context(tenant):
            assert WebhookDelivery.objects.filter(status="waiting").exists()
        worker("webhooks")
        until(lambda: not _waiting(tenant), "the end")
        receiver.shutdown()
    arrived = Counter(headers["webhook-id"] for headers, _ in receiver.calls)
    assert {entry["data"]["n"] for entry in receiver.told()} == set(range(told))
    assert len(arrived) == told
    # Twice only what was on the line when its sender died.
    assert sum(arrived.values()) - told <= KILLS * sending.AT_ONCE
    with tenant_context(tenant):
        assert WebhookDelivery.objects.filter(status="delivered").count() == told


def _waiting(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        return bool(WebhookDelivery.objects.filter(status="waiting").exists())
