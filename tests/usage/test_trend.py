"""The trend of use is the slope of the straight line through the weeks, in percent of their mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import linear_regression, mean
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account
from hub.registry.facts import known_facts
from hub.registry.measures import ArgumentError, measures
from hub.rules.compile import Clock
from hub.rules.language import RuleError, parse
from hub.rules.reading import read_facts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.health.cards import checked
from tests.world import make_account

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 31)
CLOCK = Clock(datetime(2026, 3, 31, 9, tzinfo=UTC), TODAY)
database = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        made = make_account(signed_up_on=date(2020, 1, 1))
        facts_refresh([made.pk], today=TODAY)
        return made


def use(account: Account, weekly: list[int], name: str = "Report") -> None:
    """Some use in each of the weeks, the last of which ends today."""
    days = [(TODAY - timedelta(days=7 * back + back % 7), n) for back, n in enumerate(reversed(weekly))]
    UsageDaily.objects.bulk_create([UsageDaily(account=account, day=day, name=name, count=n) for day, n in days if n])


def trend(account: Account, clock: Clock = CLOCK, **given_: Any) -> float | None:
    fact = measures.get("uses_trend").fact(given_)
    found = read_facts({"it": fact}, [account.pk], clock)[account.pk]["it"]
    return None if found is None else float(found)


@database
@given(st.lists(st.integers(0, 40), min_size=4, max_size=12))
def test_the_slope_is_that_of_least_squares(account: Account, weekly: list[int]) -> None:
    with tenant_context(account.tenant):
        UsageDaily.objects.all().delete()
        use(account, weekly)
        found = trend(account, days=7 * len(weekly))
    if not any(weekly):
        assert found is None
        return
    slope = linear_regression(range(len(weekly)), weekly).slope
    assert found == pytest.approx(100 * slope / mean(weekly), abs=0.006)


def test_it_is_asked_of_one_event_and_of_a_day_gone_by(account: Account) -> None:
    with tenant_context(account.tenant):
        use(account, [10, 20, 30, 40, 90])
        use(account, [5, 5, 5, 5, 5], name="Export")
        assert trend(account, days=35, event="Export") == 0
        week_ago = Clock(CLOCK.now - timedelta(days=7), TODAY - timedelta(days=7), past=True)
        assert trend(account, week_ago, days=28, event="Report") == 40


def test_an_account_of_three_whole_weeks_has_no_trend_and_one_of_four_has(account: Account) -> None:
    with tenant_context(account.tenant):
        use(account, [10, 20, 30, 40])
        for first, found in ((TODAY - timedelta(days=26), None), (TODAY - timedelta(days=27), 40)):
            UsageDaily.objects.filter(day__lt=first).delete()
            Account.objects.filter(pk=account.pk).update(signed_up_on=first)
            assert trend(account) == found
            UsageDaily.objects.all().delete()
            use(account, [10, 20, 30, 40])


def test_fewer_than_four_weeks_are_refused_where_they_are_asked_for(acme: Tenant) -> None:
    with tenant_context(acme):
        rule = {"fact": "uses_trend", "with": {"days": 27}, "op": "lt", "value": 0}
        with pytest.raises(RuleError, match="at least 28 days"):
            parse(rule, known_facts())
        with pytest.raises(ArgumentError):
            measures.get("uses_trend").fact({"days": 27})


def test_a_scorecard_may_measure_it(acme: Tenant) -> None:
    rows = [
        {"key": f"trend-{n}", "label": f"Trend {n}", "fact": "uses_trend", "with": {"days": 28 * n}, "worst": -10,
         "best": 5, "weight": 10}
        for n in (1, 2, 3)
    ]  # fmt: skip
    with tenant_context(acme):
        assert [row["fact"] for row in checked(rows, 40, 70)] == ["uses_trend"] * 3
