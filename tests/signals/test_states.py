"""A signal is the step from false to true, whatever happens around it; and what is false costs no row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts
from signals.models import Signal, Trigger, TriggerLook, TriggerState
from signals.services import trigger_edit
from signals.states import looks_forget
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
BIG = {"fact": "seats", "op": "gte", "value": 10}


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        Trigger.objects.exclude(key="single-threaded").update(is_active=False)
        Trigger.objects.filter(key="single-threaded").update(rule=BIG, cooldown_days=3)
        return make_account(seats=1)


def look(account: Account, seats: int, now: datetime = START) -> list[Signal]:
    Account.objects.filter(pk=account.pk).update(seats=seats)
    return list(Signal.objects.filter(pk__in=evaluate_accounts(account.tenant, [account.pk], now=now)))


STEPS = st.lists(st.one_of(st.booleans(), st.sampled_from(["edit", "import"])), max_size=14)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_it_fires_on_each_step_to_true_that_is_no_first_sight_and_does_not_cool_down(
    account: Account, steps: list[bool | str]
) -> None:
    with tenant_context(account.tenant):
        for model in (Signal, TriggerState, TriggerLook):
            model.objects.all().delete()
        trigger = Trigger.objects.get(key="single-threaded")
        first, before, fired_on = True, False, None
        for day, happens in enumerate(steps):
            if happens == "edit":
                value = 10 + trigger.version % 2
                trigger = trigger_edit(trigger=trigger, rule=BIG | {"value": value}, actor=ACTOR)
                first = True
                continue
            if happens == "import":
                looks_forget(account.tenant.pk, [account.pk])
                first = True
                continue
            holds = happens is True
            fires = holds and not first and not before and (fired_on is None or day - fired_on >= 3)
            assert len(look(account, 20 if holds else 1, START + timedelta(days=day))) == fires
            first, before, fired_on = False, holds, day if fires else fired_on


def test_what_was_never_true_leaves_one_row_an_account_however_many_triggers_look(acme: Tenant) -> None:
    with tenant_context(acme):
        ids = [make_account(f"A{n}", seats=1).pk for n in range(5)]
        evaluate_accounts(acme, ids)
        assert not TriggerState.objects.filter(is_true=False).exists()
        assert TriggerLook.objects.count() == 5
        assert TriggerLook.objects.values("seen").distinct().count() == 1


def test_a_new_trigger_is_new_to_accounts_that_others_have_looked_at(account: Account) -> None:
    with tenant_context(account.tenant):
        assert look(account, 20) == []
        Trigger.objects.create(
            key="late", name="Late", family="usage", kind=Trigger.Kind.COMPUTED, rule=BIG | {"value": 15}
        )
        assert look(account, 20) == []
        assert TriggerState.objects.get(trigger__key="late").baseline
        assert look(account, 1) == []
        assert {signal.trigger.key for signal in look(account, 20)} == {"late", "single-threaded"}


def test_switched_on_again_a_trigger_takes_accounts_as_it_finds_them(account: Account) -> None:
    with tenant_context(account.tenant):
        look(account, 1)
        Trigger.objects.filter(key="single-threaded").update(is_active=False)
        look(account, 20)
        Trigger.objects.filter(key="single-threaded").update(is_active=True, version=2)
        assert look(account, 20) == []
        look(account, 1)
        assert len(look(account, 20)) == 1
