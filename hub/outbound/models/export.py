"""Files of lists: asked for, written by a worker piece by piece, kept for a week."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.people.models import User
from hub.registry.exports import ExportList, export_lists
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ExportStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


UNFINISHED = (ExportStatus.WAITING, ExportStatus.RUNNING)


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel (XLSX)"


class Export(TenantModel):
    """A file of a list: what was asked for, how far it is, what became of it.

    `due_at` says when a worker looks at it: now, the end of a lease, the next try, or, once it is ready, the day it
    expires. `fence` numbers the claims; only the latest may write. `cursor` is where the next piece begins; `sheet`
    carries the measures that the end of an XLSX file needs.
    """

    list_key = models.CharField(max_length=64)
    format = models.CharField(max_length=8, choices=ExportFormat)
    filters = models.JSONField(default=dict)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    asked_label = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, choices=ExportStatus, default=ExportStatus.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    total = models.PositiveIntegerField(null=True)
    rows = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    pieces = models.PositiveIntegerField(default=0)
    cursor = models.TextField(blank=True)
    sheet = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="export_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.get_format_display()})"

    @property
    def list(self) -> ExportList | None:
        """What it is a file of; None when no app offers it any more."""
        return export_lists.get(self.list_key) if self.list_key in export_lists else None

    @property
    def title(self) -> str:
        return self.list.title if self.list else self.list_key

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def percent(self) -> int:
        return min(100, self.rows * 100 // self.total) if self.total else 0

    @property
    def file_name(self) -> str:
        return f"{self.list_key}-{self.created_at:%Y-%m-%d}.{self.format}"


class ExportChunk(TenantModel):
    """A piece of an export's file, as bytes: every web machine can serve it."""

    export = TenantForeignKey(Export, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "export", "number"], name="export_chunk_key")]

    def __str__(self) -> str:
        return f"piece {self.number}"
