"""`kill -9` of the worker in the middle of reading an API: nothing is lost, and nothing is kept or written twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone
from pytest_django import Settings

from hub.accounts.models import Account, Contact
from hub.ingest.models import HookDelivery, PullStream, SourceWord
from hub.ingest.pulling.services import access_give
from hub.revenue.models import Opportunity
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.apis import ANSWERS, KEY, Api, Asked, Things, served
from tests.ingest.hooks import endpoint
from tests.workers import Worker, workers
from tests.world import ACTOR, make_tenant

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

THINGS = 40
START = datetime(2026, 1, 1, tzinfo=UTC)
IMPORTS = """
import time, uuid
from hub.ingest.connectors import work as hooks
from hub.ingest.pulling import work as pull
"""
LOOP = """
while True:
    pull.drain(uuid.UUID(sys.argv[1]))
    hooks.drain(uuid.UUID(sys.argv[1]))
    time.sleep(0.02)
"""


def thing(pk: int, number: int, **properties: str) -> dict[str, Any]:
    at = (START + timedelta(minutes=number)).isoformat()
    return {"id": str(pk), "properties": properties, "createdAt": at, "updatedAt": at, "archived": False}


def world() -> Things:
    numbers = range(THINGS)
    return {
        "companies": [thing(n + 1, n, name=f"Customer {n}", domain=f"c{n}.example") for n in numbers],
        "contacts": [
            thing(n + 1001, n, email=f"p{n}@c{n}.example", associatedcompanyid=str(n + 1)) for n in numbers
        ],
        "deals": [
            thing(n + 2001, n, dealname=f"Deal {n}", amount="10", hs_primary_associated_company=str(n + 1))
            for n in numbers
        ],
    }  # fmt: skip


@dataclass
class Held:
    """HubSpot's answers; requests of these numbers are held back, so that a worker dies while it waits for one."""

    holds: set[int]
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, api: Api, asked: Asked) -> Any:
        if len(api.asked) in self.holds:
            self.arrived.set()
            assert self.go_on.wait(60)
        return ANSWERS["hubspot"](api, asked)


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def worker(tenant: Tenant) -> Iterator[Callable[[], Worker]]:
    with workers(IMPORTS, LOOP, OUTGOING_ALLOW="127.0.0.1") as start:
        yield lambda: start(str(tenant.pk))


def until(true: Callable[[], bool], what: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.01)


def lapse(tenant: Tenant) -> None:
    """Let the dead worker's claim run out, which takes two minutes, and nobody wait for another round."""
    with tenant_context(tenant):
        PullStream.objects.filter(caught_up_at=None).update(due_at=timezone.now())


def test_everything_is_read_once_however_often_the_worker_dies(
    tenant: Tenant, worker: Callable[[], Worker], settings: Settings
) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    to = endpoint(tenant, "hubspot", makes_accounts=True)
    held = Held({2, 9})
    with served("hubspot", world()) as api:
        api.answer, api.page = held, 4
        with tenant_context(tenant):
            access_give(endpoint=to, secret=KEY, address=api.address, start_at=START, actor=ACTOR)
        died_at = []

        def kept() -> int:
            with tenant_context(tenant):
                return int(HookDelivery.objects.count())

        def die(process: Worker) -> None:
            process.kill()
            died_at.append(kept())
            lapse(tenant)

        for _ in range(2):
            # In the middle of a request: the page is asked for and was not kept.
            process = worker()
            until(held.arrived.is_set, "a request")
            held.arrived.clear()
            die(process)
            waiting, held.go_on = held.go_on, threading.Event()
            waiting.set()
        for share in (2, 3):
            # Wherever it is: between two pages, while it keeps one, while it applies calls.
            process = worker()
            until(lambda n=share: kept() >= n * 3 * THINGS // 4, "progress")  # type: ignore[misc]
            die(process)
        assert died_at == sorted(died_at)
        assert died_at[-1] < 3 * THINGS
        worker()

        def at_the_end() -> bool:
            with tenant_context(tenant):
                behind = PullStream.objects.filter(caught_up_at=None).exists()
                return not behind and not HookDelivery.objects.filter(due_at__isnull=False).exists()

        until(at_the_end, "the end")
        with tenant_context(tenant):
            assert HookDelivery.objects.count() == 3 * THINGS
            assert not HookDelivery.objects.filter(~Q(state="applied")).exists()
            assert Account.objects.count() == THINGS
            assert (Contact.objects.count(), Opportunity.objects.count()) == (THINGS, THINGS)
            # Of each company its making, name and domain; of each person and deal its making and two or three values.
            assert SourceWord.objects.count() == THINGS * (3 + 3 + 4)
            assert sorted(PullStream.objects.filter(things__gt=0).values_list("name", "things")) == [
                ("companies", THINGS), ("contacts", THINGS), ("deals", THINGS),
            ]  # fmt: skip
