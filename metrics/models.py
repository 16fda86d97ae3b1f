"""Figures that pages of a large tenant read instead of counting them: kept by a worker, never by a writer."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.tenancy.models import TenantModel
from metrics.planning.models import Commitment, Focus, PlanQuarter
from metrics.quality.models import QualityDay

# Django looks for an app's models here.
__all__ = ["Commitment", "FiguresChanged", "Focus", "PlanQuarter", "QualityDay", "Reading"]


class Reading(TenantModel):
    """The answer to a question about retention (metrics/readings.py), with the time as of which it holds.

    `value` is NULL until it has been counted once. `behind`: something that it is counted from has changed since.
    """

    key = models.CharField(max_length=100)
    value = models.JSONField(null=True)
    # When the count began: what was committed before is in it.
    computed_at = models.DateTimeField(null=True)
    took_ms = models.PositiveIntegerField(default=0)
    behind = models.BooleanField(default=True)
    # The last time that somebody looked, to the hour.
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="reading_key")]
        indexes = [models.Index(fields=["tenant", "asked_at"], name="reading_asked")]

    def __str__(self) -> str:
        return self.key


class FiguresChanged(TenantModel):
    """What figures are counted from has changed: readings must follow. One row a write, so that writers never wait."""

    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"figures changed {self.at}"
