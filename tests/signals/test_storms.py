"""Storms: further signals of a trigger are held, whoever evaluates, and a person decides about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.accounts.models import TimelineEntry
from hub.accounts.services import change_record
from hub.people.models import AuditEvent
from hub.plans.services import MILESTONE_COMPLETED
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Decision
from signals.draining import drain
from signals.engine import evaluate_batch
from signals.models import Signal, SignalStatus, Storm, StormStatus, Trigger
from signals.storms import deciding
from signals.storms.deciding import storm_drop, storm_release
from signals.storms.limits import storm_limits, storm_limits_set
from tests.shell.staff import staff
from tests.signals.test_inbox import signal_of
from tests.world import ACTOR, make_account, make_tenant

LIMIT = 3


@pytest.fixture
def stormy(acme: Tenant) -> Tenant:
    """A tenant that lets three signals of a trigger out in an hour."""
    return limited(acme)


def limited(tenant: Tenant, **more: int) -> Tenant:
    with tenant_context(tenant):
        storm_limits_set(tenant=tenant, **{"least": LIMIT, "percent": 1, "minutes": 60, **more}, actor=ACTOR)
    tenant.refresh_from_db()
    return tenant


def tell_milestones(count: int, first: int = 0) -> None:
    for at in range(first, first + count):
        change_record(
            account_id=make_account(f"Account {at}").pk,
            kind=MILESTONE_COMPLETED,
            key=f"m{at}",
            occurred_at=timezone.now(),
            data={"title": f"Step {at}"},
        )


def evaluate(tenant: Tenant) -> None:
    while evaluate_batch(tenant):
        pass


def numbers() -> dict[str, int]:
    found = Signal.objects.values_list("status", flat=True)
    return {status: list(found).count(status) for status in set(found)}


def test_further_signals_are_held_and_start_nothing(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(5)
        evaluate(stormy)
        assert numbers() == {"open": LIMIT, "held": 2}
        tell_milestones(2, first=5)
        evaluate(stormy)
        assert numbers() == {"open": LIMIT, "held": 4}
        storm = Storm.objects.get()
        assert (storm.held, storm.limit, storm.status) == (4, LIMIT, StormStatus.HOLDING)
        assert Decision.objects.count() == LIMIT
        assert TimelineEntry.objects.filter(kind="signal").count() == LIMIT
        assert AuditEvent.objects.filter(action="storm.begin", object_id=str(storm.pk)).count() == 1


def test_evaluating_again_holds_nothing_twice(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(5)
        evaluate(stormy)
        before = numbers()
        tell_milestones(5)
        evaluate(stormy)
        assert numbers() == before
        assert Storm.objects.get().held == 2


def test_another_trigger_and_what_lies_outside_the_window_are_free(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(LIMIT)
        evaluate(stormy)
        Signal.objects.update(recorded_at=timezone.now() - timedelta(minutes=61))
        tell_milestones(LIMIT, first=10)
        evaluate(stormy)
        assert numbers() == {"open": 2 * LIMIT}
        Signal.objects.update(trigger=Trigger.objects.get(key="qbr-risk"))
        tell_milestones(LIMIT, first=20)
        evaluate(stormy)
        assert numbers() == {"open": 3 * LIMIT}


def test_a_tenth_of_many_accounts_is_no_storm(acme: Tenant) -> None:
    with tenant_context(acme):
        limited(acme, percent=20)
        for at in range(15):
            make_account(f"Quiet {at}")
        tell_milestones(5)
        evaluate(acme)
        # A fifth of twenty accounts may signal.
        assert numbers() == {"open": 4, "held": 1}


def test_what_is_released_starts_what_it_would_have_started(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(5)
        evaluate(stormy)
        storm = Storm.objects.get()
        assert storm_release(storm=storm, actor=ACTOR, note="a campaign")
        assert not storm_drop(storm=storm, actor=ACTOR)
        assert deciding.backlog() is not None
    assert deciding.drain(stormy.pk) is None
    with tenant_context(stormy):
        storm.refresh_from_db()
        assert (storm.status, storm.released, storm.dropped) == (StormStatus.RELEASED, 2, 0)
        assert numbers() == {"open": 5}
        assert Decision.objects.count() == 5
        assert TimelineEntry.objects.filter(kind="signal").count() == 5
        tell_milestones(LIMIT, first=10)
        evaluate(stormy)
        # From the decision on the trigger counts anew.
        assert numbers() == {"open": 5 + LIMIT}


def test_what_is_no_longer_true_is_not_released(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(5)
        evaluate(stormy)
        first = Signal.objects.filter(status=SignalStatus.HELD).order_by("pk")[0]
        Signal.objects.filter(pk=first.pk).update(cleared_at=timezone.now())
        storm_release(storm=Storm.objects.get(), actor=ACTOR)
    deciding.drain(stormy.pk)
    with tenant_context(stormy):
        storm = Storm.objects.get()
        assert (storm.released, storm.dropped) == (1, 1)
        first.refresh_from_db()
        assert (first.status, first.closed_reason) == ("dropped", "no longer true when it was released")


def test_what_is_dropped_starts_nothing_and_counts_nowhere(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(5)
        evaluate(stormy)
        assert storm_drop(storm=Storm.objects.get(), actor=ACTOR, note="a wrong import")
        assert numbers() == {"open": LIMIT, "dropped": 2}
        assert Decision.objects.count() == LIMIT
        assert deciding.backlog() is None


def test_the_banner_leads_to_the_storm_where_it_is_decided(stormy: Tenant) -> None:
    with tenant_context(stormy):
        tell_milestones(5)
        evaluate(stormy)
        storm = Storm.objects.get()
    client, leader = staff(stormy, "admin"), staff(stormy, "leader")
    url = f"/t/acme/signals/storms/{storm.pk}/"
    assert url in client.get("/t/acme/signals/").text
    assert "Account 4" in client.get(url).text
    assert "Account 4" in client.get("/t/acme/signals/?status=held").text
    assert "Account 4" not in client.get("/t/acme/signals/").text
    assert leader.post(f"{url}drop/").status_code == 403
    assert "dropped; nothing comes" in client.post(f"{url}drop/", {"note": "wrong"}, follow=True).text
    assert "decided already" in client.post(f"{url}release/", follow=True).text
    assert url not in client.get("/t/acme/signals/").text
    assert "by admin@acme.example: wrong" in client.get(url).text


def test_limits_are_changed_in_the_browser_and_impossible_ones_refused(acme: Tenant) -> None:
    client, url = staff(acme, "admin"), "/t/acme/signals/storms/limits/"
    client.post(url, {"least": "50", "percent": "5", "minutes": "30"})
    acme.refresh_from_db()
    assert storm_limits(acme.settings).least == 50
    assert client.post(url, {"least": "0", "percent": "5", "minutes": "30"}).status_code == 422
    with tenant_context(acme), pytest.raises(ValidationError):
        storm_limits_set(tenant=acme, least=1, percent=101, minutes=1, actor=ACTOR)


@pytest.mark.parametrize("settings", [{}, {"signals": None}, {"signals": {"storm_least": "many", "storm_percent": 0}}])
def test_limits_that_cannot_be_used_count_as_the_defaults(settings: dict[str, object]) -> None:
    limits = storm_limits(settings)
    assert (limits.least, limits.percent, limits.minutes) == (200, 10, 60)


def at_once(work: Callable[[], object], workers: int = 2) -> None:
    barrier = Barrier(workers)

    def one(_: int) -> None:
        barrier.wait()
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(workers)))


def batches(tenant_id: UUID) -> None:
    """Evaluate four accounts a transaction, until none is left."""
    while True:
        with tenant_context(tenant_id):
            if not evaluate_batch(Tenant.objects.get(pk=tenant_id), limit=4):
                return


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_evaluators_together_let_out_the_limit_and_begin_one_storm() -> None:
    tenant = limited(make_tenant("crowd"))
    with tenant_context(tenant):
        tell_milestones(24)
    at_once(lambda: batches(tenant.pk))
    with tenant_context(tenant):
        assert numbers() == {"open": LIMIT, "held": 24 - LIMIT}
        assert Storm.objects.get().held == 24 - LIMIT


@pytest.mark.django_db(transaction=True)
def test_a_decision_amid_evaluations_leaves_nothing_behind() -> None:
    tenant = limited(make_tenant("crowd"))
    with tenant_context(tenant):
        tell_milestones(8)
        evaluate(tenant)
        storm = Storm.objects.get()
        tell_milestones(12, first=20)

    turns: Iterator[Callable[[], None]] = iter([lambda: batches(tenant.pk), lambda: _drop(tenant, storm)])
    at_once(lambda: next(turns)())
    with tenant_context(tenant):
        held = Signal.objects.filter(status=SignalStatus.HELD)
        # What is still held belongs to a storm that can still be decided.
        assert set(held.values_list("storm__status", flat=True)) <= {StormStatus.HOLDING}
        assert sum(numbers().values()) == 20


def _drop(tenant: Tenant, storm: Storm) -> None:
    with tenant_context(tenant):
        storm_drop(storm=storm, actor=ACTOR)
    drain(tenant.pk)


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(("page", "queries"), [("", 9), ("{}/", 10)])
def test_pages_of_storms_ask_as_often_for_twenty_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, page: str, queries: int, count: int
) -> None:
    with tenant_context(acme):
        trigger = Trigger.objects.get(key="usage-decline")
        for at in range(count):
            decided = {"status": StormStatus.DROPPED} if at else {}
            storm = Storm.objects.create(
                trigger=trigger, began_at=timezone.now(), limit=1, window_minutes=60, held=count, **decided
            )
        for at in range(count):
            signal_of(f"A{at}", "usage-decline", status=SignalStatus.HELD, storm=storm)
    client = staff(acme, "admin")
    url = f"/t/acme/signals/storms/{page.format(storm.pk)}"
    client.get(url)
    with django_assert_num_queries(queries):
        client.get(url)
