"""What Tandem writes to other systems' customers: the switch, what stands over there, and the log."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.ingest.models.connectors import HookEndpoint
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class WriteBack(TenantModel):
    """What a connection writes: `fields` maps facts of the record to the names of fields over there.

    `due_at` is when a worker looks again; while one works, when it is taken for lost. `stopped_at`: the system lets us
    in no more. `room` is how many rows go into a call (0: as many as the system takes); `alone` counts rows in a row
    that were refused although they came alone.
    """

    endpoint = TenantForeignKey(HookEndpoint, on_delete=models.CASCADE, related_name="writings", db_index=False)
    is_on = models.BooleanField(default=False)
    fields = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    room = models.PositiveSmallIntegerField(default=0)
    alone = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    stopped_at = models.DateTimeField(null=True)
    compared_at = models.DateTimeField(null=True)
    written_at = models.DateTimeField(null=True)
    written = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "endpoint"], name="write_back_key")]
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="write_back_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"writing of {self.endpoint_id}"


class WrittenRow(TenantModel):
    """A customer over there: what stands in its fields by our hand (`written`), and what shall (`wanted`)."""

    writing = TenantForeignKey(WriteBack, on_delete=models.CASCADE, related_name="rows", db_index=False)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=200)
    wanted = models.JSONField(default=dict)
    written = models.JSONField(default=dict)
    # When it is sent; NULL when nothing is to be done.
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    written_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "writing", "external_id"], name="written_row_key")]
        indexes = [
            models.Index(
                fields=["tenant", "writing", "due_at", "id"],
                name="written_row_due",
                condition=models.Q(due_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.external_id


class WriteCall(TenantModel):
    """A request that wrote, and its answer. `entries`: account, its name and id over there, values, and what became.

    A trial is asked for by a person for one account; `at` is NULL until a worker has sent it.
    """

    writing = TenantForeignKey(WriteBack, on_delete=models.CASCADE, related_name="calls", db_index=False)
    is_trial = models.BooleanField(default=False)
    asked_at = models.DateTimeField(default=timezone.now)
    at = models.DateTimeField(null=True)
    # When a worker sends it, or is taken for lost while it does; NULL once it is answered.
    due_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    # HTTP status, 0 without an answer.
    code = models.PositiveSmallIntegerField(default=0)
    detail = models.CharField(max_length=300, blank=True)
    request = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    entries = models.JSONField(default=list)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "writing", "-asked_at", "-id"], name="write_call_recent"),
            models.Index(fields=["tenant", "due_at"], name="write_call_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.code} at {self.at}"

    @property
    def is_good(self) -> bool:
        return self.code in (200, 201, 207)

    @property
    def refused(self) -> int:
        """How many of its rows were not written."""
        return sum(entry["outcome"] != "written" for entry in self.entries)
