"""What signals show on pages of the shell."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.people.scope import owner_wanted, whose
from hub.registry.panels import AccountPanel, NavItem, TodayPanel, account_panels, nav_items, today_panels
from signals.selectors import (
    account_signals,
    severities_since_yesterday,
    signals_assigned,
    signals_since_yesterday,
)

TODAY_SHOWN = 8


def account_panel(request: Any, account: Any) -> str | None:
    signals = list(account_signals(account.id)[:8])
    return render_to_string("signals/_account_panel.html", {"signals": signals}, request=request)


def today_panel(request: Any) -> str | None:
    owner = owner_wanted(request)
    context = {
        "signals": signals_since_yesterday(request.tenant, owner_id=owner, limit=TODAY_SHOWN),
        "severities": severities_since_yesterday(request.tenant, owner_id=owner),
        "whose": whose(request),
    }
    return render_to_string("signals/_today_panel.html", context, request=request)


def assigned_panel(request: Any) -> str | None:
    """What somebody gave this person to look at."""
    signals = list(signals_assigned(request.user.pk)[: TODAY_SHOWN + 1])
    if not signals:
        return None
    context = {"signals": signals[:TODAY_SHOWN], "more": len(signals) > TODAY_SHOWN}
    return render_to_string("signals/_assigned_panel.html", context, request=request)


def register() -> None:
    nav_items.register(
        NavItem(
            "signals",
            "Signals",
            30,
            "signals.view",
            "signals:list",
            icon="activity",
            what="What has happened at customers, with the values seen; the triggers that watch for it.",
        )
    )
    account_panels.register(AccountPanel("signals", "Signals", 10, "signals.view", account_panel))
    today_panels.register(TodayPanel("assigned", "Assigned to you", 15, "signals.view", assigned_panel))
    today_panels.register(TodayPanel("signals", "Signals since yesterday", 20, "signals.view", today_panel))
