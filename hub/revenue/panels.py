"""What revenue shows: an account's lines, MRR and contradictions; the renewals that come up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.accounts.conflicts import COUNTED, open_count
from hub.people.scope import owner_wanted
from hub.registry.panels import AccountPanel, NavItem, TodayPanel, Waiting, account_panels, nav_items, today_panels
from hub.revenue.coverage import gaps, overlaps
from hub.revenue.selectors import (
    account_months,
    account_movements,
    churn_claims,
    contract_lines,
    contradictions_of,
    is_live,
    open_opportunities,
    renewals_due,
    spans_of,
    unpaid_invoices,
)

LINES_SHOWN = 6
RENEWAL_DAYS = 60
RENEWALS_SHOWN = 6


def account_panel(request: Any, account: Any) -> str:
    today = timezone.localdate()
    lines, claims = contract_lines(account.pk), churn_claims(account.pk)
    months, spans = account_months(account.pk), spans_of(lines)
    context = {
        "lines": [(line, is_live(line, today)) for line in lines],
        "first_lines": LINES_SHOWN,
        "rest": max(len(lines) - LINES_SHOWN, 0),
        "claims": claims,
        "gaps": gaps(spans),
        "overlaps": overlaps(spans),
        "movements": account_movements(account.pk),
        "opportunities": open_opportunities(account.pk),
        "invoices": unpaid_invoices(account.pk),
        "today": today,
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
    nav_items.register(
        NavItem(
            "record",
            "Record",
            85,
            "record.view",
            "revenue:products",
            icon="adjustments-horizontal",
            covers=("set-up/",),
            waiting=Waiting(open_count, "open conflicts between sources", "record.edit", COUNTED),
            what="The fields, products and people that accounts are described by.",
        )
    )
    account_panels.register(AccountPanel("revenue", "Revenue", 40, "accounts.view", account_panel))
    today_panels.register(TodayPanel("renewals", "Renewals coming up", 40, "accounts.view", today_panel))
