"""Scorecards and their versions, what they say about each account, and what people set by hand."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class HealthBand(models.TextChoices):
    RED = "red", "Red"
    YELLOW = "yellow", "Yellow"
    GREEN = "green", "Green"


class Scorecard(TenantModel):
    """What health is for some of the accounts: the first by `position` whose `rule` holds for an account is its own.

    `version` is the number of the version that counts.
    """

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()
    # A tree of the rule language; {"all": []} is every account.
    rule = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="scorecard_key")]

    def __str__(self) -> str:
        return self.name


class ScorecardVersion(TenantModel):
    """A scorecard as it was published; never changed. `measures` are those of signals/health/cards.py."""

    scorecard = TenantForeignKey(Scorecard, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    measures = models.JSONField(default=list)
    yellow_from = models.PositiveSmallIntegerField(default=40)
    green_from = models.PositiveSmallIntegerField(default=70)
    note = models.CharField(max_length=500)
    published_at = models.DateTimeField(default=timezone.now)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    # What it was held against before; None: shipped, or published before back-tests were asked for.
    backtest = TenantForeignKey("signals.BacktestRun", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "scorecard", "number"], name="scorecard_version_key")]

    def __str__(self) -> str:
        return f"{self.scorecard_id} v{self.number}"


class HealthScore(TenantModel):
    """An account's health as of its last evaluation; `values` by reading are value and age in days.

    `opening_*` is how it stood when `day` began: what a change of that day is compared with.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = TenantForeignKey(ScorecardVersion, on_delete=models.PROTECT, null=True, related_name="+")
    score = models.PositiveSmallIntegerField(null=True)
    # By the score alone; what counts while somebody has overruled it is `shown_band`.
    band = models.CharField(max_length=8, choices=HealthBand, blank=True)
    shown_band = models.CharField(max_length=8, choices=HealthBand, blank=True)
    worst = models.CharField(max_length=64, blank=True)
    values = models.JSONField(default=dict)
    day = models.DateField()
    opening_score = models.PositiveSmallIntegerField(null=True)
    opening_version = TenantForeignKey(
        ScorecardVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    opening_values = models.JSONField(default=dict)
    computed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="health_score_key")]

    def __str__(self) -> str:
        return f"health of {self.account_id}: {self.score}"


class HealthDay(TenantModel):
    """A day on which an account's score changed: how it ended, and what the change comes from.

    `before` is the score with which the day began; where both are known, the three parts sum to the change. On a day
    without a row nothing had changed.
    """

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = TenantForeignKey(ScorecardVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    day = models.DateField()
    score = models.PositiveSmallIntegerField(null=True)
    band = models.CharField(max_length=8, choices=HealthBand, blank=True)
    shown_band = models.CharField(max_length=8, choices=HealthBand, blank=True)
    worst = models.CharField(max_length=64, blank=True)
    before = models.PositiveSmallIntegerField(null=True)
    behaviour = models.SmallIntegerField(default=0)
    data = models.SmallIntegerField(default=0)
    model = models.SmallIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account", "day"], name="health_day_key")]
        indexes = [models.Index(fields=["tenant", "-day"], name="health_day_recent")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day:%Y-%m-%d}: {self.score}"


class HealthInput(TenantModel):
    """A value that a person set by hand, 0 to 100; the newest of an account and measure counts."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    measure = models.CharField(max_length=64)
    value = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=500, blank=True)
    set_at = models.DateTimeField(default=timezone.now)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "account", "measure", "-set_at"], name="health_input_latest")]

    def __str__(self) -> str:
        return f"{self.measure}: {self.value}"


class HealthOverride(TenantModel):
    """A band that a person set against the score, until a day; it counts until then or until somebody ends it."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    band = models.CharField(max_length=8, choices=HealthBand)
    reason = models.CharField(max_length=500)
    # The last day on which it counts, in the tenant's zone.
    until = models.DateField()
    set_at = models.DateTimeField(default=timezone.now)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account"], name="health_override_standing", condition=models.Q(ended_at__isnull=True)
            )
        ]
        indexes = [models.Index(fields=["tenant", "account", "-set_at"], name="health_override_account")]

    def __str__(self) -> str:
        return f"{self.band} until {self.until:%Y-%m-%d}"
