from __future__ import annotations

from django.db import models

from hub.accounts.models.account import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class RollupDue(TenantModel):
    """An account whose figures must be counted anew because one below it changed: work for a queue."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    asked_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="rollup_due_key")]

    def __str__(self) -> str:
        return f"roll-up of {self.account_id}"
