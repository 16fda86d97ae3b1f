"""Triggers (the rules that turn facts into signals), what they last said per account, and the signals themselves."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Change
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel
from signals.backtest.models import BacktestLoss, BacktestRun
from signals.health.models import (
    HealthDay,
    HealthInput,
    HealthOverride,
    HealthScore,
    Scorecard,
    ScorecardVersion,
)
from signals.inbox.models import AssignmentNotice, AssignmentRefusal
from signals.prediction.models import Prediction, PredictionModel
from signals.readiness.models import ExpansionReadiness, ReadinessVersion
from signals.segments.models import Segment, SegmentMember
from signals.stages.models import StageChange, StageOverride, StageState, StageVersion

# Django looks for an app's models here.
__all__ = [
    "AssignmentNotice",
    "AssignmentRefusal",
    "BacktestLoss",
    "BacktestRun",
    "DayClose",
    "DismissReason",
    "ExpansionReadiness",
    "HealthDay",
    "HealthInput",
    "HealthOverride",
    "HealthScore",
    "Prediction",
    "PredictionModel",
    "ReadinessVersion",
    "Scorecard",
    "ScorecardVersion",
    "Segment",
    "SegmentMember",
    "Severity",
    "Signal",
    "SignalBulk",
    "SignalStatus",
    "StageChange",
    "StageOverride",
    "StageState",
    "StageVersion",
    "Storm",
    "StormStatus",
    "Trigger",
    "TriggerLook",
    "TriggerSet",
    "TriggerState",
    "TriggerVersion",
]


class Severity(models.TextChoices):
    INFO = "info", "Info"
    OPPORTUNITY = "opportunity", "Opportunity"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


SEVERE: Final = (Severity.CRITICAL, Severity.WARNING, Severity.OPPORTUNITY, Severity.INFO)


def urgency() -> models.Case:
    """The rank of a severity, 0 for the most severe, as the index of the inbox has it."""
    whens = [models.When(severity=severity, then=models.Value(rank)) for rank, severity in enumerate(SEVERE)]
    return models.Case(*whens, output_field=models.IntegerField())


class Trigger(TenantModel):
    """What makes a signal: a change that is told (event, person) or a condition that becomes true (computed).

    `rule` is a tree of the rule language: for computed triggers the condition itself, for the others a further
    condition on the account (`{"all": []}` = none). `match` names values that a change's data must hold. Editing
    raises `version`; the versions before stay in `TriggerVersion`.
    """

    class Kind(models.TextChoices):
        EVENT = "event", "Event"
        PERSON = "person", "Person"
        COMPUTED = "computed", "Computed"

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    family = models.CharField(max_length=32)  # onboarding, usage, qbr, support, renewal …
    kind = models.CharField(max_length=16, choices=Kind)
    severity = models.CharField(max_length=16, choices=Severity, default=Severity.INFO)
    change_kind = models.CharField(max_length=64, blank=True)
    match = models.JSONField(default=dict, blank=True)
    rule = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    cooldown_days = models.PositiveSmallIntegerField(default=0)
    # An event older than this when it is evaluated is history: stored, but starts nothing.
    max_age_hours = models.PositiveIntegerField(default=24)
    fire_on_first_sight = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="trigger_key")]

    def __str__(self) -> str:
        return self.name


class TriggerVersion(TenantModel):
    """A trigger's rule as it was, for evidence that points at it."""

    trigger = TenantForeignKey(Trigger, on_delete=models.CASCADE, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    match = models.JSONField(default=dict)
    rule = models.JSONField(default=dict)
    sentence = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "trigger", "version"], name="trigger_version_key")]

    def __str__(self) -> str:
        return f"{self.trigger_id} v{self.version}"


class TriggerState(TenantModel):
    """What a computed trigger last said about an account; a signal is the step from false to true, numbered.

    Kept from the first time on that it is true: a trigger that has looked at an account (`TriggerLook`) and has no
    state of it has never found it true.
    """

    derived = True

    trigger = TenantForeignKey(Trigger, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    is_true = models.BooleanField()
    # True was found at first sight (import, new or edited rule): listed as already true, nothing fired.
    baseline = models.BooleanField(default=False)
    sequence = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    last_fired_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "trigger", "account"], name="trigger_state_key")]

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.account_id}: {self.is_true}"


class TriggerSet(TenantModel):
    """Computed triggers with their versions, as an evaluation asks them all; most accounts share one."""

    digest = models.CharField(max_length=64)
    versions = models.JSONField()  # trigger id → version

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="trigger_set_key")]

    def __str__(self) -> str:
        return self.digest[:12]


