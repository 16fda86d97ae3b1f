from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hub.tenancy.models import TenantModel


class QuarantinedEvent(TenantModel):
    """A call that came in by an event door and could not be stored: why, and its bytes as text.

    A client that sends it again adds nothing: `digest` is a hash of reason and bytes.
    """

    received_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=32)
    detail = models.TextField()
    raw = models.TextField()
    digest = models.CharField(max_length=32)
    source = models.CharField(max_length=50)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="quarantined_event_key")]
        indexes = [models.Index(fields=["tenant", "-received_at"], name="quarantined_event_recent")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class TouchedAccounts(TenantModel):
    """Accounts with new events whose locks were taken when those came in: the dirty marks follow once they are free.

    Without it one tenant's long evaluation would hold up everybody's events. One row for each commit, appended and
    deleted, never updated, so that nobody waits for anybody; accounts that are gone by then are passed over.
    """

    derived = True

    account_ids = ArrayField(models.UUIDField(), default=list)
    touched_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{len(self.account_ids)} accounts"
