"""Health on the account's page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.people.permissions import allowed
from hub.registry.panels import AccountPanel, NavItem, account_panels, nav_items
from signals.health.page import health_context


def account_panel(request: Any, account: Any) -> str:
    context = health_context(account, request.tenant) | {"account": account}
    context["may_set"] = allowed(request.membership.role, "health.set")
    return render_to_string("signals/health/_account_panel.html", context, request=request)


def register() -> None:
    nav_items.register(
        NavItem("health", "Health", 83, "signals.view", "health:cards", icon="heart", covers=("health/",))
    )
    account_panels.register(AccountPanel("health", "Health", 5, "accounts.view", account_panel))
