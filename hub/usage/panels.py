"""What usage shows on an account's page."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.accounts.selectors import account_facts
from hub.registry.panels import AccountPanel, account_panels
from hub.usage.selectors import weeks_and_features

WEEKS = 26


def usage_panel(request: Any, account: Any) -> str:
    today = timezone.localdate()
    # Complete weeks only: a bar of two days would look like a fall.
    weeks, features = weeks_and_features(account.pk, weeks=WEEKS, today=today)
    context = {
        "labels": [week_label(week.start) for week in weeks],
        "totals": [week.total for week in weeks],
        "any_use": any(week.total for week in weeks),
        "features": features,
        "usage": account_facts(account),
        "weeks": WEEKS,
    }
    return render_to_string("usage/_account_panel.html", context, request=request)


def week_label(monday: date) -> str:
    return f"{monday:%b} {monday.day}"


def register() -> None:
    account_panels.register(AccountPanel("usage", "Usage", 30, "accounts.view", usage_panel))
