from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ImportRun(TenantModel):
    """One import of a folder of files: what was asked, by whom, and how it ended."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    source = models.CharField(max_length=50)
    mapping = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    historical = models.BooleanField(default=False)
    # The day that the files describe, for provenance; not the clock.
    as_of = models.DateField(null=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    started_by = models.CharField(max_length=200, blank=True)
    problem = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "-started_at"], name="import_run_recent")]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"


class ImportedFile(TenantModel):
    """What became of one file's rows: read = created + updated + unchanged + repeated + left_out + quarantined."""

    run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="files", db_index=False)
    name = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField()
    entity = models.CharField(max_length=32)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "run", "position"], name="imported_file_key")]

    def __str__(self) -> str:
        return self.name


class QuarantinedRow(TenantModel):
    """A row that could not be taken: where it is, what is wrong, and the row itself, to be mended and imported."""

    run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="quarantine", db_index=False)
    file = models.CharField(max_length=200)
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=200, blank=True)
    value = models.TextField(blank=True)
    reason = models.CharField(max_length=64)
    message = models.TextField()
    row = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "run", "file", "line"], name="quarantined_row_order")]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.reason}"
