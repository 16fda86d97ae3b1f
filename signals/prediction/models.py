"""Models that predict what an account does within ninety days, what showed that they can, and their predictions."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Target(models.TextChoices):
    CHURN = "churn", "Leaves: pays nothing any more"
    CLAIM = "claim", "Leaves: a source reports churn"
    EXPANSION = "expansion", "Expands: pays more"


class Kind(models.TextChoices):
    CHURN = "churn", "Churn risk"
    EXPANSION = "expansion", "Expansion likelihood"


KIND_OF: Final = {Target.CHURN: Kind.CHURN, Target.CLAIM: Kind.CHURN, Target.EXPANSION: Kind.EXPANSION}


class ModelStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    TRAINING = "training", "Being trained"
    VALIDATED = "validated", "Validated"
    NO_SIGNAL = "no_signal", "No signal in this data"
    NOT_ENOUGH = "not_enough", "Not enough history"
    REFUSED = "refused", "Refused: knows the outcome"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


UNFINISHED: Final = (ModelStatus.WAITING, ModelStatus.TRAINING)


class PredictionModel(TenantModel):
    """A model of one target: what it reads, how it did on later days than it was trained on, and its parameters.

    `parameters` are plain numbers (signals/prediction/fitted.py), never code. Only a validated model can be published,
    one for each kind; then every paying account has a `Prediction`. `after` and `seen` are how far the pass of
    `predicted_on` is and what it has counted for `drift`.
    """

    target = models.CharField(max_length=16, choices=Target)
    kind = models.CharField(max_length=16, choices=Kind)
    number = models.PositiveIntegerField()
    features = models.JSONField(default=list)
    status = models.CharField(max_length=16, choices=ModelStatus, default=ModelStatus.WAITING)
    reason = models.CharField(max_length=500, blank=True)
    today = models.DateField(null=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    validation = models.JSONField(default=dict)
    parameters = models.JSONField(default=dict)
    is_published = models.BooleanField(default=False)
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    predicted_on = models.DateField(null=True)
    pass_day = models.DateField(null=True)
    after = models.UUIDField(null=True)
    seen = models.JSONField(default=dict)
    drift = models.JSONField(default=dict)
    asked_label = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "target", "number"], name="prediction_model_key"),
            models.UniqueConstraint(
                fields=["tenant", "kind"], name="prediction_model_published", condition=models.Q(is_published=True)
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "due_at"], name="prediction_model_due", condition=models.Q(due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_target_display()}, model {self.number}"

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED


class Prediction(TenantModel):
    """What the published model of a kind says of an account: `percent` within ninety days, and its main `reasons`."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind)
    model = TenantForeignKey(PredictionModel, on_delete=models.CASCADE, related_name="predictions")
    day = models.DateField()
    percent = models.PositiveSmallIntegerField()
    reasons = models.JSONField(default=list)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "kind"], name="prediction_key")]
        indexes = [models.Index(fields=["tenant", "kind", "percent", "account"], name="prediction_percent")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.account_id}: {self.percent}%"
