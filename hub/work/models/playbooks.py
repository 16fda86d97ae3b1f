from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.people.models import User
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class Clock(models.TextChoices):
    """Which hours count until a task has to be answered."""

    CALENDAR = "calendar", "every hour counts"
    BUSINESS = "business", "only hours of working days count"


class Playbook(TenantModel):
    """How a kind of task is done. What people work by is a version of it, which never changes."""

    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=300, blank=True)
    live = models.PositiveIntegerField(default=1)
    ships = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="playbook_key")]

    def __str__(self) -> str:
        return self.name


class PlaybookVersion(TenantModel):
    """What a playbook says from a moment on: steps `[{"key", "text"}]` in order, links `[{"label", "url"}]`.

    `respond_hours` None means the tenant's own figure, an empty `clock` the tenant's own clock.
    """

    playbook = TenantForeignKey(Playbook, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    steps = models.JSONField(default=list)
    talk_track = models.TextField(blank=True)
    links = models.JSONField(default=list, blank=True)
    respond_hours = models.PositiveIntegerField(null=True, blank=True)
    clock = models.CharField(max_length=16, choices=Clock, blank=True)
    saved_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "playbook", "number"], name="playbook_version")]

    def __str__(self) -> str:
        return f"{self.playbook_id} v{self.number}"
