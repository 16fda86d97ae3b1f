"""Health on the account's page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.people.permissions import allowed
from hub.registry.panels import AccountPanel, account_panels
from signals.health.page import health_context


def account_panel(request: Any, account: Any) -> str:
    context = health_context(account, request.tenant) | {"account": account}
    context["may_set"] = allowed(request.membership.role, "health.set")
    return render_to_string("signals/health/_account_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("health", "Health", 5, "accounts.view", account_panel))
