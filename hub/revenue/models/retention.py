"""Sums over all accounts that pages read instead of every account month: kept by a worker, never by a writer."""

from __future__ import annotations

from django.db import models

from hub.tenancy.models import TenantModel


class RetentionMonth(TenantModel):
    """A window of twelve months that ends with `month`, over all accounts, for one overlap rule; minor units."""

    overlap = models.CharField(max_length=8)
    month = models.DateField()  # first day
    opening = models.BigIntegerField()
    # What accounts of the opening have now, and that without what they gained.
    retained = models.BigIntegerField()
    kept = models.BigIntegerField()
    closing = models.BigIntegerField()
    accounts = models.PositiveIntegerField()
    computed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "overlap", "month"], name="retention_month_key")]

    def __str__(self) -> str:
        return f"{self.overlap} {self.month:%Y-%m}"


class MonthsChanged(TenantModel):
    """Months of some accounts were written anew: the sums must follow. One row a write, so that writers never wait."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"months changed {self.at}"
