from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.tenancy.models import TenantModel


class QualityDay(TenantModel):
    """How good the tenant's data was on a day (metrics/quality/parts.py); a part that cannot be told is NULL."""

    day = models.DateField()
    score = models.PositiveSmallIntegerField(null=True)
    freshness = models.PositiveSmallIntegerField(null=True)
    matching = models.PositiveSmallIntegerField(null=True)
    agreement = models.PositiveSmallIntegerField(null=True)
    completeness = models.PositiveSmallIntegerField(null=True)
    counts = models.JSONField(default=dict)
    lacking = models.JSONField(default=dict)
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "day"], name="quality_day_key")]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}: {self.score}"
