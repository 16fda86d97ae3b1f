"""Writes of what people said about being written to, and of addresses that take nothing."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Contact
from hub.accounts.services import states_lock, timeline_record
from hub.outbox.channels.base import channels
from hub.outbox.gates import MessageClass
from hub.outbox.models import (
    WAITING,
    Consent,
    ConsentChange,
    ConsentStatus,
    LegalBasis,
    Message,
    MessageStatus,
    Silence,
    Suppression,
    Topic,
)
from hub.outbox.services.guards import reputation_watch
from hub.outbox.topics import SHIPPED, topic_names
from hub.people.audit import Actor, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.prepared import Places, Prepared

LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class Word:
    """What was said: about a topic ("" = all) on a channel, with what lets us write, and how we came to know.

    Without a `legal_basis` a yes is consent and a no is an objection.
    """

    status: str
    source: str
    channel: str = "email"
    topic: str = ""
    legal_basis: str = ""
    note: str = ""


@transaction.atomic
def consent_set(
    *,
    contact: Contact,
    status: str,
    source: str,
    actor: Actor,
    channel: str = "email",
    topic: str = "",
    legal_basis: str = "",
    note: str = "",
) -> Consent:
    """Keep what a contact said about a topic ("" = all) on a channel; a denial stops what is queued, at once.

    A no to everything ends every yes to single topics that came before it. Every change is logged. Takes the
    account's lock, so no message passes the gates beside it.
    """
    word = Word(str(ConsentStatus(status)), source[:64], channel, topic[:LONGEST_KEY], legal_basis, note[:300])
    states_lock([contact.account_id])
    said = {row.topic: row for row in Consent.objects.filter(contact=contact, channel=channel)}
    kept = _keep(contact, word, said.get(word.topic), actor)
    if word.status == ConsentStatus.DENIED:
        if not word.topic:
            for row in said.values():
                if row.topic and row.status == ConsentStatus.GRANTED:
                    _keep(contact, Word(word.status, word.source, channel, row.topic, note=word.note), row, actor)
        _withhold_objected(contact, channel, word.topic)
    return kept


def _keep(contact: Contact, word: Word, known: Consent | None, actor: Actor) -> Consent:
    denied = word.status == ConsentStatus.DENIED
    basis = str(LegalBasis(word.legal_basis or (LegalBasis.OBJECTION if denied else LegalBasis.CONSENT)))
    before, now = (known.status if known else ""), timezone.now()
    if known is not None and before == word.status and known.legal_basis == basis:
        return known
    values = {"account_id": contact.account_id, "status": word.status, "legal_basis": basis, "source": word.source}
    consent: Consent
    consent, _ = Consent.objects.update_or_create(
        contact=contact, channel=word.channel, topic=word.topic, defaults={**values, "changed_at": now}
    )
    ConsentChange.objects.create(
        **values,
        contact=contact,
        channel=word.channel,
        topic=word.topic,
        before=before,
        note=word.note,
        actor_kind=actor.kind,
        actor_id=actor.id,
        # Names of people live in their own rows: of a contact only the id is kept.
        actor_label="" if actor.kind == "contact" else actor.label[:200],
        ip=actor.ip,
        at=now,
    )
    said = {"channel": word.channel, "topic": word.topic, "source": word.source, "legal_basis": basis}
    audit(actor, f"consent.{word.status}", consent, before=before, **said)
    return consent


def _withhold_objected(contact: Contact, channel: str, topic: str) -> None:
    waiting = Message.objects.filter(
        contact=contact,
        channel=channel,
        status__in=WAITING,
        message_class__in=[MessageClass.PROGRAMME, MessageClass.RELATIONSHIP],
    )
    if topic:
        waiting = waiting.filter(topic=topic)
    over = {"status": MessageStatus.WITHHELD, "reason": "no_consent", "due_at": None, "sent_at": None}
    waiting.update(**over, finished_at=timezone.now())


@transaction.atomic
def preferences_set(
    *, contact: Contact, wanted: Mapping[tuple[str, str], bool], before: Mapping[tuple[str, str], bool], actor: Actor,
    source: str,
) -> int:  # fmt: skip
    """Keep a contact's choices, (channel, topic) → wanted; those that stay as they were say nothing. How many changed.

    `before` is what counted when the page was shown: silence that is left alone stays silence.
    """
    changed = [(where, yes) for where, yes in sorted(wanted.items()) if before.get(where) != yes]
    for (channel, topic), yes in changed:
        status = ConsentStatus.GRANTED if yes else ConsentStatus.DENIED
        consent_set(contact=contact, status=status, source=source, actor=actor, channel=channel, topic=topic)
    return len(changed)


@transaction.atomic
def preferences_stop_all(*, contact: Contact, actor: Actor, source: str) -> None:
    """Nothing of the programme any more, on any channel, whatever the topic."""
    for channel in channels:
        consent_set(contact=contact, status=ConsentStatus.DENIED, source=source, actor=actor, channel=channel.key)


# --- Unsubscribing by link ----------------------------------------------------------------------------------------


def _signer() -> signing.Signer:
    # Signs with SECRET_KEY and reads what SECRET_KEY_FALLBACKS signed: links in old mail outlive a new key.
    return signing.Signer(salt="unsubscribe", sep=".")


def unsubscribe_token(message_id: UUID) -> str:
    """What an unsubscribe link or mail carries; signed, so that nobody unsubscribes others, and short for a header."""
    return _signer().sign(urlsafe_b64encode(current_tenant_id().bytes + message_id.bytes).rstrip(b"=").decode())


def unsubscribe_read(token: str) -> tuple[UUID, UUID]:
    """(tenant id, message id) of a token; raises signing.BadSignature."""
    content = urlsafe_b64decode(_signer().unsign(token) + "=")
    return UUID(bytes=content[:16]), UUID(bytes=content[16:])


@transaction.atomic
def unsubscribe(*, message_id: UUID, source: str, ip: str | None = None) -> None:
    """Stop the topic of a message for its contact, queued messages too; the journey goes on."""
    message = Message.objects.select_related("contact").get(pk=message_id)
    consent_set(
        contact=message.contact,
        status=ConsentStatus.DENIED,
        source=source,
        actor=Actor("contact", str(message.contact_id), "contact", ip),
        channel=message.channel,
        topic=message.topic,
    )
    topic = topic_names().get(message.topic, message.topic)
    timeline_record(
        account_id=message.account_id,
        kind="consent",
        key=f"unsubscribed:{message.pk}",
        title=f"{message.contact} unsubscribed from {topic or 'all programme messages'}",
        occurred_at=timezone.now(),
        contact_id=message.contact_id,
        source=source,
    )


# --- Topics -------------------------------------------------------------------------------------------------------


class TopicError(ValueError):
    """A topic that cannot be kept."""


@transaction.atomic
def topic_save(
    *, key: str, name: str, description: str, silence: str, actor: Actor, is_off: bool = False, position: int = 100
) -> Topic:
    """Make or change a topic of the tenant; a shipped one is then the tenant's own. Raises TopicError."""
    name = " ".join(name.split())
    if not name or not key:
        raise TopicError("a topic needs a key and a name")
    others = {found: key_of for key_of, found in topic_names().items() if key_of != key}
    if name in others:
        raise TopicError(f"“{name}” is there already")
    row: Topic
    row, made = Topic.objects.update_or_create(
        key=key,
        defaults={
            "name": name,
            "description": " ".join(description.split()),
            "silence": str(Silence(silence)),
            "is_off": is_off,
            "position": position,
        },
    )
    audit(actor, "topic.add" if made else "topic.change", row, key=key, name=name, silence=silence, is_off=is_off)
    return row


