"""What is kept about the event doors themselves: how much came by which key, and which events exist."""

from __future__ import annotations

from django.db import models

from hub.people.models import Credential
from hub.tenancy.models import TenantModel


class DoorVolume(TenantModel):
    """What one web process took in by one key in one hour (UTC).

    A row per process: two of them adding to the same row would wait for each other's commits.
    """

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="+", db_index=False)
    hour = models.DateTimeField()
    process = models.CharField(max_length=80)
    requests = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "hour", "credential", "process"], name="door_volume_key")
        ]

    def __str__(self) -> str:
        return f"{self.credential_id} {self.hour:%Y-%m-%d %H}:00 {self.events}"


class EventSchema(TenantModel):
    """An event that the tenant's product sends: since when, and the properties and types seen on it.

    `properties` maps ``name:type`` to an example, "" where the value might say something about a person.
    """

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    properties = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "name"], name="event_schema_key")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
