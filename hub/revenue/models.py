"""Contract lines (what is paid for), churn claims (what sources say), movements and months (what follows)."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ContractLine(TenantModel):
    """A subscription or contract line. Live on day D when ``starts_on ≤ D < ends_on``; `ends_on` NULL is open."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="contract_lines", db_index=False)
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    product = models.CharField(max_length=100, blank=True)
    tier = models.CharField(max_length=100, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)
    # Minor units a month.
    mrr_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    renews_on = models.DateField(null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField(null=True, blank=True)
    is_trial = models.BooleanField(default=False)
    auto_renew = models.BooleanField(null=True, blank=True)
    billing_period = models.CharField(max_length=20, blank=True)
    # The source's own flag; compared with the dates, never used for MRR.
    source_churned = models.BooleanField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="contract_line_key"),
            models.CheckConstraint(condition=models.Q(mrr_minor__gte=0), name="contract_line_mrr"),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                name="contract_line_dates",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "account", "starts_on"], name="contract_line_account"),
            models.Index(fields=["tenant", "starts_on", "ends_on"], name="contract_line_live"),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} {self.tier}".strip()


class ChurnClaim(TenantModel):
    """A source's statement that an account churned on a day, with its reason: evidence, not truth."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="churn_claims", db_index=False)
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    claimed_on = models.DateField()
    reason = models.CharField(max_length=100, blank=True)
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


class Movement(TenantModel):
    """The MRR ledger: one row per account, month and kind, netted, so that every month ties out.

    ``opening + new + reactivation + expansion − contraction − churn = closing``. `amount_minor` is positive; the kind
    gives the sign. `overlap` is the methodology option under which the row was derived.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="movements", db_index=False)
    month = models.DateField()  # first day
    kind = models.CharField(max_length=16, choices=MovementKind)
    # seat, tier, cross-sell, price for expansion; voluntary, involuntary, unknown for churn.
    type = models.CharField(max_length=16, blank=True)
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


class AccountMonth(TenantModel):
    """MRR of an account at the last day of a month, for one overlap rule: what NRR pages read."""

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
