"""Work of people: tasks with a due time, notes on an account."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class TaskStatus(models.TextChoices):
    OPEN = "open", "Open"
    DONE = "done", "Done"
    DISMISSED = "dismissed", "Dismissed"


class Task(TenantModel):
    """A person's piece of work. `origin_key` is unique: what asks twice for the same task gets the same one."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    assignee = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    title = models.CharField(max_length=300)
    playbook = models.TextField(blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=TaskStatus, default=TaskStatus.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    closed_reason = models.CharField(max_length=200, blank=True)
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
        ]

    def __str__(self) -> str:
        return self.title


class Note(TenantModel):
    """What a person wrote down about an account (note, call, meeting). Internal: never reaches the customer."""

    class Kind(models.TextChoices):
        NOTE = "note", "Note"
        CALL = "call", "Call"
        MEETING = "meeting", "Meeting"

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="notes", db_index=False)
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.NOTE)
    body = models.TextField()
    happened_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "account", "-happened_at"], name="note_account")]

    def __str__(self) -> str:
        return self.body[:60]
