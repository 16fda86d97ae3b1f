"""An import: its files, what became of their rows, what it wrote (so that it can be undone), and saved mappings."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ImportMapping(TenantModel):
    """A mapping kept under a name, as YAML (docs/imports.md): next month's files load with it."""

    name = models.CharField(max_length=200)
    content = models.TextField()
    updated_at = models.DateTimeField(default=timezone.now)
    updated_by = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="import_mapping_key")]

    def __str__(self) -> str:
        return self.name


class ImportRun(TenantModel):
    """One import of some files: what was asked, by whom, how far it is, and how it ended.

    A run of the browser is worked off by a worker, batch by batch: `claim` names who may write its next batch, until
    `claimed_until`; another may take over after that. A command works off its own.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Being set up"
        CHECKING = "checking", "Being checked"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"

    class Origin(models.TextChoices):
        COMMAND = "command", "Command"
        BROWSER = "browser", "Browser"

    source = models.CharField(max_length=50)
    mapping = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.COMMAND)
    historical = models.BooleanField(default=False)
    # The day that the files describe, for provenance; not the clock.
    as_of = models.DateField(null=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    started_by = models.CharField(max_length=200, blank=True)
    problem = models.TextField(blank=True)
    # The mapping itself, as the tree that its YAML holds.
    tree = models.JSONField(default=dict, blank=True)
    # What the last check counted, file by file, for the mapping as it was then.
    checked = models.JSONField(null=True)
    # The quarantine of this run was mended and came in again.
    mends = TenantForeignKey("self", on_delete=models.CASCADE, null=True, related_name="mended_by")
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=200, blank=True)
    undone_at = models.DateTimeField(null=True)
    removed = models.PositiveIntegerField(default=0)
    put_back = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "-started_at", "-id"], name="import_run_history"),
            models.Index(
                fields=["tenant", "claimed_until"],
                name="import_run_due",
                condition=models.Q(origin="browser", status__in=["checking", "running", "undoing"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def is_working(self) -> bool:
        """Whether somebody works on it now, or will."""
        return self.status in (self.Status.CHECKING, self.Status.RUNNING, self.Status.UNDOING)


class ImportUpload(TenantModel):
    """A file that somebody sent: what it is, what is in it, and, in `ImportChunk`, its bytes.

    A spreadsheet is read once and kept a second time as CSV, which every later step reads.
    """

    class Status(models.TextChoices):
        STORED = "stored", "Being read"
        READ = "read", "Read"
        REFUSED = "refused", "Refused"

    run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=Status, default=Status.STORED)
    problem = models.TextField(blank=True)
    # Encoding, delimiter, rows, columns with their types and examples (hub/ingest/imports/detect.py).
    profile = models.JSONField(default=dict, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "run", "position"], name="import_upload_key")]

    def __str__(self) -> str:
        return self.name


class ImportChunk(TenantModel):
    """A piece of an uploaded file; in the database, so that any worker can read it."""

    class Form(models.TextChoices):
        ORIGINAL = "original", "As sent"
        TABLE = "table", "The sheet as CSV"

    upload = TenantForeignKey(ImportUpload, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    form = models.CharField(max_length=8, choices=Form, default=Form.ORIGINAL)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "upload", "form", "number"], name="import_chunk_key")]

    def __str__(self) -> str:
        return f"{self.upload_id}/{self.number}"


class ImportedFile(TenantModel):
    """What became of one file's rows: read = created + updated + unchanged + repeated + left_out + quarantined.

    `read` is how far the import has come, too: it moves in the transaction that writes the rows. What follows for
    whole accounts (months of contract lines) comes after the rows, accounts in order up to `finished_to`.
    """

    run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="files", db_index=False)
    name = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField()
    entity = models.CharField(max_length=32)
    rows = models.PositiveIntegerField(null=True)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    finished_to = models.UUIDField(null=True)
    finished_at = models.DateTimeField(null=True)

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


class ImportBatch(TenantModel):
    """What one batch of an import wrote into one table, so that it can be taken back.

    `created` are the new rows and `marks` the digests of their content, eight bytes each in the same order; `changed`
    is a list of ``{"id", "before", "after"}`` with only the fields that the import changed. `accounts` are those whose
    facts the batch changed; they are told once the file is through.
    """

    run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="batches", db_index=False)
    position = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    table = models.CharField(max_length=64)
    created = ArrayField(models.UUIDField(), default=list)
    marks = models.BinaryField(default=bytes)
    changed = models.JSONField(default=list)
    accounts = ArrayField(models.UUIDField(), default=list)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "run", "position", "number", "table"], name="import_batch_key")
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.position}/{self.number}"


class ImportKept(TenantModel):
    """A row that undoing an import left as it is, and why."""

    run = TenantForeignKey(ImportRun, on_delete=models.CASCADE, related_name="kept", db_index=False)
    table = models.CharField(max_length=64)
    object_id = models.UUIDField()
    label = models.CharField(max_length=300)
    reason = models.CharField(max_length=300)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "run", "id"], name="import_kept_order")]

    def __str__(self) -> str:
        return self.label
