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
    is a 128-bit hash of (tenant, messageId) and so the deduplication.
    """

    id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    day = models.DateField()
    account_id = models.UUIDField(null=True)
    user_key = models.CharField(max_length=200, blank=True)
    # The group that the event itself named; without one it belongs to the user's account.
    group_key = models.CharField(max_length=200, blank=True)
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

    derived = True

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

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    user_key = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "day", "user_key"], name="active_user_key")]

    def __str__(self) -> str:
        return f"{self.user_key} {self.day}"


class IdentityKind(models.TextChoices):
    GROUP = "group", "Group"
    USER = "user", "User"


class ProductIdentity(TenantModel):
    """What the customer's product calls a group or a user, and the account (and contact) it belongs to.

    While the account is not known, events that name the identity wait with it. A user belongs to the group that was
    named last; `same_as` is another user key of the same person (a visitor who signed in, an alias). `due_at` says that
    something came in which nobody has followed up yet (hub/ingest/following.py).
    """

    kind = models.CharField(max_length=8, choices=IdentityKind)
    key = models.CharField(max_length=200)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, related_name="+")
    group_key = models.CharField(max_length=200, blank=True)
    same_as = models.CharField(max_length=200, blank=True)
    traits = models.JSONField(default=dict, blank=True)
    # Events were stored without an account because of this identity.
    waiting = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "key"], name="product_identity_key")]
        indexes = [
            models.Index(
                fields=["tenant", "due_at"], name="product_identity_due", condition=models.Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["tenant", "group_key", "key"],
                name="product_identity_group",
                condition=~models.Q(group_key=""),
            ),
            models.Index(
                fields=["tenant", "same_as"],
                name="product_identity_same",
                condition=models.Q(account__isnull=True) & ~models.Q(same_as=""),
            ),
            models.Index(
                fields=["tenant", "key"],
                name="product_identity_waiting",
                condition=models.Q(account__isnull=True, waiting=True, kind="group"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class IdentityMove(TenantModel):
    """What was known of an identity may have changed: the account it belonged to, its group, its other key.

    Written with the change (`identities_upsert`; nothing else changes what has an account). Who remembers identities
    asks for the moves that it has not seen (hub/usage/remembered.py); a day later nobody remembers that far back.
    """

    derived = True

    kind = models.CharField(max_length=8, choices=IdentityKind)
    key = models.CharField(max_length=200)
    # The transaction that moved it: which snapshots know of the move follows from its number.
    xact = models.BigIntegerField()
    moved_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "xact"], name="identity_move_xact")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
