"""Drafts of journeys with their revisions, and publishing that waits for a second person."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class JourneyDraft(TenantModel):
    """The graph of a journey as it is being built: `revision` is the one shown, `base` the live version it came from.

    Numbers of revisions are never given twice, so a revision's number says which graph somebody has seen.
    """

    journey = TenantForeignKey("journeys.Journey", on_delete=models.CASCADE, related_name="drafts", db_index=False)
    revision = models.PositiveIntegerField(default=0)
    latest = models.PositiveIntegerField(default=0)
    base = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "journey"], name="journey_draft_key")]

    def __str__(self) -> str:
        return f"draft, revision {self.revision}"


class DraftRevision(TenantModel):
    """A graph that the draft was, what was done to get it, and the revision it was made from: undo goes back there."""

    draft = TenantForeignKey(JourneyDraft, on_delete=models.CASCADE, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    parent = models.PositiveIntegerField(default=0)
    graph = models.JSONField()
    words = models.CharField(max_length=300)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "draft", "number"], name="draft_revision_key")]

    def __str__(self) -> str:
        return f"revision {self.number}: {self.words}"


class PublishRequest(TenantModel):
    """Publishing that waits for a second person, because it reaches many. One is open per journey at a time."""

    class State(models.TextChoices):
        OPEN = "open", "Waits for a second person"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        STALE = "stale", "The draft was changed meanwhile"

    journey = TenantForeignKey("journeys.Journey", on_delete=models.CASCADE, related_name="+", db_index=False)
    revision = models.PositiveIntegerField()
    base = models.PositiveIntegerField()
    recipients = models.PositiveIntegerField()
    note = models.CharField(max_length=300, blank=True)
    withdraw = models.BooleanField(default=False)
    redirects = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "journey"], name="publish_request_open", condition=models.Q(state="open")
            )
        ]

    def __str__(self) -> str:
        return f"{self.journey_id}: {self.state}"
