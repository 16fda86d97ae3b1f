from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel
from signals.models import Segment


class Priority(models.TextChoices):
    ONBOARDING = "onboarding", "Onboarding acceleration"
    AT_RISK = "at_risk", "At risk"
    EXPANSION = "expansion", "Expansion"


class Side(models.TextChoices):
    CS = "cs", "Customer success"
    MARKETING = "marketing", "Customer marketing"


class PlanQuarter(TenantModel):
    """A quarter that was planned, and the lock of its plan. Once closed, nothing in it changes any more."""

    quarter = models.CharField(max_length=6)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "quarter"], name="plan_quarter_key")]

    def __str__(self) -> str:
        return self.quarter


class Focus(TenantModel):
    """A segment that both teams work on in a quarter.

    `start` and `ended` are figures (metrics/planning/figures.py) when it was planned and when the quarter was closed.
    """

    quarter = models.CharField(max_length=6)
    segment = TenantForeignKey(Segment, on_delete=models.PROTECT, related_name="+", db_index=False)
    priority = models.CharField(max_length=16, choices=Priority)
    # One to one, and one to many.
    cs_owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    marketing_owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    target = models.CharField(max_length=300)
    note = models.CharField(max_length=1000, blank=True)
    start = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    ended = models.JSONField(null=True)
    carried_from = TenantForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    dropped_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "quarter", "segment"], name="focus_key", condition=models.Q(dropped_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.quarter}: {self.segment_id}"


class Commitment(TenantModel):
    """What a side has promised to do for a focus; what is not done is carried over when the quarter is closed."""

    focus = TenantForeignKey(Focus, on_delete=models.CASCADE, related_name="commitments", db_index=False)
    side = models.CharField(max_length=16, choices=Side)
    text = models.CharField(max_length=300)
    due_on = models.DateField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    carried_from = TenantForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "focus", "created_at"], name="commitment_focus")]

    def __str__(self) -> str:
        return self.text
