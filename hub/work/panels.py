"""What work shows: open tasks on Today and on an account's page."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.scope import owner_wanted
from hub.registry.panels import AccountPanel, TodayPanel, account_panels, today_panels
from hub.work.selectors import open_tasks, playbook_choices, ticked_counts

TODAY_SHOWN = 8
ACCOUNT_SHOWN = 20


def account_context(account: Account, typed: str = "") -> dict[str, Any]:
    """What the panel of an account needs; ``typed`` is a title that could not be taken."""
    tasks = list(open_tasks(account_id=account.pk)[:ACCOUNT_SHOWN])
    return {
        "tasks": tasks,
        "ticked": ticked_counts(tasks),
        "now": timezone.now(),
        "account": account,
        "typed": typed,
        "playbooks": playbook_choices(),
    }


def account_panel(request: Any, account: Any) -> str:
    return render_to_string("work/_account_panel.html", account_context(account), request=request)


def today_panel(request: Any) -> str:
    """Plays due: open tasks that nobody has put off, the most urgent first."""
    tasks = open_tasks(assignee_id=owner_wanted(request), awake=True)
    shown = list(tasks[:TODAY_SHOWN])
    total = tasks.count() if len(shown) == TODAY_SHOWN else len(shown)
    context = {"tasks": shown, "total": total, "ticked": ticked_counts(shown), "now": timezone.now()}
    return render_to_string("work/_today_panel.html", context, request=request)


def register() -> None:
    account_panels.register(AccountPanel("tasks", "Tasks", 15, "accounts.view", account_panel))
    today_panels.register(TodayPanel("tasks", "Plays due", 10, "today.view", today_panel))
