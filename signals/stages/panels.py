"""The stage on the account's page, and its rules among the set-up."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.accounts.models import LifecycleStage
from hub.people.permissions import allowed
from hub.registry.panels import AccountPanel, NavItem, account_panels, nav_items
from signals.stages.page import account_stage
from signals.stages.services import USUAL_OVERRIDE


def account_panel(request: Any, account: Any) -> str:
    context = {
        "account": account,
        "found": account_stage(account, request.tenant),
        "choices": LifecycleStage.choices,
        "usual": USUAL_OVERRIDE,
        "may_set": allowed(request.membership.role, "stages.set"),
    }
    return render_to_string("signals/stages/_account_panel.html", context, request=request)


def register() -> None:
    nav_items.register(
        NavItem(
            "stages",
            "Stages",
            84,
            "signals.view",
            "stages:list",
            icon="progress",
            what="The rules of the lifecycle stages.",
        )
    )
    account_panels.register(AccountPanel("stage", "Lifecycle stage", 7, "accounts.view", account_panel, beside=True))
