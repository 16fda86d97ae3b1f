"""`kill -9` of the worker while it applies calls: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.accounts.models import Account, Change, TimelineEntry
from hub.feedback.models import Ticket
from hub.ingest.models import HookDelivery, SourceObject, SourceWord
from hub.revenue.models import Payment
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import endpoint, send
from tests.workers import Worker, workers
from tests.world import make_tenant

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

KILLS = 4
CUSTOMERS, EACH = 20, 5
IMPORTS = "import time, uuid; from hub.ingest.connectors import work"
LOOP = """
while True:
    work.drain(uuid.UUID(sys.argv[1]))
    time.sleep(0.02)
"""


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def worker(tenant: Tenant) -> Iterator[Callable[[], Worker]]:
    with workers(IMPORTS, LOOP) as start:
        yield lambda: start(str(tenant.pk))


def calls() -> Iterator[dict[str, Any]]:
    """Tickets, failed payments and their customers, who are told of last: half of what comes has to wait for them."""
    for number in range(EACH):
        for customer in range(CUSTOMERS):
            thing, account = f"{customer}-{number}", f"A{customer}"
            at = f"2026-01-0{number + 1}T09:00:00Z"
            yield word("ticket", at, id=thing, account=account, subject=f"Ticket {thing}", opened_at=at)
            yield word(
                "payment", at, id=thing, account=account, status="failed", amount_minor=100, currency="EUR",
                occurred_at=at,
            )  # fmt: skip
    for customer in range(CUSTOMERS):
        yield word("account", "2026-01-01T00:00:00Z", id=f"A{customer}", name=f"Customer {customer}")


def word(noun: str, at: str, **data: Any) -> dict[str, Any]:
    return {"type": f"{noun}.updated", "timestamp": at, "data": data}


def until(true: Callable[[], bool], what: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.01)


def test_every_call_is_applied_once_however_often_the_worker_dies(tenant: Tenant, worker: Callable[[], Worker]) -> None:
    to = endpoint(tenant, "standard", makes_accounts=True, options={"source": "crm"})
    sent = list(calls())
    for body in sent:
        assert send(tenant, to, body).status_code == 200

    def gone_through() -> int:
        with tenant_context(tenant):
            return int(HookDelivery.objects.filter(due_at__isnull=True).count())

    died_at = []
    for number in range(1, KILLS + 1):
        process = worker()
        until(lambda n=number: gone_through() >= n * len(sent) // (KILLS + 2), "progress")  # type: ignore[misc]
        process.kill()
        died_at.append(gone_through())
    assert all(0 < count < len(sent) for count in died_at)
    worker()

    def settled() -> bool:
        with tenant_context(tenant):
            return not HookDelivery.objects.exclude(state="applied").exists()

    until(settled, "the end")
    with tenant_context(tenant):
        things = CUSTOMERS * EACH
        assert Account.objects.count() == CUSTOMERS
        assert (Ticket.objects.count(), Payment.objects.count()) == (things, things)
        assert not SourceObject.objects.filter(account=None).exists()
        assert SourceWord.objects.count() == len(sent)
        # What may start something is told once for each payment, and stands in the timeline once.
        assert Change.objects.filter(kind="payment.failed").count() == things
        assert TimelineEntry.objects.filter(kind__startswith="ticket").count() == things
