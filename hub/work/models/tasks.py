from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel
from hub.work.models.playbooks import PlaybookVersion


class TaskStatus(models.TextChoices):
    OPEN = "open", "Open"
    DONE = "done", "Done"
    DISMISSED = "dismissed", "Dismissed"


class Response(models.TextChoices):
    """The first thing that somebody did about a task. Looking at it, snoozing it and handing it on are none."""

    TAKE = "take", "took it on"
    TICK = "tick", "ticked a step"
    CONTACT = "contact", "spoke with the customer"
    COMPLETE = "complete", "did it"
    DISMISS = "dismiss", "dismissed it"


class Helped(models.TextChoices):
    """What came of a task that is done, in the eyes of who did it."""

    YES = "yes", "It helped"
    NO = "no", "It did not help"
    TOO_SOON = "too_soon", "Too soon to say"


class Task(TenantModel):
    """A person's piece of work. `origin_key` is unique: what asks twice for the same task gets the same one.

    `playbook` is what to do at this account in words of its own, `playbook_version` the kind of task that it is, as it
    was when the task was opened. `respond_by` is until when somebody has to have begun, None where nobody waits.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    assignee = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    title = models.CharField(max_length=300)
    playbook = models.TextField(blank=True)
    playbook_version = TenantForeignKey(
        PlaybookVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks", db_index=False
    )
    due_at = models.DateTimeField(null=True, blank=True)
    respond_by = models.DateTimeField(null=True, blank=True)
    responded_at = models.DateTimeField(null=True, blank=True)
    responded_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    response = models.CharField(max_length=16, choices=Response, blank=True, default="", db_default="")
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snooze_reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    status = models.CharField(max_length=16, choices=TaskStatus, default=TaskStatus.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    closed_reason = models.CharField(max_length=200, blank=True)
    helped = models.CharField(max_length=16, choices=Helped, blank=True, default="", db_default="")
    # Where it came from, for people and for the decision log: journey:<enrollment>:<node>:<visit>, signal:<id> …
    origin = models.CharField(max_length=32, blank=True)
    origin_key = models.CharField(max_length=200)
    origin_label = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "origin_key"], name="task_origin_key")]
        indexes = [
            models.Index(fields=["tenant", "assignee", "due_at"], name="task_open", condition=models.Q(status="open")),
            models.Index(fields=["tenant", "account", "-created_at"], name="task_account"),
            models.Index(fields=["tenant", "created_at"], name="task_created"),
            models.Index(
                fields=["tenant", "playbook_version"],
                name="task_playbook",
                condition=models.Q(playbook_version__isnull=False),
            ),
        ]

    @property
    def waits_to_begin(self) -> bool:
        """Nobody has begun, and the time for that is not after the one for all of it."""
        if self.responded_at or not self.respond_by:
            return False
        return self.due_at is None or self.respond_by < self.due_at

    def __str__(self) -> str:
        return self.title


class TaskTick(TenantModel):
    """A step of a task's playbook that somebody has done."""

    task = TenantForeignKey(Task, on_delete=models.CASCADE, related_name="ticks", db_index=False)
    step = models.CharField(max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "task", "step"], name="task_tick_step")]

    def __str__(self) -> str:
        return self.step
