"""Writes of the outbox: messages queued, withdrawn, resolved, read; consent and suppression."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Contact
from hub.accounts.services import timeline_record
from hub.outbox.channels.base import channels
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import WAITING, Consent, ConsentStatus, Message, MessageStatus, Suppression
from hub.outbox.origins import origins
from hub.outbox.rendering import Values, render_message
from hub.people.audit import Actor, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.live import announce
from hub.tenancy.wake import wake

SEND = "send"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a message exists: the app's origin and row, in words, and the step and signal behind it."""

    kind: str = ""
    id: UUID | None = None
    label: str = ""
    step_run_id: UUID | None = None
    signal_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as an app asks for it; `subject` and `body` are Liquid over `values`.

    `key` is unique per tenant and names cause, node, visit, contact and channel: asked twice, it is one message.
    """

    key: str
    contact: Contact
    channel: str
    message_class: MessageClass
    purpose: Purpose
    subject: str
    body: str
    values: Values = field(default_factory=dict)
    topic: str = ""
    action_url: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None
    cause: Cause = Cause()


def message_render(draft: Draft, *, now: datetime) -> Message:
    """The message of a draft, not stored yet; raises TemplateError, and NotRegistered for an unknown channel."""
    channels.get(draft.channel)
    rendered = render_message(subject=draft.subject, body=draft.body, values=draft.values)
    due_at = draft.due_at or now
    return Message(
        key=draft.key,
        account_id=draft.contact.account_id,
        contact_id=draft.contact.pk,
        channel=draft.channel,
        message_class=draft.message_class,
        purpose=draft.purpose,
        topic=draft.topic,
        subject=rendered.subject,
        body_html=rendered.html,
        body_text=rendered.text,
        action_url=draft.action_url,
        wanted_at=due_at,
        due_at=due_at,
        expires_at=draft.expires_at,
        cause=draft.cause.kind,
        cause_id=draft.cause.id,
        cause_label=draft.cause.label[:200],
        step_run_id=draft.cause.step_run_id,
        signal_id=draft.cause.signal_id,
        created_at=now,
    )


def messages_store(messages: Sequence[Message]) -> None:
    """Insert messages, those with known keys excepted, and wake the senders on commit."""
    if not messages:
        return
    Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=500)
    wake(SEND, due_at=min(message.due_at for message in messages if message.due_at))


@transaction.atomic
def message_queue(draft: Draft) -> Message:
    """Render and queue one message; the same key again returns the message there is. Raises TemplateError."""
    messages_store([message_render(draft, now=timezone.now())])
    queued: Message = Message.objects.get(key=draft.key)
    return queued


@transaction.atomic
def messages_withdraw(*, cause_ids: Iterable[UUID], reason: str) -> int:
    """Take back what these causes still have waiting; what is being sent goes on. Returns how many."""
    now = timezone.now()
    waiting = Message.objects.filter(cause_id__in=list(cause_ids), status__in=WAITING)
    withdrawn: int = waiting.update(status=MessageStatus.WITHDRAWN, reason=reason[:200], due_at=None, finished_at=now)
    return withdrawn


@transaction.atomic
def messages_release(*, cause_ids: Iterable[UUID], reason: str) -> int:
    """Look again, now, at messages that `reason` holds; returns how many."""
    held = Message.objects.filter(cause_id__in=list(cause_ids), status=MessageStatus.HELD, reason=reason)
    released: int = held.update(due_at=timezone.now())
    if released:
        wake(SEND)
    return released


RESOLUTIONS = ("arrived", "resend")


@transaction.atomic
def message_resolve(*, message_id: UUID, outcome: str, actor: Actor) -> bool:
    """Settle a message of unknown fate: it *arrived*, or *resend* it under its old key. False when it was settled."""
    if outcome not in RESOLUTIONS:
        raise ValueError(f"an unknown message is resolved as {' or '.join(RESOLUTIONS)}, not {outcome!r}")
    now = timezone.now()
    unknown = Message.objects.filter(pk=message_id, status=MessageStatus.UNKNOWN)
    if outcome == "arrived":
        changed = unknown.update(status=MessageStatus.SENT, reason="resolved:arrived", finished_at=now)
    else:
        changed = unknown.update(
            status=MessageStatus.PENDING, reason="resolved:resend", due_at=now, wanted_at=now, sent_at=None, attempts=0
        )
        wake(SEND)
    if changed:
        audit(actor, "message.resolve", Message.objects.get(pk=message_id), outcome=outcome)
    return bool(changed)


@transaction.atomic
def messages_read(*, contact: Contact) -> int:
    """Mark the contact's messages in the hub as read; returns how many were new."""
    unread = Message.objects.filter(contact=contact, channel="in_hub", status=MessageStatus.SENT, read_at__isnull=True)
    read: int = unread.update(read_at=timezone.now())
    return read


