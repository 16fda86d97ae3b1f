"""What customers say: support tickets and survey answers."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class TicketPriority(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    URGENT = "urgent", "Urgent"


class Ticket(TenantModel):
    """A support ticket; open while `closed_at` is NULL."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="tickets", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    subject = models.CharField(max_length=300, blank=True)
    priority = models.CharField(max_length=16, choices=TicketPriority, default=TicketPriority.MEDIUM)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    first_response_minutes = models.PositiveIntegerField(null=True, blank=True)
    resolution_hours = models.FloatField(null=True, blank=True)
    csat = models.PositiveSmallIntegerField(null=True, blank=True)  # 1–5
    escalated = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="ticket_key")]
        indexes = [models.Index(fields=["tenant", "account", "-opened_at"], name="ticket_account")]

    def __str__(self) -> str:
        return self.subject or self.external_id


class SurveyResponse(TenantModel):
    """An answer to one question: NPS 0–10 or CSAT 1–5, with the person's own words."""

    class Kind(models.TextChoices):
        NPS = "nps", "NPS"
        CSAT = "csat", "CSAT"

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="survey_responses", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind)
    score = models.SmallIntegerField()
    comment = models.TextField(blank=True)
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
