"""What customer and CSM have agreed: objectives, the onboarding plan and its milestones."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Objective(TenantModel):
    """A goal of the customer's own: metric, baseline → target by a day; value once the customer acknowledges it."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="objectives", db_index=False)
    title = models.CharField(max_length=200)
    metric = models.CharField(max_length=100, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    baseline = models.FloatField(null=True, blank=True)
    current = models.FloatField(null=True, blank=True)
    target = models.FloatField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = TenantForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "account", "due_on"], name="objective_account")]

    def __str__(self) -> str:
        return self.title


class OnboardingPlan(TenantModel):
    """The way from signature to activation: one running plan per account, all required milestones done = activated."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="onboarding_plans", db_index=False)
    name = models.CharField(max_length=200)
    started_on = models.DateField()
    activated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "name"], name="onboarding_plan_key")]

    def __str__(self) -> str:
        return self.name


class Milestone(TenantModel):
    """A step of an onboarding plan that the customer completes, by hand or by an event of the product."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="milestones", db_index=False)
    plan = TenantForeignKey(OnboardingPlan, on_delete=models.CASCADE, related_name="milestones", db_index=False)
    key = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    required = models.BooleanField(default=True)
    due_on = models.DateField(null=True, blank=True)
    # Name of the product event that completes it; empty = by hand only.
    event_name = models.CharField(max_length=200, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_via = models.CharField(max_length=16, blank=True)  # hub, staff, event, import, api
    completed_by = TenantForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    historical = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "plan", "key"], name="milestone_key")]
        indexes = [
            models.Index(fields=["tenant", "account", "position"], name="milestone_account"),
            models.Index(
                fields=["tenant", "event_name"],
                name="milestone_event",
                condition=models.Q(completed_at__isnull=True) & ~models.Q(event_name=""),
            ),
        ]

    def __str__(self) -> str:
        return self.title
