from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class SurveyKind(models.TextChoices):
    NPS = "nps", "NPS, 0 to 10"
    CSAT = "csat", "CSAT, 1 to 5"


class SurveyInvite(TenantModel):
    """A contact was asked one question, once per `cause`; the answer becomes a survey response of the account."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=SurveyKind)
    question = models.CharField(max_length=300)
    cause = models.CharField(max_length=200)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "cause"], name="survey_invite_cause")]
        indexes = [
            models.Index(fields=["tenant", "contact", "-asked_at"], name="survey_invite_contact"),
            models.Index(fields=["tenant", "account"], name="survey_invite_account"),
        ]

    def __str__(self) -> str:
        return self.question
