"""What plans show: the customer's next milestone as their next step, the plan on the account's page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from hub.plans.selectors import plan_progress
from hub.registry.panels import AccountPanel, NextStep, NextStepProvider, account_panels, next_steps
from hub.tenancy.models import Tenant


def next_milestone(account: Any, contact: Any) -> NextStep | None:
    tenant = Tenant.objects.get(pk=account.tenant_id)
    progress = plan_progress(account.pk, timezone.localdate(timezone=tenant.zone))
    if progress is None or progress.next is None:
        return None
    url = reverse("portal:plan", args=[tenant.slug])
    return NextStep(priority=10 if progress.next.required else 60, text=progress.next.title, url=url)


def account_panel(request: Any, account: Any) -> str:
    progress = plan_progress(account.pk, timezone.localdate())
    return render_to_string("plans/_account_panel.html", {"account": account, "progress": progress}, request=request)


def register() -> None:
    account_panels.register(AccountPanel("plan", "Onboarding", 20, "accounts.view", account_panel))
    next_steps.register(NextStepProvider("plans", next_milestone, order=10))
