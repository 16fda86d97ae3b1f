"""Two workers at once: the work is shared, nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from uuid import UUID

import pytest
from django.db import connections

from hub.outbox import sending
from hub.outbox.channels.base import Outcome, Outgoing, Result
from hub.outbox.models import Message
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys import working
from journeys.models import StepRun
from tests.journeys.crowd import crowd
from tests.outbox.provider import Provider, in_place_of_email

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = 150


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(slug="crowd", name="Crowd")


def at_once(work: Callable[[UUID], object], tenant: Tenant, *, workers: int = 4) -> None:
    barrier = Barrier(workers)

    def one(_: int) -> None:
        barrier.wait()
        try:
            work(tenant.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(workers)))


@pytest.mark.slow
@pytest.mark.parametrize("honours_keys", [True, False])
def test_four_workers_take_every_step_and_send_every_message_once(tenant: Tenant, honours_keys: bool) -> None:
    crowd(tenant, SIZE)
    seen: Counter[str] = Counter()
    lock = Lock()

    def count(outgoing: Outgoing) -> Result:
        with lock:
            seen[outgoing.key] += 1
        return Result(Outcome.SENT)

    with in_place_of_email(Provider(honours_keys=honours_keys, answer=count)):
        at_once(working.drain, tenant)
        at_once(sending.drain, tenant)
    with tenant_context(tenant):
        assert StepRun.objects.filter(node_id="mail").count() == SIZE
        assert Message.objects.filter(status="sent").count() == SIZE
    assert len(seen) == SIZE
    assert set(seen.values()) == {1}
