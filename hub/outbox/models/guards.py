"""What keeps messages back for all of a tenant: the global holdout."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Holdout(TenantModel):
    """An account's place in the global holdout, drawn at first sight and kept, whatever the share becomes later."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    bucket = models.PositiveSmallIntegerField()
    held_out = models.BooleanField()
    drawn_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="holdout_key")]

    def __str__(self) -> str:
        return f"{self.account_id}: {'held out' if self.held_out else 'treated'}"
