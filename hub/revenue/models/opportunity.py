"""Opportunities: deals that are open, won or lost, as the CRM keeps them."""

from __future__ import annotations

from django.db import models

from hub.accounts.models import Account, SourcedModel
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class OpportunityKind(models.TextChoices):
    RENEWAL = "renewal", "Renewal"
    EXPANSION = "expansion", "Expansion"
    NEW = "new", "New business"


class ExpansionType(models.TextChoices):
    SEAT = "seat", "Seats"
    TIER = "tier", "Tier"
    CROSS_SELL = "cross_sell", "Cross-sell"
    PRICE = "price", "Price"


class OpportunityOutcome(models.TextChoices):
    OPEN = "open", "Open"
    WON = "won", "Won"
    LOST = "lost", "Lost"


class Opportunity(SourcedModel):
    """A deal. `stage` is the CRM's own word; `outcome` is what it means."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="opportunities", db_index=False)
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=16, choices=OpportunityKind)
    expansion_type = models.CharField(max_length=16, choices=ExpansionType, blank=True)
    stage = models.CharField(max_length=100, blank=True)
    # A year's or a deal's worth, as the source counts it; minor units.
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    probability_pct = models.PositiveSmallIntegerField(null=True, blank=True)
    opened_on = models.DateField(null=True, blank=True)
    close_on = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=OpportunityOutcome, default=OpportunityOutcome.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    lost_reason = models.CharField(max_length=200, blank=True)
    owner_name = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=500, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="opportunity_key"),
            models.CheckConstraint(
                condition=models.Q(expansion_type="") | models.Q(kind="expansion"), name="opportunity_expansion_type"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "account", "outcome", "close_on"], name="opportunity_account"),
            models.Index(fields=["tenant", "outcome", "close_on"], name="opportunity_pipeline"),
        ]

    def __str__(self) -> str:
        return self.name
