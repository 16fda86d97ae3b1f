"""Data quality among the set-up, and what an account lacks on its page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.registry.panels import AccountPanel, NavItem, account_panels, nav_items
from metrics.quality.lacking import CHECKS, lacks_of


def account_panel(request: Any, account: Any) -> str | None:
    lacks = lacks_of(account.pk)
    if lacks is None:
        return None
    context = {"account": account, "lacks": lacks, "of": len(CHECKS), "has": len(CHECKS) - len(lacks)}
    return render_to_string("metrics/quality/_account_panel.html", context, request=request)


def register() -> None:
    nav_items.register(
        NavItem(
            "quality",
            "Data quality",
            87,
            "metrics.view",
            "metrics:quality",
            icon="shield-check",
            what="What is missing, old or contradictory in the record.",
        )
    )
    account_panels.register(AccountPanel("quality", "Data", 85, "accounts.view", account_panel, beside=True))
