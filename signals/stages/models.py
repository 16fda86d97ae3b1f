from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, LifecycleStage
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class StageVersion(TenantModel):
    """The tenant's rules of the stages, in their order, as published; a published version never changes.

    `rules` are objects of ``stage`` and ``rule``, the last of them for every account that is left. `flags` are rules
    by the flag that they set beside the stage. The greatest number counts; without any, the shipped rules do.
    """

    number = models.PositiveIntegerField()
    rules = models.JSONField(default=list)
    flags = models.JSONField(default=dict)
    note = models.CharField(max_length=500)
    published_at = models.DateTimeField(default=timezone.now)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="stage_version_key")]

    def __str__(self) -> str:
        return f"stages v{self.number}"


class StageState(TenantModel):
    """What the rules last said about an account: which version, which rule of it by its place, and the stage.

    A version of −1 was forgotten: what the rules say next is taken as it is.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.IntegerField()
    place = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=16, choices=LifecycleStage)
    # What was told last: a person may have set another. Another value at the account was written past the rules.
    shown = models.CharField(max_length=16, choices=LifecycleStage)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="stage_state_key")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.stage}"


class StageCause(models.TextChoices):
    FIRST = "first", "First look"
    RULES = "rules", "A rule"
    MODEL = "model", "Other rules"
    HAND = "hand", "By hand"


class StageChange(TenantModel):
    """A change of an account's stage, with the rule that held and the values it saw: the past of the fact `stage`."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="stage_changes", db_index=False)
    at = models.DateTimeField()
    # The tenant's day of it.
    day = models.DateField()
    before = models.CharField(max_length=16, blank=True)
    stage = models.CharField(max_length=16, choices=LifecycleStage)
    cause = models.CharField(max_length=8, choices=StageCause)
    version = models.IntegerField()
    reason = models.TextField()
    evidence = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "account", "-at"], name="stage_change_account"),
            models.Index(fields=["tenant", "-at", "-id"], name="stage_change_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.stage}"


class StageOverride(TenantModel):
    """A stage that a person set against the rules until a day; it ends by itself after it."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    stage = models.CharField(max_length=16, choices=LifecycleStage)
    reason = models.CharField(max_length=500)
    # The last day on which it counts, in the tenant's zone.
    until = models.DateField()
    set_at = models.DateTimeField(default=timezone.now)
    # Empty where a program set it; the audit log says which.
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account"], name="stage_override_standing", condition=models.Q(ended_at__isnull=True)
            )
        ]
        indexes = [models.Index(fields=["tenant", "account", "-set_at"], name="stage_override_account")]

    def __str__(self) -> str:
        return f"{self.stage} until {self.until:%Y-%m-%d}"
