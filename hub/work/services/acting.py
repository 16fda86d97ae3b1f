"""What people do with tasks, one or many: take, hand on, snooze, complete, judge, dismiss, reopen.

An act takes hold of the tasks whose state it fits and leaves the others: of two people who act at once the second finds
what the first made of it. The clock of the answer runs on while a task is snoozed or handed on, since the customer
waits as before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hub.accounts.models import TimelineEntry
from hub.accounts.services import states_lock, timeline_record_many
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.people.selectors import works_here
from hub.tenancy.live import announce
from hub.work.models import Helped, Response, Task, TaskStatus

LONGEST_SNOOZE: Final = timedelta(days=366)
LONGEST_NOTE: Final = 200
MOST: Final = 200


class Action(StrEnum):
    """What can be done with a task."""

    TAKE = "take"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    RETURN = "return"
    COMPLETE = "complete"
    DISMISS = "dismiss"
    REOPEN = "reopen"
    JUDGE = "judge"


ANSWERS: Final = {
    Action.TAKE: Response.TAKE,
    Action.COMPLETE: Response.COMPLETE,
    Action.DISMISS: Response.DISMISS,
}
FITS: Final = {Action.REOPEN: (TaskStatus.DONE, TaskStatus.DISMISSED), Action.JUDGE: (TaskStatus.DONE,)}
"""In which states an act means something, where that is not only an open task."""
CLOSES: Final = {Action.COMPLETE: TaskStatus.DONE, Action.DISMISS: TaskStatus.DISMISSED}


@dataclass(frozen=True, slots=True)
class Act:
    """An action with what it needs: ``assignee`` (None: nobody), ``until`` of a snooze, ``helped`` of a completion
    ("": not said), and the ``note`` that a snooze and a dismissal must and the others may have."""

    action: Action
    assignee: UUID | None = None
    until: datetime | None = None
    helped: str = ""
    note: str = ""


def act_check(act: Act, now: datetime | None = None) -> None:
    """Raise ValidationError, by field, for an act that cannot be done."""
    problems: dict[str, list[str]] = {}
    for name, words in _problems(act, now or timezone.now()):
        problems.setdefault(name, []).append(words)
    if problems:
        raise ValidationError(problems)


def _problems(act: Act, now: datetime) -> list[tuple[str, str]]:
    found, note = [], act.note.strip()
    if act.action == Action.SNOOZE and (act.until is None or not now < act.until <= now + LONGEST_SNOOZE):
        found.append(("until", "Choose a day from tomorrow on, within a year."))
    if act.action == Action.SNOOZE and not note:
        found.append(("note", "Say what you wait for."))
    if act.action == Action.DISMISS and not note:
        found.append(("note", "Say why, so that others understand it."))
    if len(note) > LONGEST_NOTE:
        found.append(("note", f"at most {LONGEST_NOTE} characters"))
    if (act.helped or act.action == Action.JUDGE) and act.helped not in Helped.values:
        found.append(("helped", "Say yes, no or too soon."))
    if act.action == Action.ASSIGN and act.assignee and not works_here(act.assignee):
        found.append(("assignee", "nobody of this tenant"))
    return found


@transaction.atomic
def tasks_act(*, ids: Collection[UUID], act: Act, actor: Actor, user: User | None = None) -> list[UUID]:
    """Do something with these tasks; returns the ids of those that it changed. Raises ValidationError.

    ``user`` is the person who acts, None for a program, which cannot take a task.
    """
    now = timezone.now()
    act_check(act, now)
    states_lock(Task.objects.filter(pk__in=ids).values_list("account_id", flat=True))
    found = list(_fitting(act, user).select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
    changed = [task.pk for task in found]
    if not changed:
        return []
    rows = Task.objects.filter(pk__in=changed)
    rows.update(**_changes(act, user, now))
    if answer := ANSWERS.get(act.action):
        rows.filter(responded_at=None).update(responded_at=now, responded_by=user, response=answer)
    announce("tasks")
    _write_down(act, found, actor, now)
    return changed


def _fitting(act: Act, user: User | None) -> QuerySet[Task]:
    """The tasks in whose state the act means something."""
    found: QuerySet[Task] = Task.objects.filter(status__in=FITS.get(act.action, (TaskStatus.OPEN,)))
    if act.action == Action.JUDGE:
        return found.exclude(helped=act.helped)
    if act.action == Action.ASSIGN:
        another = Q(assignee__isnull=False)
        return found.filter(another if act.assignee is None else Q(assignee__isnull=True) | ~Q(assignee=act.assignee))
    if act.action == Action.TAKE:
        mine = Q(assignee=user) & Q(responded_at__isnull=False)
        return found.exclude(mine) if user else found.none()
    if act.action == Action.RETURN:
        return found.filter(snoozed_until__isnull=False)
    return found


def _changes(act: Act, user: User | None, now: datetime) -> dict[str, Any]:
    awake: dict[str, Any] = {"snoozed_until": None, "snooze_reason": ""}
    match act.action:
        case Action.TAKE:
            return {"assignee": user}
        case Action.ASSIGN:
            return {"assignee_id": act.assignee}
        case Action.SNOOZE:
            return {"snoozed_until": act.until, "snooze_reason": act.note.strip()}
        case Action.RETURN:
            return awake
        case Action.JUDGE:
            return {"helped": act.helped} | ({"closed_reason": act.note.strip()} if act.note.strip() else {})
        case Action.REOPEN:
            return {"status": TaskStatus.OPEN, "closed_at": None, "closed_by": None, "closed_reason": "", "helped": ""}
        case _:
            said = {"closed_reason": act.note.strip(), "helped": act.helped if act.action == Action.COMPLETE else ""}
            return {"status": CLOSES[act.action], "closed_at": now, "closed_by": user, **said, **awake}


def _write_down(act: Act, found: Sequence[Task], actor: Actor, now: datetime) -> None:
    name = f"task.{CLOSES.get(act.action, act.action)}"
    for task in found:
        audit(actor, name, task, **_said(act, task))
    if act.action in CLOSES or act.action == Action.REOPEN:
        word = CLOSES.get(act.action, "opened again")
        timeline_record_many(
            [
                TimelineEntry(
                    account_id=task.account_id,
                    kind="task",
                    key=f"{word}:{task.pk}:{now.timestamp():.3f}",
                    title=f"Task {word}: {task.title}"[:300],
                    body=act.note.strip(),
                    occurred_at=now,
                    source=actor.label,
                )
                for task in found
            ]
        )


def _said(act: Act, task: Task) -> dict[str, Any]:
    said: dict[str, Any] = {"note": act.note.strip()} if act.note.strip() else {}
    if act.action in (Action.ASSIGN, Action.TAKE):
        said["before"] = str(task.assignee_id or "")
    if act.action == Action.ASSIGN:
        said["assignee"] = str(act.assignee or "")
    if act.action == Action.SNOOZE and act.until:
        said["until"] = act.until.isoformat()
    if act.action in (Action.COMPLETE, Action.JUDGE) and act.helped:
        said["helped"] = act.helped
    if act.action == Action.REOPEN:
        said |= {"before": task.status, "reason": task.closed_reason, "helped": task.helped}
    return said


def task_close(*, task_id: UUID, user: User, actor: Actor, status: str = TaskStatus.DONE, reason: str = "") -> bool:
    """Mark an open task done or dismissed; False when somebody was faster. Dismissing takes a reason."""
    if status not in (TaskStatus.DONE, TaskStatus.DISMISSED):
        raise ValueError(f"a task is closed as done or dismissed, not {status!r}")
    action = Action.COMPLETE if status == TaskStatus.DONE else Action.DISMISS
    return bool(tasks_act(ids=[task_id], act=Act(action, note=reason[:LONGEST_NOTE]), actor=actor, user=user))
