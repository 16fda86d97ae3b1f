"""What triggers make of data and rules that should not be: each has one outcome, and nobody else suffers from it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.accounts.services import facts_touch
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_accounts
from signals.models import Signal, Trigger
from tests.signals.test_engine import evaluate, use_weekly
from tests.world import make_account

pytestmark = pytest.mark.django_db


def fired(tenant: Tenant, account: Account, days: int) -> list[str]:
    """The keys of all signals once the account was looked at so many days from now."""
    evaluate_accounts(tenant, [account.pk], now=timezone.now() + timedelta(days=days))
    return sorted(Signal.objects.filter(account=account).values_list("trigger__key", flat=True))


def test_use_dated_in_the_future_fires_on_its_day_and_not_before(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(signed_up_on=date(2020, 1, 1))
        assert fired(acme, account, 0) == []
        UsageDaily.objects.create(
            account=account, day=today_of(acme) + timedelta(days=3), name="Data exported", count=1
        )
        assert fired(acme, account, 1) == []
        assert "data-export" in fired(acme, account, 3)


def test_an_account_younger_than_the_baseline_has_not_declined(acme: Tenant) -> None:
    with tenant_context(acme):
        today = today_of(acme)
        monday = today - timedelta(days=today.weekday())
        lives = [
            (make_account(f"A{weeks}", signed_up_on=monday - timedelta(weeks=weeks + 2)), weeks) for weeks in (3, 4)
        ]
        for account, weeks in lives:
            use_weekly(account, [100] * (weeks + 2), today)
        evaluate(acme)
        for account, weeks in lives:
            use_weekly(account, [100] * weeks + [50, 50], today)
        found = [s for s in evaluate(acme) if s.trigger.key == "usage-decline"]
        # Four complete weeks before the last two are the least that tell a fall.
        assert [signal.account.name for signal in found] == ["A4"]


def test_accounts_of_which_nothing_is_known_fire_nothing_as_time_passes(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        for days in (0, 1, 15, 46, 120):
            assert fired(acme, account, days) == []


def test_triggers_that_wait_for_one_another_hold_nobody_up(acme: Tenant) -> None:
    def stands(key: str) -> dict[str, Any]:
        return {"fact": "trigger_stands", "op": "eq", "value": True, "with": {"trigger": key}}

    with tenant_context(acme):
        # No form lets this be saved; rows that came past it must still not stop the tenant.
        for key, other in (("a", "b"), ("b", "a")):
            Trigger.objects.create(key=key, name=key, family="x", kind=Trigger.Kind.COMPUTED, rule=stands(other))
        account = make_account(signed_up_on=date(2020, 1, 1))
        use_weekly(account, [100] * 10, today_of(acme))
        evaluate(acme)
        use_weekly(account, [100] * 8 + [50, 50], today_of(acme))
        assert [signal.trigger.key for signal in evaluate(acme)] == ["usage-decline"]


def test_a_window_without_use_before_it_is_no_fall_and_no_growth(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(signed_up_on=date(2020, 1, 1))
        evaluate(acme)
        for ago in range(5):
            UsageDaily.objects.create(account=account, day=today_of(acme) - timedelta(days=ago), name="A", count=9)
        facts_touch([account.pk])
        changes = {"users-falling", "team-growth", "frequency-falling", "usage-decline"}
        assert {signal.trigger.key for signal in evaluate(acme)} & changes == set()


def test_a_zone_that_goes_back_a_day_tells_nothing_twice_on_one_day(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(signed_up_on=date(2020, 1, 1))
        use_weekly(account, [100] * 10, today_of(acme))
        evaluate(acme)
        use_weekly(account, [100] * 8 + [50, 50], today_of(acme))
        assert len(evaluate(acme)) == 1
        for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati", "UTC"):
            Tenant.objects.filter(pk=acme.pk).update(timezone=zone)
            acme.refresh_from_db()
            facts_touch([account.pk])
            evaluate(acme)
        # A Monday in one zone is a Sunday in another: the condition may come and go, its rest holds.
        assert Signal.objects.filter(trigger__key="usage-decline").count() == 1
