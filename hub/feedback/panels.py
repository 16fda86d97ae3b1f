"""What support and surveys show on an account's page."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.template.loader import render_to_string

from hub.accounts.models import AccountFacts
from hub.feedback.models import SurveyResponse, Ticket
from hub.registry.panels import AccountPanel, account_panels

TICKETS_SHOWN = 5
TONES = {"urgent": "error", "high": "warning", "medium": "muted", "low": "muted"}


def account_panel(request: Any, account: Any) -> str:
    # Open ones first: they are what a conversation has to begin with.
    tickets = Ticket.objects.filter(account_id=account.pk).order_by(F("closed_at").desc(nulls_first=True), "-opened_at")
    answers = SurveyResponse.objects.select_related("contact").filter(account_id=account.pk).order_by("-answered_at")
    context = {
        "tickets": [(ticket, TONES[ticket.priority]) for ticket in tickets[:TICKETS_SHOWN]],
        "answer": answers.first(),
        "support": AccountFacts.objects.filter(account_id=account.pk).first(),
    }
    return render_to_string("feedback/_account_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("support", "Support and surveys", 60, "accounts.view", account_panel))
