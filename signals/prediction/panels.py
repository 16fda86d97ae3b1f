"""Predictions on the account's page, and the entry of the navigation."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.registry.panels import AccountPanel, NavItem, account_panels, nav_items
from signals.prediction.page import account_predictions


def account_panel(request: Any, account: Any) -> str | None:
    said = account_predictions(account.pk)
    return render_to_string("signals/prediction/_account_panel.html", {"said": said}, request=request) if said else None


def register() -> None:
    nav_items.register(
        NavItem(
            "prediction",
            "Prediction",
            84,
            "signals.view",
            "prediction:models",
            icon="chart-line",
            what="Models of leaving and growing, and what they are worth.",
        )
    )
    account_panels.register(AccountPanel("prediction", "Prediction", 17, "accounts.view", account_panel))
