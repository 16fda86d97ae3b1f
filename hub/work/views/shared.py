from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.people.guards import StaffRequest
from hub.people.selectors import members
from hub.work.forms import snooze_days
from hub.work.models import Helped, Task
from hub.work.selectors import ROW, ticked_counts
from hub.work.services import Action


def task_of(task_id: UUID) -> Task:
    """A task with everything that its row shows; 404 for one that is not there."""
    task: Task = get_object_or_404(Task.objects.select_related(*ROW), pk=task_id)
    return task


def row(request: StaffRequest, task: Task) -> dict[str, Any]:
    """What the row of a task needs, as its form asked for it."""
    given = request.POST
    return {
        "task": task,
        "show_account": bool(given.get("show_account")),
        "choosable": bool(given.get("choosable")),
        "now": timezone.now(),
        "ticked": ticked_counts([task]),
    }


def acts(request: StaffRequest, wanted: str) -> dict[str, Any]:
    """What the forms of the acts offer; ``wanted`` is the one that somebody came for."""
    return {
        "wanted": wanted if wanted in list(Action) else "",
        "people": members(request.tenant),
        "outcomes": Helped.choices,
        "days": snooze_days(today_of(request.tenant)),
        "back": request.GET.get("next", ""),
    }


def account_url(request: StaffRequest, account_id: UUID) -> str:
    return reverse("accounts:page", kwargs={"tenant": request.tenant.slug, "account_id": account_id})


def list_url(request: StaffRequest) -> str:
    return reverse("work:tasks", kwargs={"tenant": request.tenant.slug})
