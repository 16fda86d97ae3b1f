"""Time passes without anybody writing anything, and conditions become true by it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account, AccountState
from hub.revenue.services import contract_line_upsert
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals import close, draining, engine
from signals.catalogue import SHIPPED
from signals.models import DayClose, Signal, Trigger, TriggerVersion
from tests.world import make_account

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def settle(tenant: Tenant) -> None:
    draining.drain(tenant.id)


def dirty() -> int:
    return int(AccountState.objects.filter(dirty_at__isnull=False).count())


def test_a_renewal_comes_near_although_nothing_happens(acme: Tenant) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        with tenant_context(acme):
            account = make_account("northwind")
            fields = {
                "mrr_minor": 10_000,
                "currency": acme.currency,
                "starts_on": NOON.date() - timedelta(days=200),
                "ends_on": NOON.date() + timedelta(days=91),
            }
            contract_line_upsert(source="test", external_id="1", account=account, fields=fields)
        settle(acme)
        close.drain(acme.id)
        settle(acme)
        with tenant_context(acme):
            assert Account.objects.get(pk=account.pk).stage != "renewal"
            assert close.backlog() is None
        clock.shift(timedelta(days=2))
        with tenant_context(acme):
            assert close.backlog() == timezone.now()
        close.drain(acme.id)
        settle(acme)
        with tenant_context(acme):
            assert Account.objects.get(pk=account.pk).stage == "renewal"


def test_a_day_is_closed_once(acme: Tenant) -> None:
    with time_machine.travel(NOON, tick=False):
        with tenant_context(acme):
            make_account("northwind")
        close.drain(acme.id)
        settle(acme)
        close.drain(acme.id)
        with tenant_context(acme):
            assert dirty() == 0
            assert DayClose.objects.count() == 1


def test_the_day_is_the_tenants_and_the_next_one_is_told(acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(timezone="Asia/Tokyo")
    with time_machine.travel(datetime(2026, 5, 4, 14, 59, tzinfo=UTC), tick=False) as clock:
        with tenant_context(acme):
            make_account("northwind")
        due = close.drain(acme.id)
        assert due == datetime(2026, 5, 4, 15, tzinfo=UTC)
        with tenant_context(acme):
            assert close.backlog() is None
        clock.move_to(due)
        with tenant_context(acme):
            assert close.backlog() == due


def test_a_worker_that_died_half_way_is_followed_by_one_that_goes_on(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close, "BATCH", 2)
    with time_machine.travel(NOON, tick=False):
        with tenant_context(acme):
            for number in range(5):
                make_account(f"a{number}")
        settle(acme)
        with tenant_context(acme):
            first = DayClose.objects.create(day=NOON.date())
            close.close_batch(first)
            assert dirty() == 2
            assert close.backlog() is not None
        close.drain(acme.id)
        with tenant_context(acme):
            assert dirty() == 5
            assert DayClose.objects.get().done_at is not None


def test_a_tenant_without_accounts_owes_nothing(acme: Tenant) -> None:
    with tenant_context(acme):
        assert close.backlog() is None


def test_a_trigger_that_a_release_ships_reaches_a_tenant_at_its_day_close_and_fires_nothing(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(seats=5)
        trigger = Trigger.objects.get(key="single-threaded")
        TriggerVersion.objects.filter(trigger=trigger).delete()
        trigger.delete()
    close.drain(acme.pk)
    with tenant_context(acme):
        assert Trigger.objects.filter(key="single-threaded").exists()
        engine.evaluate_accounts(acme, [account.pk])
        assert not Signal.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_closes_at_once_give_a_tenant_what_a_release_ships_once() -> None:
    tenant = Tenant.objects.create(slug="twice", name="Twice")
    with tenant_context(tenant):
        make_account()
        TriggerVersion.objects.all().delete()
        Trigger.objects.all().delete()
        # A day that was opened again: neither waits for the other to begin it.
        DayClose.objects.create(day=today_of(tenant))
    barrier = Barrier(2)

    def one(_: int) -> None:
        barrier.wait()
        try:
            close.drain(tenant.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(2)))
    with tenant_context(tenant):
        assert sorted(Trigger.objects.values_list("key", flat=True)) == sorted(shipped.key for shipped in SHIPPED)
        assert close.backlog() is None
