"""After a drain a queue rests: under a stream of wake-ups, work done once for many of them takes its share only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.tenancy import tasks, wake
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork

pytestmark = pytest.mark.django_db


class Work:
    """A queue whose drain takes as long as it is told, and the messages that were sent for it."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock, self.takes, self.drained = clock, timedelta(0), 0
        self.sent: list[float] = []

    def drain(self, tenant_id: UUID) -> None:
        self.drained += 1
        self.clock.shift(self.takes)

    def send(self, arguments: Any, *, queue: str, expires: int, countdown: float) -> None:
        self.sent.append(countdown)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        work = Work(clock)
        monkeypatch.setitem(wake.queues, "probe", wake.Queue("probe", work.drain, lambda: None, "bulk", rest=3.0))
        monkeypatch.setattr(tasks.drain, "apply_async", work.send)
        yield work


def message(tenant: Tenant) -> None:
    """A wake-up is queued and a worker takes it."""
    with tenant_context(tenant):
        wake.wake("probe")
    wake.send_wake_up(tenant.id, "probe")
    tasks.drain(str(tenant.id), "probe")


def test_a_wake_up_after_long_work_waits_three_times_as_long(acme: Tenant, work: Work) -> None:
    work.takes = timedelta(milliseconds=90)
    message(acme)
    message(acme)
    assert work.drained == 1
    assert work.sent == [0, 0, pytest.approx(0.27)]
    work.clock.shift(timedelta(seconds=1))
    tasks.drain(str(acme.id), "probe")
    assert work.drained == 2


def test_while_one_wake_up_waits_no_other_is_sent(acme: Tenant, work: Work) -> None:
    work.takes = timedelta(milliseconds=300)
    message(acme)
    message(acme)
    assert not wake.send_wake_up(acme.id, "probe")
    assert TenantWork.objects.get(tenant=acme, queue="probe").queued_at == timezone.now()


def test_no_rest_is_longer_than_a_third_of_a_second(acme: Tenant, work: Work) -> None:
    work.takes = timedelta(seconds=15)
    message(acme)
    work.clock.shift(timedelta(seconds=0.3))
    message(acme)
    assert work.drained == 2


def test_a_wake_up_after_short_work_is_served_at_once(acme: Tenant, work: Work) -> None:
    message(acme)
    message(acme)
    assert work.drained == 2


def test_a_wake_up_joins_work_that_takes_long(acme: Tenant, work: Work) -> None:
    assert wake.drain_begin(acme.id, "probe")
    assert wake.drain_begin(acme.id, "probe") is None
    assert work.sent == [pytest.approx(0.25)]
    work.clock.shift(timedelta(milliseconds=251))
    assert wake.drain_begin(acme.id, "probe", waited=True)


def test_who_asked_while_work_was_done_is_woken_when_it_ends_not_when_it_might_have(acme: Tenant, work: Work) -> None:
    lease = wake.drain_begin(acme.id, "probe")
    assert lease
    assert ask_for_more(acme)
    tasks.drain(str(acme.id), "probe")
    work.clock.shift(timedelta(milliseconds=10))
    wake.drain_end(acme.id, "probe", lease, None)
    assert work.sent == [0, pytest.approx(0.25), pytest.approx(0.03)]
    work.clock.shift(timedelta(milliseconds=31))
    tasks.drain(str(acme.id), "probe", waited=True)
    work.clock.shift(timedelta(milliseconds=210))
    tasks.drain(str(acme.id), "probe", waited=True)
    assert work.drained == 1


def ask_for_more(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        wake.wake("probe")
    return wake.send_wake_up(tenant.id, "probe")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_asks_once_for_each_queue(acme: Tenant, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wake.queues, "other", wake.Queue("other", work.drain, lambda: None, "bulk"))
    with CaptureQueriesContext(connection) as seen, tenant_context(acme):
        wake.wake("probe")
        wake.wake("other")
        wake.wake("probe")
    assert work.sent == [0, 0]
    assert sum("queued_at" in query["sql"] for query in seen) == 1
    with tenant_context(acme):
        wake.wake("probe")
    assert work.sent == [0, 0]


@pytest.mark.django_db(transaction=True)
def test_what_is_woken_after_a_commit_takes_no_wake_up_of_that_commit_away(acme: Tenant, work: Work) -> None:
    def again() -> None:
        with tenant_context(acme):
            wake.wake("send")

    with tenant_context(acme):
        transaction.on_commit(again)
        wake.wake("probe")
    assert TenantWork.objects.filter(tenant=acme, queued_at__isnull=False).count() == 2
    assert work.sent == [0, 0]


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_that_is_taken_back_takes_no_other_wake_up_away(acme: Tenant, work: Work) -> None:
    with tenant_context(acme):
        with suppress(ZeroDivisionError), transaction.atomic():
            wake.wake("send")
            raise ZeroDivisionError
        wake.wake("probe")
    assert TenantWork.objects.filter(tenant=acme, queue="probe", queued_at__isnull=False).exists()
    assert work.sent == [0]


def test_nobody_works_for_a_tenant_that_is_not_active(acme: Tenant, work: Work) -> None:
    Tenant.objects.filter(pk=acme.pk).update(is_active=False)
    tasks.drain(str(acme.id), "probe")
    assert not work.drained
