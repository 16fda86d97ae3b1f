"""What keeps messages back whoever wants them: the global holdout, and stops."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Holdout(TenantModel):
    """An account's place in the global holdout, drawn at first sight and kept, whatever the share becomes later."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    bucket = models.PositiveSmallIntegerField()
    held_out = models.BooleanField()
    drawn_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "account"], name="holdout_key")]

    def __str__(self) -> str:
        return f"{self.account_id}: {'held out' if self.held_out else 'treated'}"


class StopKind(models.TextChoices):
    PERSON = "person", "Somebody stopped it"
    COMPLAINTS = "complaints", "Too many complaints"
    BOUNCES = "bounces", "Too many dead addresses"
    BLAST = "blast", "Too many contacts at once"


class Stop(TenantModel):
    """Sending that is stopped, for everything or for one group of messages (a journey's), until somebody decides.

    `figures` is what was measured when it stopped by itself. A *blast* that was let go lets its group go on for a day.
    """

    kind = models.CharField(max_length=16, choices=StopKind)
    group_id = models.UUIDField(null=True)
    label = models.CharField(max_length=200, blank=True)
    why = models.CharField(max_length=300, blank=True)
    figures = models.JSONField(default=dict)
    began_at = models.DateTimeField(default=timezone.now)
    began_by = models.CharField(max_length=200)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    # lifted: what it held goes on; withdrawn: what it held is taken back.
    outcome = models.CharField(max_length=16, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "group_id"],
                name="stop_open",
                condition=models.Q(ended_at__isnull=True),
                nulls_distinct=False,
            )
        ]
        indexes = [models.Index(fields=["tenant", "-began_at", "-id"], name="stop_recent")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.label or 'everything'}"

    @property
    def is_automatic(self) -> bool:
        return self.kind in (StopKind.COMPLAINTS, StopKind.BOUNCES)
