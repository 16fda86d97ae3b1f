from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ReadinessVersion(TenantModel):
    """The figures of the criteria, as published; the greatest number counts, without any those that ship."""

    number = models.PositiveIntegerField()
    figures = models.JSONField(default=dict)
    note = models.CharField(max_length=500)
    published_at = models.DateTimeField(default=timezone.now)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="readiness_version_key")]

    def __str__(self) -> str:
        return f"readiness v{self.number}"


class ExpansionReadiness(TenantModel):
    """What the criteria last said about an account that pays: the state of each, and how many each type lacks.

    `lacks_*` counts the criteria of a type that are not met or unknown; 0 is ready, 1 nearly. `rank` is the score, −1
    without one, for the order of lists.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    states = models.JSONField(default=dict)
    lacks_seat = models.PositiveSmallIntegerField()
    lacks_tier = models.PositiveSmallIntegerField()
    lacks_cross_sell = models.PositiveSmallIntegerField()
    # The least of the three.
    lacks = models.PositiveSmallIntegerField()
    rank = models.SmallIntegerField()
    score = models.PositiveSmallIntegerField(null=True)
    velocity = models.PositiveSmallIntegerField(null=True)
    breadth = models.PositiveSmallIntegerField(null=True)
    depth = models.PositiveSmallIntegerField(null=True)
    mrr_minor = models.BigIntegerField()
    version = models.PositiveIntegerField()
    computed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="readiness_account")]
        indexes = [
            models.Index(fields=["tenant", "-rank", "id"], name="readiness_rank"),
            models.Index(fields=["tenant", "-mrr_minor", "id"], name="readiness_mrr"),
            models.Index(fields=["tenant", "lacks", "-rank", "id"], name="readiness_lacks"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.score}"
