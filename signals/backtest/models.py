"""Back-tests: what was asked, how far it is, what came of it, and the accounts that left."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel
from signals.health.models import HealthBand, Scorecard


class RunStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


UNFINISHED = (RunStatus.WAITING, RunStatus.RUNNING)


class Verdict(models.TextChoices):
    NOT_ENOUGH = "not_enough", "Not enough history"
    BROKEN = "broken", "Broken"
    NO_BETTER = "no_better", "No better than tenure"
    RANKS = "ranks", "Ranks who leaves"


class Origin(models.TextChoices):
    PERSON = "person", "asked for"
    PROGRAM = "program", "asked for over REST"
    QUARTERLY = "quarterly", "every quarter"


class BacktestRun(TenantModel):
    """A scorecard's draft or version, held against what its accounts did afterwards.

    `content_hash` says of exactly which draft (signals/backtest/draft.py). `today` is the day that it was begun on:
    nothing after it counts. Each step of a worker is one transaction that holds this row: some accounts on all days,
    counted into `tally`; `after` is the last account. `due_at` says when a worker looks at it.
    """

    scorecard = TenantForeignKey(Scorecard, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    name = models.CharField(max_length=100)
    content_hash = models.CharField(max_length=64)
    measures = models.JSONField()
    yellow_from = models.PositiveSmallIntegerField()
    green_from = models.PositiveSmallIntegerField()
    rule = models.JSONField()
    # Its place among the scorecards: those asked before it have their accounts already.
    position = models.PositiveSmallIntegerField()
    months = models.PositiveSmallIntegerField(default=24)
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.PERSON)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    asked_label = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    today = models.DateField(null=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    after = models.UUIDField(null=True)
    tally = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="backtest_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["tenant", "content_hash", "-finished_at"], name="backtest_draft"),
            models.Index(fields=["tenant", "scorecard", "-created_at"], name="backtest_scorecard"),
        ]

    def __str__(self) -> str:
        return f"back-test of {self.name}"

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED


class BacktestLoss(TenantModel):
    """An account that was in a band within ninety days of paying nothing more: the last such day, and how many.

    `mrr_minor` is what it paid then; `shown_band` differs where somebody had set a band by hand.
    """

    derived = True

    run = TenantForeignKey(BacktestRun, on_delete=models.CASCADE, related_name="losses", db_index=False)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    band = models.CharField(max_length=8, choices=[*HealthBand.choices, ("none", "No score")])
    shown_band = models.CharField(max_length=8, blank=True)
    day = models.DateField()
    score = models.PositiveSmallIntegerField(null=True)
    mrr_minor = models.BigIntegerField()
    days = models.PositiveSmallIntegerField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "run", "band", "account"], name="backtest_loss_key")]
        indexes = [
            models.Index(fields=["tenant", "run", "band", "-mrr_minor"], name="backtest_loss_largest"),
            models.Index(fields=["tenant", "account"], name="backtest_loss_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} left while {self.band}"
