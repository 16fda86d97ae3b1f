"""The roster: contacts who may speak for the tenant, and why they were put forward."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from advocacy.asks.models import Ask
from advocacy.resources.models import Resource, ResourceUnlock
from hub.accounts.models import Account, Contact
from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel

__all__ = ["Ask", "Candidate", "CandidateStatus", "Resource", "ResourceUnlock"]


class CandidateStatus(models.TextChoices):
    CANDIDATE = "candidate", "Candidate"
    INVITED = "invited", "Invited"
    DECLINED = "declined", "Not now"


class Candidate(TenantModel):
    """A contact put forward as an advocate, with the reason as it was when they qualified.

    A person decides what comes next; an asked or declined candidate is never put forward again by the machine.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="candidates")
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="candidacies", db_index=False)
    status = models.CharField(max_length=16, choices=CandidateStatus, default=CandidateStatus.CANDIDATE)
    reason = models.TextField()
    evidence = models.JSONField(default=dict)
    # False once the reason no longer holds (a newer, lower NPS answer): shown greyed, kept for the record.
    qualifies = models.BooleanField(default=True)
    found_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    decision_note = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "contact"], name="candidate_key")]
        indexes = [models.Index(fields=["tenant", "status", "-found_at"], name="candidate_status")]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.status}"
