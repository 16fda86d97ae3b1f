"""What customers say: support tickets and survey answers."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from hub.accounts.models import Account, Contact, SourcedModel
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class TicketPriority(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    URGENT = "urgent", "Urgent"


class TicketStatus(models.TextChoices):
    OPEN = "open", "Open"
    PENDING = "pending", "Waiting for the customer"
    ON_HOLD = "on_hold", "On hold"
    SOLVED = "solved", "Solved"
    CLOSED = "closed", "Closed"


class TicketKind(models.TextChoices):
    QUESTION = "question", "Question"
    INCIDENT = "incident", "Incident"
    PROBLEM = "problem", "Problem"
    TASK = "task", "Task"
    FEATURE = "feature", "Feature request"


class Ticket(SourcedModel):
    """A support ticket; open while `closed_at` is NULL, whatever the source calls its state."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="tickets", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    subject = models.CharField(max_length=300, blank=True)
    priority = models.CharField(max_length=16, choices=TicketPriority, default=TicketPriority.MEDIUM)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    first_response_minutes = models.PositiveIntegerField(null=True, blank=True)
    resolution_hours = models.FloatField(null=True, blank=True)
    csat = models.PositiveSmallIntegerField(null=True, blank=True)  # 1–5
    escalated = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=TicketStatus, blank=True)
    kind = models.CharField(max_length=16, choices=TicketKind, blank=True)
    channel = models.CharField(max_length=50, blank=True)
    assignee = models.CharField(max_length=200, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    url = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="ticket_key")]
        indexes = [models.Index(fields=["tenant", "account", "-opened_at"], name="ticket_account")]

    def __str__(self) -> str:
        return self.subject or self.external_id


class SurveyResponse(SourcedModel):
    """An answer to one question: NPS 0–10 or CSAT 1–5, with the person's own words."""

    class Kind(models.TextChoices):
        NPS = "nps", "NPS"
        CSAT = "csat", "CSAT"

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="survey_responses", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    score = models.SmallIntegerField()
    comment = models.TextField(blank=True)
    # What was asked, and about what (a ticket's external id, a feature, a moment).
    question = models.CharField(max_length=300, blank=True)
    topic = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=50, blank=True)
    answered_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="survey_response_key"),
            models.CheckConstraint(
                condition=models.Q(kind="nps", score__range=(0, 10)) | models.Q(kind="csat", score__range=(1, 5)),
                name="survey_response_score",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "account", "kind", "-answered_at"], name="survey_response_account")]

    def __str__(self) -> str:
        return f"{self.kind} {self.score}"


class ReadText(TenantModel):
    """What was read in a text of a customer. The text itself stays where it is (`text_sources` finds it again)."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=32)  # the key of a text source
    object_id = models.UUIDField()
    at = models.DateTimeField()  # when it was written
    language = models.CharField(max_length=8, blank=True)  # "": not known
    sentiment = models.FloatField(null=True)  # −1 to 1; NULL: not read in this language
    feeling = models.CharField(max_length=8, blank=True)
    themes = ArrayField(models.CharField(max_length=40), default=list)
    confidence = models.JSONField(default=dict)  # theme → 0 to 1
    version = models.CharField(max_length=40)  # of the reader
    read_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "object_id"], name="read_text_key")]
        indexes = [
            models.Index(fields=["tenant", "account", "at"], name="read_text_account"),
            models.Index(fields=["tenant", "at"], name="read_text_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class TextDue(TenantModel):
    """A text was written, changed or taken away; written with it, taken by the worker that reads it.

    `quiet`: it is history, what it makes true is no news.
    """

    kind = models.CharField(max_length=32)
    object_id = models.UUIDField()
    quiet = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class TextPass(TenantModel):
    """How far all texts of a kind have been read by a version of the reader."""

    kind = models.CharField(max_length=32)
    version = models.CharField(max_length=40, blank=True)
    after = models.UUIDField(null=True)
    done = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind"], name="text_pass_key")]

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class TextTheme(TenantModel):
    """A theme of the tenant's own, or one that ships with phrases of its own."""

    key = models.CharField(max_length=40)
    title = models.CharField(max_length=80)
    phrases = ArrayField(models.CharField(max_length=80), default=list)
    is_off = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="text_theme_key")]

    def __str__(self) -> str:
        return self.title
