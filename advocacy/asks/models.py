"""What customers are asked to do for the tenant, and what they answered."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class AskKind(models.TextChoices):
    TESTIMONIAL = "testimonial", "Testimonial"
    REVIEW = "review", "Review"
    CALL = "call", "Reference call"
    LOGO = "logo", "Logo"
    CASE_STUDY = "case_study", "Case study"
    BLOG = "blog", "Blog post"
    TALK = "talk", "Talk"
    WEBINAR = "webinar", "Webinar"
    COMMUNITY = "community", "Community expert"
    BOARD = "board", "Customer advisory board"
    REFERRAL = "referral", "Referral"


class AskLevel(models.TextChoices):
    REFERENCE = "reference", "Reference"
    ADVOCATE = "advocate", "Advocate"
    AMBASSADOR = "ambassador", "Ambassador"


LEVEL_OF = {
    **dict.fromkeys((AskKind.TESTIMONIAL, AskKind.REVIEW, AskKind.CALL, AskKind.LOGO), AskLevel.REFERENCE),
    **dict.fromkeys(
        (AskKind.CASE_STUDY, AskKind.BLOG, AskKind.TALK, AskKind.WEBINAR, AskKind.COMMUNITY), AskLevel.ADVOCATE
    ),
    **dict.fromkeys((AskKind.BOARD, AskKind.REFERRAL), AskLevel.AMBASSADOR),
}


class AskStatus(models.TextChoices):
    OPEN = "open", "Open"
    ACCEPTED = "accepted", "Yes"
    DECLINED = "declined", "Not now"


class Ask(TenantModel):
    """A contact is asked for something, once per `cause`; the answer is theirs, in the hub."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="asks", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="asks", db_index=False)
    kind = models.CharField(max_length=16, choices=AskKind)
    level = models.CharField(max_length=16, choices=AskLevel)
    text = models.TextField(blank=True)
    cause = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=AskStatus, default=AskStatus.OPEN)
    answer = models.TextField(blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "cause"], name="ask_cause")]
        indexes = [
            models.Index(fields=["tenant", "contact", "-asked_at"], name="ask_contact"),
            models.Index(fields=["tenant", "account", "-asked_at"], name="ask_account"),
            models.Index(fields=["tenant", "-asked_at"], name="ask_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.contact_id}"
