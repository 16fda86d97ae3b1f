"""What support and surveys show on an account's page."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.template.loader import render_to_string

from hub.accounts.selectors import account_facts
from hub.feedback.models import SurveyResponse, Ticket
from hub.feedback.text_selectors import readings_of
from hub.feedback.theme_selectors import theme_titles
from hub.registry.panels import AccountPanel, account_panels

TICKETS_SHOWN = 5
TONES = {"urgent": "error", "high": "warning", "medium": "muted", "low": "muted"}


def account_panel(request: Any, account: Any) -> str:
    # Open ones first: they are what a conversation has to begin with.
    rows = Ticket.objects.filter(account_id=account.pk).order_by(F("closed_at").desc(nulls_first=True), "-opened_at")
    answers = SurveyResponse.objects.select_related("contact").filter(account_id=account.pk).order_by("-answered_at")
    tickets, answer = list(rows[:TICKETS_SHOWN]), answers.first()
    read = readings_of([row.pk for row in (*tickets, answer) if row is not None])
    titles = theme_titles() if read else {}

    def told(row: Any) -> tuple[dict[str, Any], list[str]]:
        found = read.get(row.pk) if row else None
        return {"read": found}, [titles[key] for key in found.themes if key in titles] if found else []

    answer_said, answer_titles = told(answer)
    context = {
        "account": account,
        "tickets": [(ticket, TONES[ticket.priority], *told(ticket)) for ticket in tickets],
        "answer": answer,
        "answer_said": answer_said,
        "answer_titles": answer_titles,
        "read": read,
        "support": account_facts(account),
    }
    return render_to_string("feedback/_account_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("support", "Support and surveys", 60, "accounts.view", account_panel))
