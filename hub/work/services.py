from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.services import timeline_record
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.live import announce
from hub.work.models import Note, Task, TaskStatus


@transaction.atomic
def task_open(
    *,
    account_id: UUID,
    title: str,
    origin_key: str,
    origin: str = "",
    origin_label: str = "",
    playbook: str = "",
    assignee_id: UUID | None = None,
    due_at: datetime | None = None,
) -> Task:
    """Open a task; asking again with the same `origin_key` returns the task there is."""
    if assignee_id is None:
        assignee_id = Account.objects.values_list("owner_id", flat=True).get(pk=account_id)
    task, made = Task.objects.get_or_create(
        origin_key=origin_key,
        defaults={
            "account_id": account_id,
            "title": title[:300],
            "playbook": playbook,
            "assignee_id": assignee_id,
            "due_at": due_at,
            "origin": origin,
            "origin_label": origin_label[:200],
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


@transaction.atomic
def task_close(*, task_id: UUID, user: User, actor: Actor, status: str = TaskStatus.DONE, reason: str = "") -> bool:
    """Mark an open task done or dismissed; False when somebody was faster. Dismissing takes a reason."""
    if status not in (TaskStatus.DONE, TaskStatus.DISMISSED):
        raise ValueError(f"a task is closed as done or dismissed, not {status!r}")
    if status == TaskStatus.DISMISSED and not reason.strip():
        raise ValueError("say why the task is dismissed")
    now = timezone.now()
    closed = Task.objects.filter(pk=task_id, status=TaskStatus.OPEN).update(
        status=status, closed_at=now, closed_by=user, closed_reason=reason[:200]
    )
    if not closed:
        return False
    announce("tasks")
    task = Task.objects.get(pk=task_id)
    audit(actor, f"task.{status}", task)
    timeline_record(
        account_id=task.account_id,
        kind="task",
        key=f"closed:{task.id}",
        title=f"Task {status}: {task.title}",
        body=reason,
        occurred_at=now,
        source=str(user),
    )
    return True


@transaction.atomic
def note_add(*, account: Account, author: User, body: str, actor: Actor, kind: str = Note.Kind.NOTE) -> Note:
    """Keep what somebody wrote about the account; internal, never shown to the customer."""
    if not body.strip():
        raise ValueError("a note needs some text")
    note: Note = Note.objects.create(account=account, author=author, body=body.strip(), kind=kind)
    timeline_record(
        account_id=account.id,
        kind="note",
        key=str(note.id),
        title=f"{note.get_kind_display()} by {author}",
        body=note.body,
        occurred_at=note.happened_at,
        source=str(author),
    )
    audit(actor, "note.add", note)
    return note
