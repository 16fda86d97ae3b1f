from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet

from hub.work.models import Task, TaskStatus

FILTERS: Final = ("whose", "due")
DUE: Final = {"overdue": "Overdue", "week": "Within 7 days", "later": "Later", "none": "Without a day"}
WEEK: Final = timedelta(days=7)


def due_read(text: str) -> str:
    """A key of `DUE`; "" for what nobody offers."""
    return text if text in DUE else ""


def due_tasks(tasks: QuerySet[Task], due: str, now: datetime) -> QuerySet[Task]:
    """Those of `tasks` that are due as `due` says, a key of `DUE`; all of them for ""."""
    bounds: dict[str, dict[str, object]] = {
        "overdue": {"due_at__lt": now},
        "week": {"due_at__gte": now, "due_at__lt": now + WEEK},
        "later": {"due_at__gte": now + WEEK},
        "none": {"due_at__isnull": True},
    }
    return tasks.filter(**bounds.get(due, {}))


def open_tasks(*, assignee_id: UUID | None = None, account_id: UUID | None = None) -> QuerySet[Task]:
    """Open tasks with account and assignee, the most urgent first; narrowed to a person or an account."""
    tasks = Task.objects.select_related("account", "assignee").filter(status=TaskStatus.OPEN)
    if assignee_id is not None:
        tasks = tasks.filter(assignee_id=assignee_id)
    if account_id is not None:
        tasks = tasks.filter(account_id=account_id)
    ordered: QuerySet[Task] = tasks.order_by(F("due_at").asc(nulls_last=True), "id")
    return ordered