class TriggerLook(TenantModel):
    """The triggers that have looked at an account; for any other the next look is the first, and fires nothing."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    seen = TenantForeignKey(TriggerSet, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="trigger_look_key")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.seen_id}"


class StormStatus(models.TextChoices):
    HOLDING = "holding", "Holding"
    RELEASING = "releasing", "Being released"
    RELEASED = "released", "Released"
    DROPPED = "dropped", "Dropped"


class Storm(TenantModel):
    """More signals of one trigger within a window than the tenant lets out; those beyond are held until a decision.

    `held` counts what it has taken in, `released` and `dropped` what became of them; `after` is the last signal that a
    release has dealt with.
    """

    trigger = TenantForeignKey(Trigger, on_delete=models.CASCADE, related_name="storms", db_index=False)
    began_at = models.DateTimeField()
    limit = models.PositiveIntegerField()
    window_minutes = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=StormStatus, default=StormStatus.HOLDING)
    held = models.PositiveIntegerField(default=0)
    released = models.PositiveIntegerField(default=0)
    dropped = models.PositiveIntegerField(default=0)
    after = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_label = models.CharField(max_length=200, blank=True)
    decided_note = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "trigger"], name="storm_holding", condition=models.Q(status="holding")
            )
        ]
        indexes = [models.Index(fields=["tenant", "trigger", "-began_at"], name="storm_trigger")]

    def __str__(self) -> str:
        return f"{self.trigger_id} {self.began_at:%Y-%m-%d %H:%M}"


class SignalStatus(models.TextChoices):
    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"
    DISMISSED = "dismissed", "Dismissed"
    HELD = "held", "Held in a storm"
    DROPPED = "dropped", "Dropped from a storm"


# What nobody was told: such a signal starts nothing and counts nowhere.
UNTOLD = (SignalStatus.HELD, SignalStatus.DROPPED)


class DismissReason(models.TextChoices):
    NOT_TRUE = "not_true", "Not true"
    KNOWN = "known", "Already known"
    NOT_RELEVANT = "not_relevant", "Not relevant"
    OTHER = "other", "Other"


class Signal(TenantModel):
    """Something happened or became true about an account: a sentence, the values seen, the rule version that saw them.

    `dedupe_key` is ``<trigger>:<account>:<window>``: the change's key for events and persons, the transition's number
    for computed ones. An open signal with `snoozed_until` comes back at that time. `trail` is the past of the fact
    that it is about, as told when it was made: ``{"label", "unit", "days", "values"}``; `trail_wanted` waits for it.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="signals", db_index=False)
    trigger = TenantForeignKey(Trigger, on_delete=models.PROTECT, related_name="signals", db_index=False)
    trigger_version = models.PositiveIntegerField()
    change = TenantForeignKey(Change, on_delete=models.CASCADE, null=True, related_name="+")
    dedupe_key = models.CharField(max_length=300)
    severity = models.CharField(max_length=16, choices=Severity)
    sentence = models.TextField()
    evidence = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    cleared_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=16, choices=SignalStatus, default=SignalStatus.OPEN)
    assignee = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    assigned_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    snoozed_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    # Why it was dismissed, of a fixed list; the note beside it is free.
    closed_as = models.CharField(max_length=16, choices=DismissReason, blank=True, default="", db_default="")
    closed_reason = models.CharField(max_length=200, blank=True)
    storm = TenantForeignKey(Storm, on_delete=models.PROTECT, null=True, related_name="signals", db_index=False)
    trail = models.JSONField(null=True)
    trail_wanted = models.BooleanField(default=False, db_default=False)
    origin = models.CharField(max_length=200, blank=True)
    depth = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "dedupe_key"], name="signal_key")]
        indexes = [
            models.Index(fields=["tenant", "-recorded_at", "-id"], name="signal_recent"),
            models.Index(fields=["tenant", "account", "-recorded_at"], name="signal_account"),
            # What became of a trigger's signals is counted without reading one of them.
            models.Index(
                fields=["tenant", "trigger", "-recorded_at"],
                name="signal_trigger_count",
                include=["status", "closed_as", "assignee", "acknowledged_at"],
            ),
            models.Index(
                fields=["tenant", "severity", "-recorded_at"], name="signal_open", condition=models.Q(status="open")
            ),
            # The inbox walks it from the newest on, however many are open.
            models.Index(
                fields=["tenant", "-recorded_at", "-id"], name="signal_inbox", condition=models.Q(status="open")
            ),
            # … and by this from the most severe on.
            models.Index(
                "tenant",
                urgency(),
                models.F("recorded_at").desc(),
                models.F("id").desc(),
                name="signal_severe",
                condition=models.Q(status="open"),
            ),
            # Accounts by their newest open signal, without reading one.
            models.Index(
                fields=["tenant", "account", "-recorded_at"],
                name="signal_account_open",
                include=["snoozed_until"],
                condition=models.Q(status="open"),
            ),
            models.Index(
                fields=["tenant", "assignee", "-recorded_at"],
                name="signal_assigned",
                condition=models.Q(status="open", assignee__isnull=False),
            ),
            models.Index(
                fields=["tenant", "snoozed_until"],
                name="signal_snoozed",
                condition=models.Q(snoozed_until__isnull=False),
            ),
            models.Index(fields=["tenant", "id"], name="signal_trail", condition=models.Q(trail_wanted=True)),
            models.Index(
                fields=["tenant", "storm", "id"], name="signal_storm", condition=models.Q(storm__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.sentence


class BulkStatus(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Stopped"
    FAILED = "failed", "Failed"


class SignalBulk(TenantModel):
    """One act on many signals: those that the address of the inbox leaves and that were there when it was asked for.

    `after` is the last signal dealt with, so that a worker that dies half-way is followed by one that goes on.
    """

    action = models.CharField(max_length=16)
    values = models.JSONField(default=dict)
    query = models.JSONField(default=dict)
    owner = models.UUIDField(null=True)
    status = models.CharField(max_length=16, choices=BulkStatus, default=BulkStatus.RUNNING)
    total = models.PositiveIntegerField()
    changed = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    after = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    asked_label = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "due_at"], name="signal_bulk_due")]

    def __str__(self) -> str:
        return f"{self.action} {self.created_at:%Y-%m-%d %H:%M}"


class DayClose(TenantModel):
    """A day of the tenant's calendar that has begun: its accounts are evaluated although nothing happened to them.

    `after` is the last account that is marked, so that a worker that dies half-way is followed by one that goes on.
    """

    day = models.DateField()
    after = models.UUIDField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "day"], name="day_close_key")]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"
