"""What is read from other systems' APIs, and how far it has come."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.ingest.models.connectors import HookEndpoint
from hub.tenancy.fields import SecretField, TenantForeignKey
from hub.tenancy.models import TenantModel


class PullAccess(TenantModel):
    """A connection's key to the API of its system. `stopped_at`: it reads no more, and `reason` says why."""

    endpoint = TenantForeignKey(HookEndpoint, on_delete=models.CASCADE, related_name="accesses", db_index=False)
    address = models.CharField(max_length=300)
    secret = SecretField()
    # What changed before is not asked for.
    start_at = models.DateTimeField()
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=200, blank=True)
    stopped_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "endpoint"], name="pull_access_key")]

    def __str__(self) -> str:
        return self.address


class PullStream(TenantModel):
    """One list of an API: where to go on, when, and how the last requests went."""

    access = TenantForeignKey(PullAccess, on_delete=models.CASCADE, related_name="streams", db_index=False)
    name = models.CharField(max_length=50)
    cursor = models.JSONField(default=dict)
    # When it is asked again; while it is being asked, when it is taken for lost. NULL: never.
    due_at = models.DateTimeField(null=True)
    # Requests in a row that brought nothing.
    attempts = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    pages = models.BigIntegerField(default=0)
    things = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    # The last answer that could be read, and the last that brought something new.
    answered_at = models.DateTimeField(null=True)
    news_at = models.DateTimeField(null=True)
    caught_up_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "access", "name"], name="pull_stream_key")]
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="pull_stream_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return self.name
