"""Webhooks out: where to, what happened, and every delivery with its attempts."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.fields import SecretField, TenantForeignKey
from hub.tenancy.models import TenantModel
from hub.tenancy.sealing import readable


class EndpointStatus(models.TextChoices):
    ACTIVE = "active", "On"
    OFF = "off", "Off"
    BROKEN = "broken", "Switched off after failures"


class EndpointDialect(models.TextChoices):
    STANDARD = "standard", "Standard Webhooks, signed"
    SLACK = "slack", "Slack, as a message"


class WebhookEndpoint(TenantModel):
    """An address of another system and the kinds of happenings it is told.

    `dialect` says how it is told: Slack's incoming webhooks take a text and nothing else.

    `secret` signs (Standard Webhooks, ``whsec_…``) and is shown once; after a rotation the one before signs beside it
    until `previous_until`. `failing_since` is the first failure after the last success; until `resting_until` one that
    does not answer is left alone.
    """

    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    kinds = ArrayField(models.CharField(max_length=64), default=list)
    dialect = models.CharField(
        max_length=16, choices=EndpointDialect, default=EndpointDialect.STANDARD, db_default="standard"
    )
    secret = SecretField()
    previous_secret = SecretField(blank=True)
    previous_until = models.DateTimeField(null=True)
    status = models.CharField(max_length=16, choices=EndpointStatus, default=EndpointStatus.ACTIVE)
    failing_since = models.DateTimeField(null=True)
    resting_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "status"], name="webhook_endpoint_status")]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def is_active(self) -> bool:
        return self.status == EndpointStatus.ACTIVE

    @property
    def is_resting(self) -> bool:
        return self.is_active and self.resting_until is not None and self.resting_until > timezone.now()

    @property
    def is_readable(self) -> bool:
        """Whether calls can be signed: the secret was not sealed under a key that is gone."""
        return readable(self, "secret")

    def secrets_at(self, moment: object) -> list[str]:
        """The secrets that sign at a moment, the newest first. Raises SecretUnreadable."""
        old = self.previous_until is not None and moment < self.previous_until  # type: ignore[operator]  # datetimes
        return [self.secret, self.previous_secret] if old else [self.secret]


class WebhookEvent(TenantModel):
    """A happening as it is told: the exact bytes, because they are what is signed."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    body = models.TextField()
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "key"], name="webhook_event_key")]
        indexes = [models.Index(fields=["tenant", "created_at"], name="webhook_event_age")]

    def __str__(self) -> str:
        return self.kind


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"


class WebhookDelivery(TenantModel):
    """An event on its way to an endpoint. `due_at` is the next try, or the end of a lease; NULL when nothing is to be
    done, or the endpoint is off. `fence` numbers the claims; only the latest may write."""

    derived = True

    account = TenantForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    endpoint = TenantForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = TenantForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=16, choices=DeliveryStatus, default=DeliveryStatus.WAITING)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        verbose_name_plural = "webhook deliveries"
        constraints = [models.UniqueConstraint(fields=["tenant", "endpoint", "event"], name="webhook_delivery_key")]
        indexes = [
            models.Index(
                fields=["tenant", "endpoint", "due_at"],
                name="webhook_delivery_turn",
                condition=models.Q(due_at__isnull=False),
            ),
            models.Index(fields=["tenant", "endpoint", "-id"], name="webhook_delivery_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.status}"


class WebhookAttempt(TenantModel):
    """One call: what was answered, or why there was no answer. `code` is the HTTP status, 0 without one."""

    delivery = TenantForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    code = models.PositiveSmallIntegerField(default=0)
    detail = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "delivery", "number"], name="webhook_attempt_key")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.code or self.detail}"
