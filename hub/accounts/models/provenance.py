from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hub.accounts.models.account import Account
from hub.accounts.models.attributes import AttributeEntity
from hub.accounts.models.contact import Contact
from hub.accounts.words import Rule, RuleKind
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class WinKind(models.TextChoices):
    NEWEST = RuleKind.NEWEST, "The newest word wins"
    ORDER = RuleKind.ORDER, "Sources in an order"
    HAND = RuleKind.HAND, "A person's word stays"


class SourceRule(TenantModel):
    """Which source wins for a field of accounts or contacts; without a field, for all that have no rule of their own.

    `order` names sources, the strongest first. `hand_days`: for how long a person's word stays, NULL for good.
    """

    entity = models.CharField(max_length=8, choices=AttributeEntity)
    field = models.CharField(max_length=70, blank=True)
    kind = models.CharField(max_length=8, choices=WinKind)
    order = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    hand_days = models.PositiveSmallIntegerField(null=True, blank=True)
    changed_by = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)
    # When a worker was last asked to decide by it: a person's word that stays for days must end by itself.
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "entity", "field"], name="source_rule_key")]

    def __str__(self) -> str:
        return f"{self.entity} {self.field or 'all fields'}: {self.kind}"

    @property
    def rule(self) -> Rule:
        return Rule(RuleKind(self.kind), tuple(self.order), self.hand_days)


class ConflictState(models.TextChoices):
    OPEN = "open", "Open"
    # They still say different things, and a person has decided since.
    SETTLED = "settled", "Decided by hand"
    CLOSED = "closed", "They agree"


class FieldConflict(TenantModel):
    """Two sources that say different things of one field: the word that wins, and the newest that contradicts it.

    One live row per object and field, kept up to date; closed when they agree.
    """

    entity = models.CharField(max_length=8, choices=AttributeEntity)
    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    field = models.CharField(max_length=70)
    state = models.CharField(max_length=8, choices=ConflictState, default=ConflictState.OPEN)
    winner_source = models.CharField(max_length=80)
    winner_value = models.JSONField(null=True)
    winner_at = models.DateTimeField()
    other_source = models.CharField(max_length=80)
    other_value = models.JSONField(null=True)
    other_at = models.DateTimeField()
    # The rule that decided, in words.
    rule = models.CharField(max_length=300)
    opened_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "field"],
                name="field_conflict_account",
                condition=models.Q(contact__isnull=True, closed_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["tenant", "contact", "field"],
                name="field_conflict_contact",
                condition=models.Q(contact__isnull=False, closed_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "-id"], name="field_conflict_state"),
            models.Index(fields=["tenant", "state", "entity", "field", "-id"], name="field_conflict_field"),
            models.Index(fields=["tenant", "account", "-id"], name="field_conflict_of"),
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.winner_source} against {self.other_source}"


class DecisionDue(TenantModel):
    """Stored values that must be decided anew: by a rule that changed, or because a source was withdrawn.

    A worker's row; `reached` is the id up to which it has come. It stays as history.
    """

    entity = models.CharField(max_length=8, choices=AttributeEntity)
    field = models.CharField(max_length=70, blank=True)
    # The source that is withdrawn; empty: a rule changed.
    source = models.CharField(max_length=80, blank=True)
    reached = models.UUIDField(null=True)
    looked_at = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "asked_at"], name="decision_due_open", condition=models.Q(finished_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.field} {self.source}"


class SourceAlarm(TenantModel):
    """An episode in which a source was quiet or failing: one open row per source, cleared when data comes.

    `kind` and `key` name what is watched (a write key, a connection, a mapping that imports come by).
    """

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=200)
    label = models.CharField(max_length=200)
    reason = models.CharField(max_length=300)
    # The last time that something good came.
    last_at = models.DateTimeField(null=True)
    raised_at = models.DateTimeField(default=timezone.now)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "key"],
                name="source_alarm_open",
                condition=models.Q(cleared_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"
