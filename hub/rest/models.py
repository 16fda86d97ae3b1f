from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.tenancy.models import TenantModel


class IdempotentAnswer(TenantModel):
    """The answer to a POST that carried an Idempotency-Key, kept for a day in the transaction of what it did."""

    credential_id = models.UUIDField()
    key = models.CharField(max_length=200)
    # Hash of method, path and body: the same key with another request is a mistake of the caller's.
    fingerprint = models.CharField(max_length=32)
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=100)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "credential_id", "key"], name="idempotent_answer_key")]
        indexes = [models.Index(fields=["tenant", "created_at"], name="idempotent_answer_age")]

    def __str__(self) -> str:
        return f"{self.key}: {self.status}"
