"""What a tenant sells (products, tiers by rank, what a tier allows) and the dated rates of other currencies."""

from __future__ import annotations

from django.db import models

from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Product(TenantModel):
    """A product, by the name that contract lines use; the empty name stands for lines that name none."""

    name = models.CharField(max_length=100, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="product_key")]

    def __str__(self) -> str:
        return self.name or "Lines that name no product"


class Tier(TenantModel):
    """A plan tier of a product, by the name that contract lines use; a greater rank is a higher tier."""

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="tiers", db_index=False)
    name = models.CharField(max_length=100)
    rank = models.PositiveSmallIntegerField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "product", "name"], name="tier_key")]

    def __str__(self) -> str:
        return self.name


class EntitlementKind(models.TextChoices):
    LEVEL = "level", "Level at any time"
    QUOTA = "quota", "Quota per period"


class EntitlementPeriod(models.TextChoices):
    MONTH = "month", "Month"
    QUARTER = "quarter", "Quarter"
    YEAR = "year", "Year"


class Entitlement(TenantModel):
    """What a tier allows of a measure: a level that holds at any time, or a quota per period. No limit: unlimited.

    `measure` is `seats` or the name of a usage event. `per_seat` multiplies the limit by the seats of the line.
    """

    tier = TenantForeignKey(Tier, on_delete=models.CASCADE, related_name="entitlements", db_index=False)
    measure = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=EntitlementKind)
    limit = models.BigIntegerField(null=True, blank=True)
    period = models.CharField(max_length=8, choices=EntitlementPeriod, blank=True)
    per_seat = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "tier", "measure"], name="entitlement_key"),
            models.CheckConstraint(
                condition=models.Q(kind="level", period="") | (models.Q(kind="quota") & ~models.Q(period="")),
                name="entitlement_period",
            ),
            models.CheckConstraint(
                condition=models.Q(limit__isnull=True) | models.Q(limit__gt=0), name="entitlement_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.measure}: {'no limit' if self.limit is None else self.limit}"


class FxRate(TenantModel):
    """From `on` until the next rate: one unit of `currency` is `rate` units of the tenant's currency."""

    currency = models.CharField(max_length=3)
    on = models.DateField()
    rate = models.DecimalField(max_digits=20, decimal_places=10)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "currency", "on"], name="fx_rate_key"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="fx_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} from {self.on}: {self.rate}"
