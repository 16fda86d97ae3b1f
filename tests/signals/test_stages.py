from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account
from hub.plans.services import milestone_complete, plan_create
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.stages import BREADTH_TARGET, stages_refresh
from tests.world import ACTOR, make_account

TODAY = date(2026, 6, 10)


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


@pytest.mark.parametrize(
    ("line", "plan", "features", "stage"),
    [
        ({"ends_on": day(-1)}, "done", 9, "churned"),
        ({"ends_on": day(0)}, "done", 9, "churned"),
        ({"ends_on": day(1)}, "done", 9, "renewal"),
        ({"renews_on": day(90)}, "open", 9, "renewal"),
        ({"renews_on": day(91)}, "open", 9, "onboarding"),
        ({}, "done", BREADTH_TARGET - 1, "adoption"),
        ({}, "done", BREADTH_TARGET, "value"),
        ({}, "", BREADTH_TARGET, "value"),
        (None, "open", 0, "onboarding"),
        (None, "", 0, "adoption"),
    ],
)
def test_the_first_rule_that_holds_is_the_stage(
    acme: Tenant, line: dict[str, Any] | None, plan: str, features: int, stage: str
) -> None:
    with tenant_context(acme):
        account = make_account()
        if line is not None:
            ContractLine.objects.create(
                account=account,
                source="test",
                external_id="l",
                starts_on=day(-400),
                mrr_minor=1000,
                currency="USD",
                **line,
            )
        if plan:
            milestones = plan_create(account=account, started_on=day(-30), actor=ACTOR).milestones.filter(required=True)
            for milestone in milestones if plan == "done" else []:
                milestone_complete(milestone_id=milestone.pk, via="staff", actor=ACTOR)
        UsageDaily.objects.bulk_create(
            [UsageDaily(account=account, day=day(-1), name=f"f{n}", count=1) for n in range(features)]
        )
        facts_refresh([account.pk], today=TODAY)
        stages_refresh([account.pk], TODAY)
        assert Account.objects.get().stage == stage
        assert stages_refresh([account.pk], TODAY) == []
