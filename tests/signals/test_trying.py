"""What a rule would have done equals what the engine does when the days pass one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.language import Node, parse
from hub.rules.matching import matches
from hub.rules.patience import OutOfPatienceError, patience
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_accounts
from signals.models import Signal, Trigger, TriggerState
from signals.triggers import trying
from signals.triggers.trying import Past, blast, firings, matches_now, rule_past, rule_try
from tests.world import make_account

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
TODAY = date(2026, 3, 31)
DAYS = 8
BUSY = {"fact": "uses", "with": {"days": 2}, "op": "gte", "value": 4}
database = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(tree: dict[str, Any]) -> Node:
    return parse(tree, known_facts())


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 10), st.integers(0, 5))
def test_firings_are_counted_as_by_walking_the_days(held: list[bool], cooldown: int, first: int) -> None:
    fired: list[int] = []
    before = True
    for day, now in enumerate(held):
        step = day > first and now and not before
        if step and not any(day - earlier < cooldown for earlier in fired):
            fired.append(day)
        before = now
    assert firings(held, cooldown, first) == len(fired)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals.triggers.trying.timezone.now", lambda: NOON)


@pytest.mark.slow
@pytest.mark.django_db
@database
@given(
    uses=st.lists(st.lists(st.integers(0, 5), min_size=DAYS + 3, max_size=DAYS + 3), min_size=1, max_size=3),
    cooldown=st.integers(0, 4),
    running=st.sampled_from([0, 2]),
)
def test_the_past_is_what_the_engine_would_have_made_of_it(
    acme: Tenant, stopped: None, uses: list[list[int]], cooldown: int, running: int
) -> None:
    tree = {"sustained": BUSY, "days": running} if running else BUSY
    with tenant_context(acme):
        Trigger.objects.exclude(key="busy").update(is_active=False)
        accounts = [make_account(f"A{number}") for number in range(len(uses))]
        for model in (UsageDaily, Signal, TriggerState):
            model.objects.all().delete()
        Trigger.objects.filter(key="busy").delete()
        Trigger.objects.create(
            key="busy", name="busy", family="usage", kind="computed", rule=tree, cooldown_days=cooldown
        )
        UsageDaily.objects.bulk_create(
            UsageDaily(account=account, day=TODAY - timedelta(days=ago), name="x", count=count)
            for account, counts in zip(accounts, uses, strict=True)
            for ago, count in enumerate(reversed(counts))
        )
        ids = [account.pk for account in accounts]
        for ago in range(DAYS, -1, -1):
            evaluate_accounts(acme, ids, now=NOON - timedelta(days=ago))
        Account.objects.exclude(pk__in=ids).delete()
        told = rule_past(read(tree), acme, cooldown_days=cooldown, days=DAYS)
        assert told == Past(DAYS, len(ids), asked=len(ids), fired=Signal.objects.count())


@pytest.mark.django_db
def test_an_account_is_looked_at_from_its_first_day_on(acme: Tenant, stopped: None) -> None:
    """Younger than the window: what is so on the first day is found, not reached."""
    with tenant_context(acme):
        for name, signed_up in (
            ("Old", date(2020, 1, 1)),
            ("New", TODAY - timedelta(days=3)),
            ("Next", date(2027, 1, 1)),
        ):
            account = make_account(name, signed_up_on=signed_up)
            UsageDaily.objects.create(account=account, day=TODAY - timedelta(days=3), name="x", count=9)
            evaluate_accounts(acme, [account.pk], now=NOON)
        assert rule_past(read(BUSY), acme, cooldown_days=0).fired == 1


@pytest.mark.django_db
def test_what_keeps_no_past_is_named_and_counted_now_only(acme: Tenant) -> None:
    with tenant_context(acme):
        for number in range(3):
            account = make_account(f"A{number}", seats=number)
            evaluate_accounts(acme, [account.pk])
        tree = {"all": [{"fact": "seats", "op": "gte", "value": 1}, {"fact": "uses", "op": "eq", "value": 0}]}
        tried = rule_try(read(tree), acme)
        assert tried.now is not None
        assert (tried.now.count, [name for _, name in tried.now.first]) == (2, ["A1", "A2"])
        assert tried.past is not None
        assert tried.past.without_past == ("seats",)
        assert rule_try(read(tree), acme, fires=False).past is None


@pytest.mark.django_db
def test_a_sample_says_that_it_is_one(acme: Tenant, stopped: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "MOST_ASKED", 4)
    monkeypatch.setattr(trying, "ASKED_AT_ONCE", 3)
    with tenant_context(acme):
        for number in range(6):
            account = make_account(f"A{number}")
            UsageDaily.objects.create(account=account, day=TODAY - timedelta(days=5), name="x", count=9)
            evaluate_accounts(acme, [account.pk], now=NOON)
        told = rule_past(read(BUSY), acme, cooldown_days=0)
        assert (told.asked, told.accounts, told.fired, told.estimate, told.is_sample) == (4, 6, 4, 6, True)
        assert Past(90, 80_000, asked=500, fired=1).estimate == 160
        assert Past(90, 80_000, asked=500, fired=77).estimate == 12_000


@pytest.mark.django_db
def test_what_takes_too_long_is_given_up_and_leaves_the_connection_usable(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    with tenant_context(acme):
        with pytest.raises(OutOfPatienceError), patience(0.05), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            left = cursor.fetchone()
        with patience(1):
            pass
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == left
        make_account()
        monkeypatch.setattr(trying, "PATIENCE", -1.0)
        assert rule_past(read(BUSY), acme, cooldown_days=0) == Past(90, 0, in_time=True)
        evaluate_accounts(acme, list(Account.objects.values_list("pk", flat=True)))
        assert rule_past(read(BUSY), acme, cooldown_days=0).in_time is False

        def endless(*args: Any, **more: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")

        monkeypatch.setattr(trying, "PATIENCE", 0.05)
        monkeypatch.setattr(trying, "matches", endless)
        assert matches_now(read(BUSY), acme) is None
        assert blast(read(BUSY), None, acme).is_wide


@pytest.mark.django_db
def test_only_accounts_of_the_tenant_are_counted(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            evaluate_accounts(tenant, [make_account("Ash", seats=9).pk])
    with tenant_context(acme):
        assert matches(read({"fact": "seats", "op": "gt", "value": 1}), Clock(NOON, TODAY)).count == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("many", "of", "wide"), [(4, 10, False), (10, 25, True), (10, 100, False), (11, 100, True)])
def test_wide_is_more_than_a_tenth_and_at_least_ten(acme: Tenant, many: int, of: int, wide: bool) -> None:
    with tenant_context(acme):
        ids = [make_account(f"A{n:03}", seats=9 if n < many else 1).pk for n in range(of)]
        evaluate_accounts(acme, ids)
        found = blast(
            read({"fact": "seats", "op": "gt", "value": 5}), read({"fact": "seats", "op": "gt", "value": 50}), acme
        )
        assert found.newly is not None
        assert (found.newly.count, found.accounts, found.is_wide) == (many, of, wide)
        assert not blast(
            read({"fact": "seats", "op": "gt", "value": 5}), read({"fact": "seats", "op": "gt", "value": 3}), acme
        ).is_wide
