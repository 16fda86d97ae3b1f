from __future__ import annotations

from django.db import models

from hub.accounts.models.account import Account
from hub.accounts.models.contact import Contact
from hub.accounts.models.sourced import SourcedModel
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class ActivityKind(models.TextChoices):
    POST = "post", "Post"
    ANSWER = "answer", "Answer"
    COMMENT = "comment", "Comment"
    IDEA = "idea", "Idea"
    VOTE = "vote", "Vote"
    EVENT = "event", "Event attended"
    REVIEW = "review", "Review"
    REFERRAL = "referral", "Referral"


class CommunityActivity(SourcedModel):
    """One act of a customer in a community: a post, an answer, an event attended, a review, a referral."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="community_activities", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=16, choices=ActivityKind)
    title = models.CharField(max_length=300, blank=True)
    url = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="community_activity_key")
        ]
        indexes = [models.Index(fields=["tenant", "account", "-occurred_at"], name="community_activity_account")]

    def __str__(self) -> str:
        return self.title or self.get_kind_display()
