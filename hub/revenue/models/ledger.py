"""Churn claims (what sources say about movements), movements and months (what follows from contract lines)."""

from __future__ import annotations

from django.db import models

from hub.accounts.models import Account, SourcedModel
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ChurnType(models.TextChoices):
    VOLUNTARY = "voluntary", "Voluntary"
    INVOLUNTARY = "involuntary", "Involuntary"
    UNKNOWN = "unknown", "Unknown"


class ChurnClaim(SourcedModel):
    """A source's statement that an account churned on a day, with its reason: evidence, not truth."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="churn_claims", db_index=False)
    claimed_on = models.DateField()
    # The source's own reason; `payment_failure` makes the churn involuntary.
    reason = models.CharField(max_length=100, blank=True)
    churn_type = models.CharField(max_length=16, choices=ChurnType, blank=True)
    refund_minor = models.BigIntegerField(null=True, blank=True)
    is_reactivation = models.BooleanField(null=True, blank=True)
    feedback = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="churn_claim_key")]
        indexes = [models.Index(fields=["tenant", "account", "claimed_on"], name="churn_claim_account")]

    def __str__(self) -> str:
        return f"churn claimed {self.claimed_on}"


class MovementKind(models.TextChoices):
    NEW = "new", "New"
    REACTIVATION = "reactivation", "Reactivation"
    EXPANSION = "expansion", "Expansion"
    CONTRACTION = "contraction", "Contraction"
    CHURN = "churn", "Churn"


class MovementClaim(SourcedModel):
    """A source's word on the type of a movement: it wins over what the lines suggest, and is shown as given."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="movement_claims", db_index=False)
    month = models.DateField()  # first day
    kind = models.CharField(max_length=16, choices=MovementKind)
    type = models.CharField(max_length=32)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="movement_claim_key")]
        indexes = [models.Index(fields=["tenant", "account", "month"], name="movement_claim_account")]

    def __str__(self) -> str:
        return f"{self.kind} {self.month:%Y-%m}: {self.type}"


class Movement(TenantModel):
    """The MRR ledger: per account, month, kind and type, netted, so that every month ties out.

    ``opening + new + reactivation + expansion − contraction − churn = closing``. `amount_minor` is positive; the kind
    gives the sign. `overlap` is the methodology option under which the row was derived.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="movements", db_index=False)
    month = models.DateField()  # first day
    kind = models.CharField(max_length=16, choices=MovementKind)
    # seat, tier, cross_sell, price for expansion and contraction; voluntary, involuntary, unknown for churn; or the
    # word of the source named by `type_source`.
    type = models.CharField(max_length=32, blank=True)
    type_source = models.CharField(max_length=50, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    overlap = models.CharField(max_length=8, default="sum")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "overlap", "month", "kind", "type"], name="movement_key"
            ),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="movement_amount"),
        ]
        indexes = [models.Index(fields=["tenant", "overlap", "month"], name="movement_month")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.month:%Y-%m}"

    @property
    def type_words(self) -> str:
        """The type for reading; what a source gave stays as given."""
        return self.type if self.type_source else self.type.replace("_", "-")


class AccountMonth(TenantModel):
    """MRR of an account at the last day of a month, for one overlap rule: what NRR pages read."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()  # first day
    overlap = models.CharField(max_length=8, default="sum")
    mrr_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "overlap", "month", "account"], name="account_month_key")
        ]
        indexes = [models.Index(fields=["tenant", "account", "overlap", "month"], name="account_month_account")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.month:%Y-%m}: {self.mrr_minor}"


class RevenueRecount(TenantModel):
    """An account whose months must be written anew because a rate or a rank changed: work for the bulk queue."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    asked_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="revenue_recount_key")]

    def __str__(self) -> str:
        return f"recount of {self.account_id}"


class MonthClose(TenantModel):
    """A month that has been counted for everybody after it ended: months follow writes, and time passes without any."""

    month = models.DateField()  # first day
    closed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "month"], name="month_close_key")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
