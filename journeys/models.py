"""Journeys and their published versions, the accounts inside, what each step did, and why anything was (not) done."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.outbox.gates import Purpose
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel
from journeys.decisions.models import Choice, DecisionTurn, Play, PlayVersion, ReviewDigest
from journeys.drafts.models import DraftRevision, JourneyDraft, PublishRequest
from journeys.experiments.models import Assignment, Experiment, Phase
from journeys.surveys.models import SurveyInvite
from signals.models import Signal

__all__ = [
    "Assignment",
    "Choice",
    "Decision",
    "DecisionTurn",
    "DraftRevision",
    "Enrollment",
    "EnrollmentStatus",
    "Experiment",
    "Journey",
    "JourneyDraft",
    "JourneyStatus",
    "JourneyVersion",
    "Phase",
    "Play",
    "PlayVersion",
    "PublishRequest",
    "ReviewDigest",
    "StepRun",
    "SurveyInvite",
]


class JourneyStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ARCHIVED = "archived", "Archived"


class Journey(TenantModel):
    """A journey by its stable key. What it does is in its published versions; `live` is the number of the current one.

    `hypothesis` registers what it is for: input, accounts, baseline, expected_change, by_when, measure, comparison.
    """

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    purpose = models.CharField(max_length=32, choices=[(p.value, p.value.replace("_", " ")) for p in Purpose])
    owner = models.CharField(max_length=16, default="marketing")  # cs (one-to-one), marketing (one-to-many)
    hypothesis = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=16, choices=JourneyStatus, default=JourneyStatus.DRAFT)
    live = models.PositiveIntegerField(default=0)
    # Percent of the accounts that walk with its effects off, drawn among those that the global holdout leaves.
    holdout_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=timezone.now)
    paused_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="journey_key")]

    def __str__(self) -> str:
        return self.name


class JourneyVersion(TenantModel):
    """A published graph (journeys/graph.py). Immutable: the app's role may insert and read, nothing else."""

    journey = TenantForeignKey(Journey, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    graph = models.JSONField()
    note = models.CharField(max_length=300, blank=True)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    published_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "journey", "number"], name="journey_version_key")]

    def __str__(self) -> str:
        return f"version {self.number}"


class EnrollmentStatus(models.TextChoices):
    ACTIVE = "active", "Inside"
    FINISHED = "finished", "Finished"
    EXITED = "exited", "Left"
    FAILED = "failed", "Failed"


class Enrollment(TenantModel):
    """An account inside a journey: where it stands, and until when it rests there.

    `visit` numbers the positions it has had; every write of a step is fenced by it. While it rests, `rests_since` is
    set and `due_at` is the end of the rest, or NULL when only a signal ends it; `wait` keeps the rule, the zone and
    the start from which `due_at` was computed, so that it can be computed again. `port` is the way out that a signal
    has chosen. `slot` says what may not be twice: "once" for ever, a key for ever, "running" while inside.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="enrollments", db_index=False)
    journey = TenantForeignKey(Journey, on_delete=models.PROTECT, related_name="enrollments", db_index=False)
    version = models.PositiveIntegerField()
    node_id = models.CharField(max_length=40)
    visit = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=16, choices=EnrollmentStatus, default=EnrollmentStatus.ACTIVE)
    # Why it ended: completed, goal_met, exit_rule, journey_changed, removed, or an error.
    reason = models.CharField(max_length=200, blank=True)
    entered_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    rests_since = models.DateTimeField(null=True)
    wait = models.JSONField(default=dict)
    awaits = models.CharField(max_length=64, blank=True)
    port = models.CharField(max_length=32, blank=True)
    slot = models.CharField(max_length=200, blank=True)
    # What it began with (`Cause`): only who came by a segment leaves with it.
    cause = models.CharField(max_length=16, default="signal", db_default="signal")
    signal = TenantForeignKey(Signal, on_delete=models.PROTECT, null=True, related_name="+")
    depth = models.PositiveSmallIntegerField(default=0)
    held_out = models.BooleanField(default=False)
    # The goal was met before entry: reaching it is no conversion of this enrollment's.
    goal_before = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "journey", "account", "slot"],
                name="enrollment_slot",
                condition=~models.Q(slot=""),
            ),
            models.CheckConstraint(
                condition=models.Q(due_at__isnull=True) | models.Q(status=EnrollmentStatus.ACTIVE),
                name="enrollment_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "account", "due_at"],
                name="enrollment_due_at",
                condition=models.Q(due_at__isnull=False),
            ),
            models.Index(fields=["tenant", "due_at"], name="enrollment_next", condition=models.Q(due_at__isnull=False)),
            models.Index(
                fields=["tenant", "account", "journey"],
                name="enrollment_active",
                condition=models.Q(status="active"),
            ),
            models.Index(fields=["tenant", "journey", "status", "node_id"], name="enrollment_place"),
            models.Index(fields=["tenant", "account", "-entered_at"], name="enrollment_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.journey_id} at {self.node_id}"


class StepRun(TenantModel):
    """What happened when an account left a node: outcome, reason code, evidence, the version that said so."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    enrollment = TenantForeignKey(Enrollment, on_delete=models.CASCADE, related_name="steps", db_index=False)
    journey = TenantForeignKey(Journey, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.PositiveIntegerField()
    node_id = models.CharField(max_length=40)
    visit = models.PositiveIntegerField()
    kind = models.CharField(max_length=32)
    outcome = models.CharField(max_length=16)  # done, skipped, failed
    port = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    evidence = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "enrollment", "node_id", "visit"], name="step_run_key")
        ]
        indexes = [
            models.Index(fields=["tenant", "journey", "node_id"], name="step_run_node"),
            models.Index(fields=["tenant", "account", "-finished_at"], name="step_run_account"),
        ]

    def __str__(self) -> str:
        return f"{self.node_id}: {self.outcome}"