@transaction.atomic
def topic_reset(*, key: str, actor: Actor) -> None:
    """Take a shipped topic as it ships. Raises TopicError for the tenant's own: contacts may have spoken about it."""
    if key not in {topic.key for topic in SHIPPED}:
        raise TopicError("only a topic that ships can be put back; put your own away instead")
    row = Topic.objects.filter(key=key).first()
    if row is not None:
        audit(actor, "topic.reset", row, key=key)
        row.delete()


# --- Addresses that take nothing ----------------------------------------------------------------------------------


def address_hash(address: str) -> str:
    """A keyed hash of an address: it can be compared, not read."""
    return _hash(settings.SECRET_KEY, address)


def address_hashes(address: str) -> list[str]:
    """The hashes under which an address may have been kept: by the key of today, and by those before it."""
    return [_hash(key, address) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _hash(key: str, address: str) -> str:
    content = f"{current_tenant_id()}:{address.strip().lower()}"
    return hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()


def suppressions(addresses: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(channel, address) → why nothing goes there; addresses that take mail are left out. One query."""
    asked = {(channel, digest): address for channel, address in addresses for digest in address_hashes(address)}
    found = _suppressed(hashes=sorted({digest for _, digest in asked}))
    return {
        (channel, asked[channel, digest]): reason for channel, digest, reason in found if (channel, digest) in asked
    }


@Prepared[tuple[str, str, str]]
def _suppressed(the: Places) -> Any:
    rows = Suppression.objects.filter(address_hash__in=the.texts("hashes"))
    return rows.values_list("channel", "address_hash", "reason")


def address_suppress(*, channel: str, address: str, reason: str, detail: str = "") -> None:
    """Never write to an address again, in any class; the first reason stands."""
    if suppressions([(channel, address)]):
        return
    Suppression.objects.bulk_create(
        [Suppression(channel=channel, address_hash=address_hash(address), reason=reason, detail=detail[:300])],
        ignore_conflicts=True,
    )
    reputation_watch(reason=reason, now=timezone.now())
