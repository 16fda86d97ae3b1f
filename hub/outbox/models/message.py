"""Messages on their way and delivered, and the ledger of attempts."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.outbox.gates import COUNTED, MessageClass, Purpose
from hub.tenancy.fields import TenantForeignKey
from hub.tenancy.models import TenantModel


class MessageStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    HELD = "held", "Held"
    CLEARED = "cleared", "Cleared"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    UNKNOWN = "unknown", "Unknown"
    FAILED = "failed", "Failed"
    WITHHELD = "withheld", "Withheld"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


# What can still be taken back. *Cleared* has passed the gates and is next in line of the worker that holds it.
WAITING = (MessageStatus.PENDING, MessageStatus.HELD, MessageStatus.CLEARED)
# A worker that claims a message has it for so long.
LEASE = timedelta(seconds=30)
COUNTED_CLASSES = tuple(sorted(COUNTED))
# What a contact has, may have, or is about to have in front of them: the pressure that caps count.
FELT = (MessageStatus.CLEARED, MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.UNKNOWN)


class Message(TenantModel):
    """One message to one contact by one channel: first what is to be sent, then what became of it.

    `key` is made of cause, node, visit, contact and channel: what asks twice for a message gets the same one. `due_at`
    says when a worker looks at the row: the time it is due, the end of a hold, or, while it is cleared or being sent,
    the end of the lease; it is NULL as soon as nothing is to be done, and the row leaves the hot index. `fence` numbers
    the claims; only the latest claim may write. `body_html` and `body_text` are what the person sees, without the
    frame that the channel puts around it.
    """

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="messages", db_index=False)
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="messages", db_index=False)
    key = models.CharField(max_length=300)
    channel = models.CharField(max_length=32)
    message_class = models.CharField(max_length=16, choices=[(c.value, c.value.title()) for c in MessageClass])
    purpose = models.CharField(max_length=32, choices=[(p.value, p.value.replace("_", " ")) for p in Purpose])
    topic = models.CharField(max_length=64, blank=True)
    subject = models.CharField(max_length=300)
    body_html = models.TextField()
    body_text = models.TextField()
    action_url = models.CharField(max_length=500, blank=True)

    status = models.CharField(max_length=16, choices=MessageStatus, default=MessageStatus.PENDING)
    reason = models.CharField(max_length=200, blank=True)
    wanted_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    # When it was cleared, then when it was handed to the channel; from then on it counts in the pressure ledger.
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True)

    # The chain back to the signal. `cause` names the app's origin (hub/outbox/origins.py), `cause_id` its row.
    cause = models.CharField(max_length=32, blank=True)
    cause_id = models.UUIDField(null=True)
    cause_label = models.CharField(max_length=200, blank=True)
    # What it is one of many of, such as the journey: stopped together, and counted together.
    group_id = models.UUIDField(null=True)
    step_run_id = models.UUIDField(null=True)
    signal_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="message_key"),
            models.CheckConstraint(
                condition=models.Q(due_at__isnull=True) | models.Q(status__in=[*WAITING, MessageStatus.SENDING]),
                name="message_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "due_at", "id"], name="message_due_at", condition=models.Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["tenant", "account", "sent_at"],
                name="message_pressure",
                condition=models.Q(sent_at__isnull=False, message_class__in=COUNTED_CLASSES),
            ),
            models.Index(
                fields=["tenant", "account", "cause_id"],
                name="message_open",
                condition=models.Q(status__in=["pending", "held", "cleared", "sending"]),
            ),
            models.Index(fields=["tenant", "-created_at", "-id"], name="message_recent"),
            models.Index(fields=["tenant", "status", "-created_at", "-id"], name="message_status"),
            models.Index(fields=["tenant", "account", "-created_at", "-id"], name="message_account"),
            models.Index(fields=["tenant", "contact", "channel", "-created_at"], name="message_contact"),
            models.Index(fields=["tenant", "cause_id"], name="message_cause"),
            models.Index(
                fields=["tenant", "group_id", "created_at"],
                name="message_group",
                condition=models.Q(group_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def is_open(self) -> bool:
        return self.status in (*WAITING, MessageStatus.SENDING)


class Delivery(TenantModel):
    """The ledger: one row per attempt to hand a message to its channel, written before the call."""

    account = TenantForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    attempt = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    # sending, sent, retry, failed, bounced, unknown
    outcome = models.CharField(max_length=16, default="sending")
    detail = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "message", "attempt"], name="delivery_key")]
        indexes = [models.Index(fields=["tenant", "account", "-started_at"], name="delivery_account")]

    def __str__(self) -> str:
        return f"attempt {self.attempt}: {self.outcome}"
