"""Contract lines: what is paid for."""

from __future__ import annotations

from django.db import models

from hub.accounts.models import Account, SourcedModel
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ContractLine(SourcedModel):
    """A subscription or contract line. Live on day D when ``starts_on ≤ D < ends_on``; `ends_on` NULL is open."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="contract_lines", db_index=False)
    product = models.CharField(max_length=100, blank=True)
    tier = models.CharField(max_length=100, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)
    # Minor units a month in the tenant's currency, which `currency` names: what every figure adds up.
    mrr_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    # What the contract says, when that is in another currency: `mrr_minor` is this at the rate of the day it starts.
    billed_minor = models.BigIntegerField(null=True, blank=True)
    billed_currency = models.CharField(max_length=3, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    renews_on = models.DateField(null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField(null=True, blank=True)
    # Committed months from the start; NULL: open or not stated.
    term_months = models.PositiveSmallIntegerField(null=True, blank=True)
    is_trial = models.BooleanField(default=False)
    auto_renew = models.BooleanField(null=True, blank=True)
    billing_period = models.CharField(max_length=20, blank=True)
    # The source's own flag; compared with the dates, never used for MRR.
    source_churned = models.BooleanField(null=True, blank=True)

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
