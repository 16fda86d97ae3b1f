from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
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


class TouchedAccount(TenantModel):
    """An account with new events whose lock was taken when they came in: the dirty mark follows as soon as it is free.

    Without it one tenant's long evaluation would hold up everybody's events. Rows are appended and deleted, never
    updated, so that nobody waits for anybody.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    touched_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "account"], name="touched_account")]

    def __str__(self) -> str:
        return str(self.account_id)
