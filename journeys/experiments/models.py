"""Experiments on a step of a journey, their phases, and which account is in which arm."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ExperimentStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    RUNNING = "running", "Running"
    ENDED = "ended", "Ended"


class Reading(models.TextChoices):
    """When a result may be read, chosen before the first account is assigned."""

    FIXED = "fixed", "Once, on its day"
    SEQUENTIAL = "sequential", "At any time"


class Experiment(TenantModel):
    """A question about one step: which of its arms moves `measure` within `window_days` of an account's assignment?

    `node_id` "" stands for the whole journey against its holdout. `hypothesis` and everything that decides how the
    result is read are fixed when it is launched. `planned` is the number of accounts that it was planned with.
    `change` is the smallest difference that matters: of shares 0 … 1, of amounts in the measure's unit.
    """

    journey = TenantForeignKey("journeys.Journey", on_delete=models.CASCADE, related_name="experiments", db_index=False)
    node_id = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=200)
    hypothesis = models.CharField(max_length=500, blank=True)
    measure = models.CharField(max_length=32)
    # What the measure is about, such as the event that counts as adoption.
    argument = models.CharField(max_length=200, blank=True)
    window_days = models.PositiveSmallIntegerField(default=14)
    reading = models.CharField(max_length=16, choices=Reading, default=Reading.FIXED)
    horizon_days = models.PositiveSmallIntegerField(default=30)
    alpha = models.FloatField(default=0.05)
    power = models.FloatField(default=0.8)
    baseline = models.FloatField(null=True)
    change = models.FloatField(null=True)
    planned = models.PositiveIntegerField(default=0)
    # "", tier, mrr, or segment:<key>: arms are balanced within these groups.
    stratify = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=16, choices=ExperimentStatus, default=ExperimentStatus.DRAFT)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # What was decided: the arm that everybody gets from then on, and why it ended.
    chosen = models.PositiveSmallIntegerField(null=True)
    why = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "journey", "node_id"], name="experiment_running", condition=models.Q(status="running")
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="experiment_recent"),
            models.Index(fields=["tenant", "journey", "node_id"], name="experiment_node"),
        ]

    def __str__(self) -> str:
        return self.name


class Phase(TenantModel):
    """A time in which the arms and their shares stayed the same; only accounts of one phase are compared.

    `signature` is the digest of what the arms do. `edges` are the bounds of MRR bands, in minor units.
    """

    experiment = TenantForeignKey(Experiment, on_delete=models.CASCADE, related_name="phases", db_index=False)
    number = models.PositiveIntegerField()
    signature = models.CharField(max_length=64)
    arms = models.JSONField()
    edges = models.JSONField(default=list)
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "experiment", "number"], name="phase_key")]

    def __str__(self) -> str:
        return f"phase {self.number}"

    @property
    def salt(self) -> str:
        """Names what is dealt; no other deal hangs together with it."""
        return f"{self.experiment_id}:{self.number}"

    @property
    def weights(self) -> list[int]:
        """Shares of the arms in percent."""
        return [int(arm["weight"]) for arm in self.arms]


class Assignment(TenantModel):
    """The arm of an account, drawn when it first came to the step, and kept for as long as the phase lasts.

    A held-out account is dealt an arm like any other and gets none of it.
    """

    phase = TenantForeignKey(Phase, on_delete=models.CASCADE, related_name="assignments", db_index=False)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    enrollment_id = models.UUIDField()
    arm = models.PositiveSmallIntegerField()
    held_out = models.BooleanField(default=False)
    stratum = models.CharField(max_length=80, blank=True)
    assigned_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "phase", "account"], name="assignment_key")]
        indexes = [
            models.Index(fields=["tenant", "phase", "stratum"], name="assignment_stratum"),
            models.Index(fields=["tenant", "account"], name="assignment_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in arm {self.arm}"
