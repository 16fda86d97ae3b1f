"""Plays with their versions, what was chosen for an account and why, and the accounts that are to be looked at."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel
from signals.models import Signal


class Play(TenantModel):
    """An action that next best action can choose. What it does and when is in `terms` (journeys/decisions/terms.py).

    `version` numbers the terms; those before stay in `PlayVersion`. Outcomes count from `learns_since` on: another
    action begins to learn anew.
    """

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    is_on = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    terms = models.JSONField(default=dict)
    learns_since = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="play_key")]

    def __str__(self) -> str:
        return self.name


class PlayVersion(TenantModel):
    """A play's terms as they were, for choices that point at them. The app's role may insert and read, nothing else."""

    play = TenantForeignKey(Play, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    terms = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "play", "number"], name="play_version_key")]

    def __str__(self) -> str:
        return f"{self.play_id} v{self.number}"


class ChoiceStatus(models.TextChoices):
    NOTHING = "nothing", "Nothing done"
    SUGGESTED = "suggested", "Suggested"
    ASKED = "asked", "To review"
    SCHEDULED = "scheduled", "Can be undone"
    DONE = "done", "Done"
    REFUSED = "refused", "Could not be done"
    VETOED = "vetoed", "Vetoed"
    UNDONE = "undone", "Undone"
    LAPSED = "lapsed", "Lapsed"
    HELD_OUT = "held_out", "Held out"


OPEN = (ChoiceStatus.SUGGESTED, ChoiceStatus.ASKED, ChoiceStatus.SCHEDULED)
TO_REVIEW = (ChoiceStatus.SUGGESTED, ChoiceStatus.ASKED)


class VetoReason(models.TextChoices):
    KNOWN = "known", "Already taken care of"
    WRONG_TIME = "wrong_time", "Not the right time"
    WRONG_PLAY = "wrong_play", "Not the right play"
    NOT_TRUE = "not_true", "What it is based on is not true"
    OTHER = "other", "Other"


class Choice(TenantModel):
    """What was decided for an account on a day, for one cause: the whole input, the verdict on every play, the choice.

    `given` is what was known (journeys/decisions/given.py), `verdicts` what came of it; deciding again from `given`
    gives the same. `cause` is ``day`` or ``signal:<id>``. While `status` is scheduled, the effect begins at `due_at`
    and can be undone until then. `success` is what the play learns from; `met` is the measure that accounts which got
    nothing can reach as well.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="choices", db_index=False)
    day = models.DateField()
    cause = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    given = models.JSONField(default=dict)
    verdicts = models.JSONField(default=list)
    # Equal where the same was decided from the same reasons: told once a day, not for every event.
    digest = models.CharField(max_length=64, blank=True)

    play = TenantForeignKey(Play, on_delete=models.PROTECT, null=True, related_name="choices", db_index=False)
    play_version = models.PositiveIntegerField(default=0)
    signal = TenantForeignKey(Signal, on_delete=models.CASCADE, null=True, related_name="+")
    purpose = models.CharField(max_length=32, blank=True)
    chance = models.FloatField(null=True)
    worth_minor = models.BigIntegerField(default=0)
    score_minor = models.BigIntegerField(default=0)
    why = models.CharField(max_length=300, blank=True)

    status = models.CharField(max_length=16, choices=ChoiceStatus, default=ChoiceStatus.NOTHING)
    # A reason code: why nothing was done, why it could not be done, why it was vetoed.
    reason = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=300, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    reviewed_label = models.CharField(max_length=200, blank=True)
    # What a reviewer changed: "assignee".
    edits = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=300, blank=True)

    checks_at = models.DateTimeField(null=True)
    settles_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    success = models.BooleanField(null=True)
    met = models.BooleanField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "account", "day", "cause"], name="choice_key"),
            models.UniqueConstraint(
                fields=["tenant", "account"],
                name="choice_open",
                condition=models.Q(status__in=["suggested", "asked", "scheduled"]),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "account", "-at", "-id"], name="choice_account"),
            models.Index(fields=["tenant", "status", "-at", "-id"], name="choice_status"),
            models.Index(fields=["tenant", "day", "id"], name="choice_day"),
            models.Index(fields=["tenant", "play", "-at"], name="choice_play", condition=models.Q(play__isnull=False)),
            models.Index(fields=["tenant", "due_at"], name="choice_due", condition=models.Q(due_at__isnull=False)),
            models.Index(
                fields=["tenant", "checks_at"], name="choice_checks", condition=models.Q(checks_at__isnull=False)
            ),
            models.Index(
                fields=["tenant", "expires_at"], name="choice_expires", condition=models.Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}: {self.status}"

    @property
    def action_cause(self) -> str:
        """The idempotency key of its effect."""
        return f"choice:{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class DecisionTurn(TenantModel):
    """That an account is to be looked at: after a signal at once, otherwise once a day. `day` is when it last was."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    cause = models.CharField(max_length=64)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="decision_turn_account")]
        indexes = [
            models.Index(
                fields=["tenant", "due_at"], name="decision_turn_due", condition=models.Q(due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.cause}"


class ReviewDigest(TenantModel):
    """That a person was told by mail, on a day, what waits for review; one row without a day says *no mail*."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField(null=True)
    waiting = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "day"], name="review_digest_key", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.day}"
