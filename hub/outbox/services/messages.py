"""Writes of the outbox: messages queued, withdrawn, resolved, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import Contact
from hub.outbox.channels.base import channels
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import LEASE, WAITING, Message, MessageStatus
from hub.outbox.origins import origins
from hub.outbox.rendering import Values, render_message
from hub.outbox.wording import with_snippets, worded
from hub.people.audit import Actor, audit
from hub.tenancy.live import announce
from hub.tenancy.wake import wake

SEND = "send"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a message exists: the app's origin and row, in words, and the step and signal behind it.

    `group_id` names what it is one of many of, such as the journey.
    """

    kind: str = ""
    id: UUID | None = None
    label: str = ""
    step_run_id: UUID | None = None
    signal_id: UUID | None = None
    group_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as an app asks for it; `subject` and `body` are Liquid over `values`.

    `variants` holds other wordings by locale, each with a subject and a body; the nearest to `locale` is taken.
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
    locale: str = ""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    action_url: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None
    cause: Cause = Cause()


def message_render(draft: Draft, *, now: datetime) -> Message:
    """The message of a draft, not stored yet; raises TemplateError, and NotRegistered for an unknown channel."""
    channels.get(draft.channel)
    wording = worded(draft.locale, {"subject": draft.subject, "body": draft.body}, draft.variants)
    rendered = render_message(
        subject=with_snippets(wording["subject"], draft.locale),
        body=with_snippets(wording["body"], draft.locale),
        values=draft.values,
    )
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
        group_id=draft.cause.group_id,
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
    over = {"status": MessageStatus.WITHDRAWN, "reason": reason[:200], "due_at": None, "sent_at": None}
    withdrawn: int = waiting.update(**over, finished_at=now)
    return withdrawn


def messages_recall(*, group_id: UUID | None = None, claimed: bool = True) -> None:
    """Ask the gates anew for what has passed them and is next in line, of one group or of all: something has changed.

    What is being sent goes on. Called by whoever stops or pauses, in their transaction. ``claimed``: also what the
    gates are being asked about, by what was true before; only the gates themselves know better.
    """
    now = timezone.now()
    concerned = Message.objects.all() if group_id is None else Message.objects.filter(group_id=group_id)
    if claimed:
        leased = concerned.filter(status__in=(MessageStatus.PENDING, MessageStatus.HELD), due_at__gt=now)
        leased.filter(due_at__lte=now + LEASE).update(fence=F("fence") + 1)
    cleared = concerned.filter(status=MessageStatus.CLEARED)
    if cleared.update(status=MessageStatus.PENDING, sent_at=None, due_at=now):
        wake(SEND)


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
