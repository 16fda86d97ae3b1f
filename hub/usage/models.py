"""Usage: the event store (partitioned by day), the rollups that pages read, and one fact row per account."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import Tenant, TenantModel


class Event(models.Model):
    """A raw event, append-only, in day partitions; written and read through hub/usage/store.py only.

    Not managed by Django: primary key (tenant_id, id, day), no foreign keys (retention drops whole partitions). `id`
    is the first 128 bits of sha256(tenant, messageId) and so the deduplication.
    """

    id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    day = models.DateField()
    account_id = models.UUIDField(null=True)
    user_key = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=16)  # track, page, screen, identify, group, alias
    name = models.CharField(max_length=200)
    quantity = models.BigIntegerField(default=1)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=50)
    message_id = models.CharField(max_length=200)
    historical = models.BooleanField(default=False)
    properties = models.JSONField(default=dict)

    class Meta:
        managed = False
        db_table = "usage_event"

    def __str__(self) -> str:
        return f"{self.name} {self.occurred_at:%Y-%m-%d}"


class UsageDaily(TenantModel):
    """How often `name` (event or feature) was used by the account on a UTC day: the truth that rules are made of."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    name = models.CharField(max_length=200)
    count = models.BigIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "account", "day", "name"], name="usage_daily_key"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.day}: {self.count}"


class UsageRecord(TenantModel):
    """A usage row as a source keeps it (an export's line): the key that makes importing it again harmless.

    Live events never come here; both end in `UsageDaily`.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    day = models.DateField()
    name = models.CharField(max_length=200)
    count = models.BigIntegerField(default=1)
    seconds = models.BigIntegerField(null=True)
    errors = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="usage_record_key")]
        indexes = [models.Index(fields=["tenant", "account", "day"], name="usage_record_account")]

    def __str__(self) -> str:
        return f"{self.name} {self.day}: {self.count}"


class ActiveUserDaily(TenantModel):
    """A user of the account was active on a UTC day."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    user_key = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "day", "user_key"], name="active_user_key")]

    def __str__(self) -> str:
        return f"{self.user_key} {self.day}"


class UserIdentity(TenantModel):
    """Which account (and contact) a product's user id belongs to; NULL account = not known yet, events wait."""

    user_key = models.CharField(max_length=200)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user_key"], name="user_identity_key")]

    def __str__(self) -> str:
        return self.user_key
