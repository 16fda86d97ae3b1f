"""The same change on many accounts: what was asked, how far it is, and what each account held before."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class BulkStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


UNFINISHED = (BulkStatus.WAITING, BulkStatus.RUNNING, BulkStatus.UNDOING)
UNDOABLE = (BulkStatus.DONE, BulkStatus.CANCELLED, BulkStatus.FAILED)


class BulkEdit(TenantModel):
    """A change of many accounts. `changes` are fields and values; `query` is the list's, when all of it was meant.

    `due_at` says when a worker looks at it. Each step is one transaction that holds this row; `attempts` counts those
    that failed in a row.
    """

    changes = models.JSONField()
    query = models.JSONField(null=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    asked_label = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, choices=BulkStatus, default=BulkStatus.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    total = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    undone = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="bulk_edit_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"change of {self.total} accounts"

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def may_be_undone(self) -> bool:
        return self.status in UNDOABLE and self.changed > 0

    @property
    def gone_through(self) -> int:
        """How many accounts the present run has dealt with."""
        if self.status in (BulkStatus.UNDOING, BulkStatus.UNDONE):
            return self.undone + self.kept
        return self.changed + self.unchanged

    @property
    def to_go_through(self) -> int:
        return self.changed if self.status in (BulkStatus.UNDOING, BulkStatus.UNDONE) else self.total


class ItemStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    CHANGED = "changed", "Changed"
    UNCHANGED = "unchanged", "Had it already"
    UNDONE = "undone", "Undone"
    KEPT = "kept", "Changed since, left alone"


class BulkEditItem(TenantModel):
    """One account of a change: what its fields held before and after."""

    edit = TenantForeignKey(BulkEdit, on_delete=models.CASCADE, related_name="items", db_index=False)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=16, choices=ItemStatus, default=ItemStatus.WAITING)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "edit", "account"], name="bulk_edit_item_key")]
        indexes = [models.Index(fields=["tenant", "edit", "status", "account"], name="bulk_edit_item_status")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.status}"
