"""Health where people look: on the account's page, in its header, on Today."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.people.permissions import allowed
from hub.people.scope import owner_wanted
from hub.registry.panels import (
    AccountPanel,
    NavItem,
    TodayPanel,
    account_panels,
    account_stats,
    nav_items,
    today_panels,
)
from signals.health.page import health_context
from signals.health.rollup import health_rollup
from signals.health.week import fallen


def account_stat(request: Any, account: Any) -> str:
    return render_to_string("signals/health/_account_stat.html", _context(request, account), request=request)


def _context(request: Any, account: Any) -> dict[str, Any]:
    """What is known of the account's health, asked once for a page."""
    known: dict[Any, dict[str, Any]] = getattr(request, "health_contexts", {})
    if account.pk not in known:
        request.health_contexts = known | {account.pk: health_context(account, request.tenant)}
    return dict(request.health_contexts[account.pk])


def today_panel(request: Any) -> str | None:
    found = fallen(request.tenant, owner_id=owner_wanted(request))
    return render_to_string("signals/health/_today_panel.html", {"fallen": found}, request=request) if found else None


def account_panel(request: Any, account: Any) -> str:
    context = _context(request, account) | {"account": account, "rollup": health_rollup(account.pk)}
    context["may_set"] = allowed(request.membership.role, "health.set")
    return render_to_string("signals/health/_account_panel.html", context, request=request)


def register() -> None:
    nav_items.register(
        NavItem(
            "health",
            "Health",
            83,
            "signals.view",
            "health:cards",
            icon="heart",
            covers=("health/",),
            what="Scorecards, their back-tests and their versions.",
        )
    )
    today_panels.register(TodayPanel("health", "Health that fell this week", 25, "signals.view", today_panel))
    account_stats.register(AccountPanel("health", "Health", 5, "accounts.view", account_stat))
    account_panels.register(AccountPanel("health", "Health", 16, "accounts.view", account_panel))
