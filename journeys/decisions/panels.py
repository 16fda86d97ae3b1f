"""What next best action shows on Today and on the account's page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from hub.people.scope import owner_wanted
from hub.registry.panels import AccountPanel, TodayPanel, account_panels, today_panels
from journeys.decisions.models import OPEN, TO_REVIEW, Choice
from journeys.decisions.selectors import ROW, waiting_for_review, words_of


def today_panel(request: Any) -> str | None:
    """What waits for a word or is only suggested, worth most first."""
    shown, number = waiting_for_review(owner_wanted(request), statuses=TO_REVIEW)
    if not shown:
        return None
    return render_to_string("journeys/decisions/_today_panel.html", {"shown": shown, "number": number}, request=request)


def account_panel(request: Any, account: Any) -> str | None:
    """The open choice of an account, else the latest that was made of it."""
    rows = Choice.objects.select_related(*ROW).defer("given", "verdicts").filter(account=account, play__isnull=False)
    latest = list(rows.order_by("-at", "-id")[:3])
    if not latest:
        return None
    shown = next((choice for choice in latest if choice.status in OPEN), latest[0])
    context = {"choice": shown, "words": words_of(shown), "account": account}
    return render_to_string("journeys/decisions/_account_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("next_best", "Next best action", 12, "decisions.view", account_panel))
    today_panels.register(TodayPanel("next_best", "Decisions to review", 5, "decisions.view", today_panel))
