"""What the tenant keeps for customers, and which accounts may have it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Resource(TenantModel):
    """A link, or a file kept here (`body`), that accounts can be given; `key` is what journeys name it by."""

    key = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    body = models.BinaryField(null=True)
    size = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="resource_key")]

    def __str__(self) -> str:
        return self.title


class ResourceUnlock(TenantModel):
    """That an account may have a resource: since when, because of what, and when somebody first opened it."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="unlocks", db_index=False)
    resource = TenantForeignKey(Resource, on_delete=models.CASCADE, related_name="unlocks")
    cause = models.CharField(max_length=200, blank=True)
    unlocked_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "resource"], name="resource_unlock_key")]

    def __str__(self) -> str:
        return f"{self.resource_id} for {self.account_id}"
