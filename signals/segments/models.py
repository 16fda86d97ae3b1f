from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Segment(TenantModel):
    """A named rule over accounts; its members are kept up to date with every evaluation.

    `since` is the tenant's day from which its rule, as it is now, has counted: of the days before nothing is known.
    """

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    rule = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    since = models.DateField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="segment_key")]

    def __str__(self) -> str:
        return self.name


class SegmentMember(TenantModel):
    """That an account was in a segment, from a day of the tenant's on to the day on which it was no more."""

    derived = True

    segment = TenantForeignKey(Segment, on_delete=models.CASCADE, related_name="members", db_index=False)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    joined_on = models.DateField()
    left_on = models.DateField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "segment"], name="segment_member", condition=models.Q(left_on__isnull=True)
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "segment", "left_on", "joined_on"], name="segment_member_days"),
            models.Index(fields=["tenant", "account", "segment", "joined_on"], name="segment_member_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.segment_id}"
