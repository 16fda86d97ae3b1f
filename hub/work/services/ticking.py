from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.services import states_lock
from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.live import announce
from hub.work.models import Response, Task, TaskStatus, TaskTick


@transaction.atomic
def task_tick(*, task_id: UUID, step: str, on: bool, user: User, actor: Actor) -> bool:
    """Tick a step of a task's playbook, or take the tick back; False where it was so already or the task is closed.

    Raises ValueError for a step that the version which the person works by does not have.
    """
    states_lock(Task.objects.filter(pk=task_id).values_list("account_id", flat=True))
    task = Task.objects.select_related("playbook_version").select_for_update(of=("self",)).get(pk=task_id)
    steps = task.playbook_version.steps if task.playbook_version else []
    if step not in {each["key"] for each in steps}:
        raise ValueError("the playbook of this task has no such step")
    if task.status != TaskStatus.OPEN:
        return False
    if not on:
        taken, _ = TaskTick.objects.filter(task=task, step=step).delete()
        if taken:
            audit(actor, "task.untick", task, step=step)
        return bool(taken)
    _, made = TaskTick.objects.get_or_create(task=task, step=step, defaults={"by": user})
    if made:
        audit(actor, "task.tick", task, step=step)
        unanswered = Task.objects.filter(pk=task.pk, responded_at=None)
        unanswered.update(responded_at=timezone.now(), responded_by=user, response=Response.TICK)
        announce("tasks")
    return bool(made)
