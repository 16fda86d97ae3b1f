"""What revenue shows: an account's lines, MRR and contradictions; the renewals that come up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.people.scope import owner_wanted
from hub.registry.panels import AccountPanel, TodayPanel, account_panels, today_panels
from hub.revenue.selectors import (
    account_months,
    churn_claims,
    contract_lines,
    contradictions_of,
    is_live,
    renewals_due,
)

LINES_SHOWN = 6
RENEWAL_DAYS = 60
RENEWALS_SHOWN = 6


def account_panel(request: Any, account: Any) -> str:
    today = timezone.localdate()
    lines, claims = contract_lines(account.pk), churn_claims(account.pk)
    months = account_months(account.pk)
    context = {
        "lines": [(line, is_live(line, today)) for line in lines],
        "first_lines": LINES_SHOWN,
        "rest": max(len(lines) - LINES_SHOWN, 0),
        "claims": claims,
        "contradictions": contradictions_of(account, lines, claims, today),
        "labels": [f"{month.month:%b %Y}" for month in months],
        "amounts": [month.mrr_minor for month in months],
    }
    return render_to_string("revenue/_account_panel.html", context, request=request)


def today_panel(request: Any) -> str | None:
    today = timezone.localdate()
    due = renewals_due(first=today, last=today + timedelta(days=RENEWAL_DAYS), owner_id=owner_wanted(request))
    context = {"renewals": due[:RENEWALS_SHOWN], "total": due.count(), "days": RENEWAL_DAYS}
    return render_to_string("revenue/_today_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("revenue", "Revenue", 40, "accounts.view", account_panel))
    today_panels.register(TodayPanel("renewals", "Renewals coming up", 40, "accounts.view", today_panel))