class Cause(models.TextChoices):
    """What lets accounts into journeys."""

    SIGNAL = "signal", "A signal"
    SEGMENT = "segment", "A segment joined or left"
    EXISTING = "existing", "In the segment when it was published"
    DATE = "date", "A date of the account"
    MANUAL = "manual", "By hand"
    API = "api", "By a program"
    JOURNEY = "journey", "Another journey"
    CHOICE = "choice", "Next best action"


class Decision(TenantModel):
    """What was made of one signal: the journeys that came into question, what spoke against each, and the choice.

    Where something else than a signal came, `cause` says what, `key` names it (told twice, it is decided once) and
    `label` says it to people.

    `candidates`: ``[{"journey": key, "name", "purpose", "verdict": entered | refused, "reason": code, "text"}]``.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    signal = TenantForeignKey(Signal, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    cause = models.CharField(max_length=16, choices=Cause, default=Cause.SIGNAL, db_default="signal")
    key = models.CharField(max_length=200, blank=True, db_default="")
    label = models.CharField(max_length=300, blank=True, db_default="")
    at = models.DateTimeField(default=timezone.now)
    candidates = models.JSONField(default=list)
    chosen = TenantForeignKey(Journey, on_delete=models.PROTECT, null=True, related_name="+")
    enrollment = TenantForeignKey(Enrollment, on_delete=models.CASCADE, null=True, related_name="+")
    # entered, resumed (a waiting account went on), or the reason code of doing nothing.
    outcome = models.CharField(max_length=64)
    why = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "signal"], name="decision_signal"),
            models.UniqueConstraint(
                fields=["tenant", "account", "cause", "key"], name="decision_key", condition=~models.Q(key="")
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "account", "-at"], name="decision_account"),
            models.Index(fields=["tenant", "-at"], name="decision_recent"),
        ]

    def __str__(self) -> str:
        return self.outcome


class Intake(TenantModel):
    """Accounts of a segment that a journey takes in at once: those who were there when it was published, or by hand.

    A worker goes through them in the order of their ids; `after` is how far it has come, `due_at` NULL when it is done.
    """

    journey = TenantForeignKey(Journey, on_delete=models.CASCADE, related_name="intakes", db_index=False)
    segment_key = models.CharField(max_length=64)
    cause = models.CharField(max_length=16, choices=Cause)
    asked_label = models.CharField(max_length=200, blank=True)
    after = models.UUIDField(null=True)
    entered = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="intake_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["tenant", "journey", "-made_at"], name="intake_journey"),
        ]

    def __str__(self) -> str:
        return f"{self.segment_key} into {self.journey_id}"
