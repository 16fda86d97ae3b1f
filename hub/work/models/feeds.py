from __future__ import annotations

from django.db import models
from django.utils import timezone

from hub.people.models import User
from hub.tenancy.models import TenantModel


class CalendarFeed(TenantModel):
    """A person's tasks as a calendar that another program subscribes to; its address is signed and may be revoked."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    # By the hour, so that a calendar that asks every few minutes does not write each time.
    last_read_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="calendar_feed_user")]

    def __str__(self) -> str:
        return str(self.user_id)
