"""A stage for journeys: evaluation, steps and sending run here one after the other, as workers would."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.accounts.services import change_record, facts_touch
from hub.outbox import sending
from hub.plans.models import OnboardingPlan
from hub.plans.services import milestone_complete, plan_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from journeys import working
from journeys.services import journeys_install
from signals.catalogue import QBR_LINE_TAGGED
from signals.engine import evaluate_batch
from tests.world import ACTOR, make_account, make_contact, make_member

EVERYWHERE = {"outbox": {"quiet_from": "00:00", "quiet_until": "00:00", "quiet_days": [], "holdout_percent": 0}}
"""Sending rules without quiet hours and holdout: what these tests are not about must not depend on the hour."""


def set_up(tenant: Tenant, **settings: Any) -> Account:
    """Journeys, an owner, and an account with a champion."""
    tenant.settings = EVERYWHERE | settings
    tenant.save(update_fields=["settings"])
    csm = make_member(tenant, "csm")
    with tenant_context(tenant):
        journeys_install(actor=ACTOR)
        account = make_account(owner_id=csm.user_id, signed_up_on=date(2020, 1, 1))
        make_contact(account, roles=["champion"])
    return account


def champion(tenant: Tenant) -> Contact:
    with tenant_context(tenant):
        found: Contact = Contact.objects.get(roles__contains=["champion"])
        return found


def evaluate(tenant: Tenant) -> None:
    with tenant_context(tenant):
        while evaluate_batch(tenant):
            pass


def run(tenant: Tenant) -> None:
    """Evaluate, step and send until nothing is due."""
    evaluate(tenant)
    working.drain(tenant.pk)
    sending.drain(tenant.pk)


def plan(tenant: Tenant, account: Account) -> OnboardingPlan:
    with tenant_context(tenant):
        return plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)


def reach(tenant: Tenant, *keys: str, contact: Contact | None = None) -> None:
    """Complete milestones of the one plan there is."""
    with tenant_context(tenant):
        for milestone in OnboardingPlan.objects.get().milestones.filter(key__in=keys).order_by("position"):
            milestone_complete(milestone_id=milestone.pk, via="hub", actor=ACTOR, contact=contact)


def tag_expansion(tenant: Tenant, account: Account, key: str = "line-1", text: str = "20 more seats") -> None:
    with tenant_context(tenant):
        change_record(
            account_id=account.pk,
            kind=QBR_LINE_TAGGED,
            key=key,
            occurred_at=timezone.now(),
            data={"tag": "expansion", "text": text},
        )


def use_weekly(tenant: Tenant, account: Account, totals: list[int]) -> None:
    """One usage row a week; the last total is the last complete week."""
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    with tenant_context(tenant):
        UsageDaily.objects.filter(account=account).delete()
        UsageDaily.objects.bulk_create(
            [
                UsageDaily(account=account, day=monday - timedelta(days=7 * back), name="report", count=total)
                for back, total in zip(range(len(totals), 0, -1), totals, strict=True)
            ]
        )
        facts_touch([account.pk])


def decline(tenant: Tenant, account: Account) -> None:
    use_weekly(tenant, account, [100] * 10)
    evaluate(tenant)
    use_weekly(tenant, account, [100] * 8 + [60, 50])
