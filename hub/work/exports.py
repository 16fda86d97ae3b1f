"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account
from hub.work.models import Task

COLUMNS = (
    "Account",
    "Task",
    "Playbook",
    "Assignee",
    "Due",
    "Begin by",
    "Begun",
    "Status",
    "Closed",
    "Reason",
    "Helped",
    "From",
    "Created",
)


def register() -> None:
    export_lists.register(
        list_of(
            "tasks",
            "Tasks",
            permission="accounts.view",
            columns=COLUMNS,
            rows=_tasks,
            cells=_task,
            filters=("account", "status"),
            order=90,
        )
    )


def _tasks(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Task] = Task.objects.select_related("account", "assignee", "playbook_version__playbook")
    if status := given.get("status"):
        found = found.filter(status=status)
    return of_account(found, given)


def _task(row: Task) -> Sequence[Cell]:
    playbook = row.playbook_version.playbook.name if row.playbook_version else ""
    what = (row.account.name, row.title, playbook, str(row.assignee or ""))
    times = (row.due_at, row.respond_by, row.responded_at, row.get_status_display(), row.closed_at)
    return (*what, *times, row.closed_reason, row.get_helped_display(), row.origin_label, row.created_at)
