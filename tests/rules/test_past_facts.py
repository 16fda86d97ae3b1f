"""Facts that keep a past: what they say of a day gone by is what their columns said on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account
from hub.feedback.models import SurveyResponse, Ticket
from hub.plans.models import Milestone, OnboardingPlan
from hub.registry.facts import Fact, facts
from hub.revenue.models import ContractLine
from hub.rules.compile import Clock
from hub.rules.reading import read_facts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import ActiveUserDaily, UsageDaily
from tests.world import make_account

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 25)
NOW = Clock(datetime(2026, 3, 25, 22, tzinfo=UTC), DAY)
# Health and the stage keep days of their own, and have their own tests.
OWN = ("health", "stage")
KEPT: dict[str, Fact] = {fact.name: fact for fact in facts if fact.past and not fact.name.startswith(OWN)}
AGO = st.integers(0, 100)


def at(ago: int) -> datetime:
    return datetime(2026, 3, 25, 15, tzinfo=UTC) - timedelta(days=ago)


def day(ago: int) -> date:
    return DAY - timedelta(days=ago)


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


def own(account: Account) -> UUID:
    assert account.tenant_id
    return account.tenant_id


def empty(account: Account) -> None:
    for model in (UsageDaily, ActiveUserDaily, Ticket, SurveyResponse, ContractLine, Milestone, OnboardingPlan):
        model.objects.all().delete()


def fill(account: Account, data: dict[str, Any]) -> None:
    Account.objects.filter(pk=account.pk).update(signed_up_on=day(data["signed_up"]))
    UsageDaily.objects.bulk_create(
        [UsageDaily(account=account, day=day(ago), name=n, count=c) for (ago, n), c in data["uses"].items()]
    )
    ActiveUserDaily.objects.bulk_create(
        [ActiveUserDaily(account=account, day=day(ago), user_key=u) for ago, u in data["users"]]
    )
    for number, (opened, took, priority, csat) in enumerate(data["tickets"]):
        closed = None if took is None or took > opened else at(opened - took)
        Ticket.objects.create(
            account=account, source="t", external_id=str(number), opened_at=at(opened), closed_at=closed,
            priority=priority, csat=csat,
        )  # fmt: skip
    for number, (ago, score) in enumerate(data["answers"].items()):
        SurveyResponse.objects.create(
            account=account, source="t", external_id=str(number), kind="nps", score=score, answered_at=at(ago)
        )
    for number, (starts, term, mrr, trial) in enumerate(data["lines"]):
        ContractLine.objects.create(
            account=account, source="t", external_id=str(number), starts_on=day(starts), mrr_minor=mrr,
            ends_on=day(starts - term), is_trial=trial, tier=f"T{number}",
        )  # fmt: skip
    plan = OnboardingPlan.objects.create(account=account, started_on=day(100))
    OnboardingPlan.objects.filter(pk=plan.pk).update(activated_at=at(data["activated"]))
    for number, (due, done) in enumerate(data["milestones"]):
        Milestone.objects.create(
            account=account, plan=plan, position=number, key=f"m{number}", title=f"M{number}",
            required=number % 3 != 2, due_on=day(due), completed_at=None if done is None else at(done),
        )  # fmt: skip


DATA = st.fixed_dictionaries(
    {
        "signed_up": AGO,
        "uses": st.dictionaries(st.tuples(AGO, st.sampled_from("xyz")), st.integers(1, 50), max_size=30),
        "users": st.sets(st.tuples(AGO, st.sampled_from("ab")), max_size=8),
        "tickets": st.lists(
            st.tuples(AGO, st.none() | AGO, st.sampled_from(["low", "urgent"]), st.none() | st.integers(1, 5)),
            max_size=5,
        ),
        "answers": st.dictionaries(AGO, st.integers(0, 10), max_size=4),
        "lines": st.lists(
            st.tuples(AGO, st.integers(1, 400), st.integers(0, 9_000), st.booleans()), max_size=3
        ),
        "activated": AGO,
        "milestones": st.lists(st.tuples(st.integers(-20, 100), st.none() | AGO), max_size=5),
    }
)  # fmt: skip


def told(account: Account, clock: Clock) -> dict[str, Any]:
    found = read_facts(KEPT, [account.pk], clock)[account.pk]
    return {name: value or None if isinstance(value, str) else value for name, value in found.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DATA)
def test_the_past_of_a_day_is_what_the_columns_said_on_it_and_later_rows_change_nothing(
    account: Account, data: dict[str, Any]
) -> None:
    with tenant_context(own(account)):
        empty(account)
        fill(account, data)
        facts_refresh([account.pk], today=DAY, now=NOW.now)
        columns = told(account, NOW)
        past = replace(NOW, past=True)
        assert told(account, past) == pytest.approx(columns)
        UsageDaily.objects.create(account=account, day=day(-1), name="x", count=1_000)
        ActiveUserDaily.objects.create(account=account, day=day(-1), user_key="z")
        Ticket.objects.filter(closed_at=None).update(closed_at=at(-2))
        Ticket.objects.create(account=account, source="t", external_id="later", opened_at=at(-1), priority="urgent")
        SurveyResponse.objects.create(
            account=account, source="t", external_id="later", kind="nps", score=0, answered_at=at(-1)
        )
        ContractLine.objects.create(
            account=account, source="t", external_id="later", starts_on=day(-1), mrr_minor=10**6, tier="later"
        )
        Milestone.objects.filter(completed_at=None).update(completed_at=at(-3))
        assert told(account, past) == pytest.approx(columns)


def test_most_columns_keep_a_past() -> None:
    assert {"mrr_minor", "renews_on", "usage_drop_pct", "csat_90d", "nps_latest", "milestones_overdue"} <= set(KEPT)
