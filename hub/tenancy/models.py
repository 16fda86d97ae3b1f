"""Tenant, the base class of every tenant table, and the two global tables that workers start from."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.core.validators import RegexValidator
from django.db import models

from hub.tenancy.fields import TenantField
from hub.tenancy.ids import uuid7
from hub.tenancy.managers import TenantManager, check_tenant

slug_validator = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", "lower-case letters, digits and hyphens, at most 63"
)


class Tenant(models.Model):
    """A company that uses Tandem. Global: the only table that names all of them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=63, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="USD")
    locale = models.CharField(max_length=16, default="en-US")
    brand_color = models.CharField(max_length=7, blank=True, default="")
    # Switches with documented defaults (docs/settings.md): caps, quiet hours, week start, identify policy …
    settings = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    # Whether any sending is stopped, kept by hub.outbox: every page says so, and nobody should ask a table for it.
    sending_stopped = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class TenantModel(models.Model):
    """Base of every row that belongs to a tenant: UUIDv7 id, the tenant, the raising manager.

    Rows that are ``derived`` follow from others by themselves: they go with the account, and keep nobody from taking it
    away again.
    """

    derived: ClassVar[bool] = False

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = TenantField()

    objects: ClassVar[TenantManager] = TenantManager()

    class Meta:
        abstract = True
        # Deletes, refresh_from_db and related access go through the base manager: the tenant must be in that SQL too.
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        check_tenant(self)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        check_tenant(self)
        # Model.delete() names only the id; the queryset adds the tenant.
        deleted: tuple[int, dict[str, int]] = type(self).objects.filter(pk=self.pk).delete()
        return deleted


class TenantWork(models.Model):
    """Which tenant has something due in which queue: workers look here, then claim inside the tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    queue = models.CharField(max_length=32)
    next_due_at = models.DateTimeField(null=True)
    # Set when a wake-up is queued, cleared before draining: one wake-up in flight per tenant and queue.
    queued_at = models.DateTimeField(null=True)
    # A wake-up that comes earlier waits until then (wake.py, `Queue.rest`).
    rests_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "queue"], name="tenant_work_key")]
        indexes = [
            models.Index(
                fields=["queue", "next_due_at"],
                name="tenant_work_due",
                condition=models.Q(next_due_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id}/{self.queue}"


class ClockSlot(models.Model):
    """One row per schedule and slot of time: the unique key makes a second clock harmless."""

    schedule = models.CharField(max_length=64)
    slot = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "slot"], name="clock_slot_key")]

    def __str__(self) -> str:
        return f"{self.schedule}@{self.slot:%Y-%m-%dT%H:%M:%S}"


class Heartbeat(models.Model):
    """Last sign of life of a kind of process (worker, clock), read by /readyz and doctor."""

    process = models.CharField(max_length=64, unique=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.process
