from __future__ import annotations

from uuid import UUID

from django.db.models import F, QuerySet

from hub.work.models import Task, TaskStatus


def open_tasks(*, assignee_id: UUID | None = None, account_id: UUID | None = None) -> QuerySet[Task]:
    """Open tasks with account and assignee, the most urgent first; narrowed to a person or an account."""
    tasks = Task.objects.select_related("account", "assignee").filter(status=TaskStatus.OPEN)
    if assignee_id is not None:
        tasks = tasks.filter(assignee_id=assignee_id)
    if account_id is not None:
        tasks = tasks.filter(account_id=account_id)
    ordered: QuerySet[Task] = tasks.order_by(F("due_at").asc(nulls_last=True), "id")
    return ordered
