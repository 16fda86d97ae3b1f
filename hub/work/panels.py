"""What work shows: open tasks on Today and on an account's page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.people.scope import owner_wanted
from hub.registry.panels import AccountPanel, TodayPanel, account_panels, today_panels
from hub.work.selectors import open_tasks

TODAY_SHOWN = 8
ACCOUNT_SHOWN = 20


def account_panel(request: Any, account: Any) -> str:
    tasks = list(open_tasks(account_id=account.pk)[:ACCOUNT_SHOWN])
    return render_to_string(
        "work/_account_panel.html", {"tasks": tasks, "now": timezone.now(), "account": account}, request=request
    )


def today_panel(request: Any) -> str:
    tasks = open_tasks(assignee_id=owner_wanted(request))
    context = {"tasks": list(tasks[:TODAY_SHOWN]), "total": tasks.count(), "now": timezone.now()}
    return render_to_string("work/_today_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("tasks", "Tasks", 15, "accounts.view", account_panel))
    today_panels.register(TodayPanel("tasks", "Tasks", 10, "today.view", today_panel))