# --- Consent and suppression --------------------------------------------------------------------------------------


@transaction.atomic
def consent_set(
    *, contact: Contact, status: str, source: str, actor: Actor, channel: str = "email", topic: str = ""
) -> Consent:
    """Keep what a contact said about a topic ("" = all) on a channel; a denial stops what is queued, at once."""
    before = Consent.objects.filter(contact=contact, channel=channel, topic=topic).values_list("status", flat=True)
    known = before.first() or ""
    consent, _ = Consent.objects.update_or_create(
        contact=contact,
        channel=channel,
        topic=topic,
        defaults={
            "account_id": contact.account_id,
            "status": ConsentStatus(status),
            "source": source,
            "changed_at": timezone.now(),
        },
    )
    if known != status:
        audit(actor, f"consent.{status}", consent, before=known, channel=channel, topic=topic, source=source)
    if status == ConsentStatus.DENIED:
        _withhold_objected(contact, channel, topic)
    stored: Consent = consent
    return stored


def _withhold_objected(contact: Contact, channel: str, topic: str) -> None:
    waiting = Message.objects.filter(
        contact=contact,
        channel=channel,
        status__in=WAITING,
        message_class__in=[MessageClass.PROGRAMME, MessageClass.RELATIONSHIP],
    )
    if topic:
        waiting = waiting.filter(topic=topic)
    waiting.update(status=MessageStatus.WITHHELD, reason="no_consent", due_at=None, finished_at=timezone.now())


def _signer() -> signing.Signer:
    return signing.Signer(salt="unsubscribe", sep=".")


def unsubscribe_token(message_id: UUID) -> str:
    """What an unsubscribe link or mail carries; signed, so that nobody unsubscribes others, and short for a header."""
    return _signer().sign(urlsafe_b64encode(current_tenant_id().bytes + message_id.bytes).rstrip(b"=").decode())


def unsubscribe_read(token: str) -> tuple[UUID, UUID]:
    """(tenant id, message id) of a token; raises signing.BadSignature."""
    content = urlsafe_b64decode(_signer().unsign(token) + "=")
    return UUID(bytes=content[:16]), UUID(bytes=content[16:])


@transaction.atomic
def unsubscribe(*, message_id: UUID, source: str) -> None:
    """Stop the topic of a message for its contact, queued messages too; the journey goes on."""
    message = Message.objects.select_related("contact").get(pk=message_id)
    actor = Actor("contact", str(message.contact_id), "contact")
    consent_set(
        contact=message.contact,
        status=ConsentStatus.DENIED,
        source=source,
        actor=actor,
        channel=message.channel,
        topic=message.topic,
    )
    timeline_record(
        account_id=message.account_id,
        kind="consent",
        key=f"unsubscribed:{message.pk}",
        title=f"{message.contact} unsubscribed from {message.topic or 'all programme messages'}",
        occurred_at=timezone.now(),
        contact_id=message.contact_id,
        source=source,
    )


def address_hash(address: str) -> str:
    """A keyed hash of an address: it can be compared, not read."""
    content = f"{current_tenant_id()}:{address.strip().lower()}"
    return hmac.new(settings.SECRET_KEY.encode(), content.encode(), hashlib.sha256).hexdigest()


def address_suppress(*, channel: str, address: str, reason: str, detail: str = "") -> None:
    """Never write to an address again, in any class; the first reason stands."""
    Suppression.objects.bulk_create(
        [Suppression(channel=channel, address_hash=address_hash(address), reason=reason, detail=detail[:300])],
        ignore_conflicts=True,
    )


# What a report by the provider makes of a message: from which states, to which, and why.
_REPORTED = {
    "bounced": ((MessageStatus.SENT, MessageStatus.UNKNOWN), MessageStatus.FAILED, "bounced"),
    "delivered": ((MessageStatus.UNKNOWN,), MessageStatus.SENT, "reported:delivered"),
}


@transaction.atomic
def message_reported(message_id: UUID, kind: str) -> Message | None:
    """Take a provider's report on a message: *bounced* after it was sent, or *delivered* although that was unknown.

    None when there is no such message, or the report says nothing new. The caller holds the account's lock, or takes
    no other row of the account.
    """
    if kind not in _REPORTED:
        return None
    before, status, reason = _REPORTED[kind]
    rows = Message.objects.filter(pk=message_id, status__in=before)
    if not rows.update(status=status, reason=reason, due_at=None, finished_at=timezone.now()):
        return None
    message: Message = Message.objects.get(pk=message_id)
    announce("messages")
    if kind == "bounced" and message.cause in origins:
        origins.get(message.cause).bounced(message.pk)
    return message
