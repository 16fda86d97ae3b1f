from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.services import timeline_record
from hub.tenancy.live import announce
from hub.tenancy.remembering import current_tenant
from hub.work.models import PlaybookVersion, Task
from hub.work.selectors import live_version
from hub.work.targets import answer_until

BY_HAND = "staff"


@transaction.atomic
def task_open(
    *,
    account_id: UUID,
    title: str,
    origin_key: str,
    origin: str = "",
    origin_label: str = "",
    playbook: str = "",
    playbook_key: str = "",
    respond_hours: int | None = None,
    assignee_id: UUID | None = None,
    due_at: datetime | None = None,
) -> Task:
    """Open a task; asking again with the same `origin_key` returns the task there is.

    `playbook_key` names the kind of task; a key that nobody keeps opens a task without. Somebody has to have begun
    within `respond_hours`, else within the playbook's, else the tenant's; what a person writes down for themselves
    without a playbook has no such time.
    """
    known: Task | None = Task.objects.filter(origin_key=origin_key).first()
    if known is not None:
        return known
    if assignee_id is None:
        assignee_id = Account.objects.values_list("owner_id", flat=True).get(pk=account_id)
    version, now = live_version(playbook_key) if playbook_key else None, timezone.now()
    task, made = Task.objects.get_or_create(
        origin_key=origin_key,
        defaults={
            "account_id": account_id,
            "title": title[:300],
            "playbook": playbook,
            "playbook_version": version,
            "assignee_id": assignee_id,
            "due_at": due_at,
            "origin": origin,
            "origin_label": origin_label[:200],
            "created_at": now,
            **_answered_by(origin, version, respond_hours, now),
        },
    )
    if made:
        announce("tasks")
        timeline_record(
            account_id=account_id,
            kind="task",
            key=f"opened:{task.id}",
            title=f"Task: {title}",
            occurred_at=task.created_at,
            source=origin_label or "staff",
        )
    opened: Task = task
    return opened


def _answered_by(origin: str, version: PlaybookVersion | None, hours: int | None, now: datetime) -> dict[str, Any]:
    if origin == BY_HAND and version is None:
        return {}
    tenant = current_tenant()
    asked = hours or (version.respond_hours if version else None)
    return {"respond_by": answer_until(tenant, now, hours=asked, clock=version.clock if version else "")}
