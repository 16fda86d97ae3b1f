"""In the evening of a tenant west of Greenwich it is the next day in UTC: what happens then counts at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub.accounts.facts import facts_refresh, today_of
from hub.accounts.models import Account, AccountFacts
from hub.feedback.models import SurveyResponse, Ticket
from hub.registry.facts import day_of_rows, known_facts
from hub.rules.compile import Clock, evaluate
from hub.rules.language import parse
from hub.rules.matching import matches
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_accounts
from signals.health.cards import readable
from signals.health.models import HealthInput
from signals.health.reading import values_of
from signals.models import Signal
from tests.world import make_account

pytestmark = pytest.mark.django_db
EVENING = datetime(2026, 5, 6, 1, tzinfo=UTC)
DAY = date(2026, 5, 5)


@pytest.fixture
def account(acme: Tenant) -> Account:
    Tenant.objects.filter(pk=acme.pk).update(timezone="America/Los_Angeles")
    acme.refresh_from_db()
    assert today_of(acme, EVENING) == DAY
    with tenant_context(acme):
        return make_account(signed_up_on=date(2020, 1, 1))


def test_signals_fire_in_the_evening_within_the_same_evaluation(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        evaluate_accounts(acme, [account.pk], now=EVENING - timedelta(hours=3))
        UsageDaily.objects.create(account=account, day=EVENING.date(), name="Data exported", count=1)
        for number in range(3):
            Ticket.objects.create(
                account=account, source="t", external_id=str(number), priority="urgent", opened_at=EVENING
            )
        evaluate_accounts(acme, [account.pk], now=EVENING)
        fired = set(Signal.objects.values_list("trigger__key", flat=True))
        assert {"data-export", "tickets-critical"} <= fired
        # A composite counts what has just fired.
        rule = {"fact": "signals", "with": {"trigger": "data-export", "days": 1}, "op": "eq", "value": 1}
        assert _holds(account, rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"fact": "latest_use", "with": {"event": "Report"}, "op": "within_days_after", "value": 0},
        {"fact": "last_event_on", "op": "within_days_after", "value": 0},
        {"fact": "usage_30d", "op": "eq", "value": 4},
        {"fact": "nps_latest", "op": "eq", "value": 9},
        {"fact": "top_event_share", "op": "eq", "value": 100},
        {"fact": "new_events", "with": {"days": 1}, "op": "eq", "value": 1},
        {"sustained": {"fact": "uses", "with": {"days": 1}, "op": "gte", "value": 1}, "days": 2},
    ],
)
def test_what_is_read_of_the_evening_is_the_same_for_sets_and_for_one(account: Account, rule: dict[str, Any]) -> None:
    with tenant_context(account.tenant):
        UsageDaily.objects.create(account=account, day=EVENING.date(), name="Report", count=3)
        if "sustained" in rule or rule["fact"] == "usage_30d":
            UsageDaily.objects.create(account=account, day=DAY, name="Report", count=1)
        SurveyResponse.objects.create(
            account=account, source="t", external_id="1", kind="nps", score=9, answered_at=EVENING
        )
        facts_refresh([account.pk], today=DAY, now=EVENING)
        assert _holds(account, rule)


def _holds(account: Account, rule: dict[str, Any]) -> bool:
    clock, node = Clock(EVENING, DAY), parse(rule, known_facts())
    (reading,) = read_rule(node, [account.pk], clock)
    said = {reading.holds, matches(node, clock).count == 1, evaluate(node, reading.row, clock)}
    assert len(said) == 1
    return said.pop()


def test_a_measure_that_people_set_in_the_evening_counts_at_once(account: Account) -> None:
    card = readable([{"key": "pulse", "label": "Pulse", "fact": "hand", "worst": 0, "best": 100, "weight": 1}], 40, 70)
    with tenant_context(account.tenant):
        facts_refresh([account.pk], today=DAY, now=EVENING)
        HealthInput.objects.create(account=account, measure="pulse", value=10, set_at=EVENING - timedelta(minutes=1))
        (seen,) = values_of([card], [account.pk], Clock(EVENING, DAY))[account.pk].values()
        assert (seen.value, seen.age) == (10, 0)


def test_what_is_dated_later_counts_in_no_fact_row(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        UsageDaily.objects.create(account=account, day=date(2026, 6, 1), name="Report", count=3)
        later = datetime(2026, 6, 1, tzinfo=UTC)
        Ticket.objects.create(account=account, source="t", external_id="1", opened_at=later)
        SurveyResponse.objects.create(
            account=account, source="t", external_id="1", kind="nps", score=9, answered_at=later
        )
        facts_refresh([account.pk], today=DAY, now=EVENING)
        row = AccountFacts.objects.get(account=account)
        assert (row.last_event_on, row.open_tickets, row.tickets_30d, row.nps_latest) == (None, 0, 0, None)


@pytest.mark.parametrize(
    ("today", "until"), [(DAY, date(2026, 5, 6)), (date(2026, 5, 6), date(2026, 5, 6)), (date(2026, 5, 7),) * 2]
)
def test_the_day_of_rows_is_never_before_the_tenants(today: date, until: date) -> None:
    assert day_of_rows(today, EVENING) == until
