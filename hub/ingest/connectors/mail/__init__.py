"""Mail providers: what became of mail that was sent, and replies that come in."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent

from hub.accounts.services import change_record
from hub.ingest.connectors.base import (
    Call,
    Connector,
    Facts,
    History,
    Identity,
    Malformed,
    NothingToDo,
    Option,
    Word,
    Write,
    Writing,
    clean,
    connectors,
    latest,
    moment,
    part,
    text,
)
from hub.ingest.connectors.mail.amazon import confirmation_of
from hub.ingest.connectors.mail.goodbyes import goodbye_of, goodbyes_apply
from hub.ingest.connectors.mail.providers import (
    PROVIDERS,
    Provider,
    events_of,
    own_id,
    reply_of,
    signature_check,
)
from hub.ingest.connectors.mail.reports import KINDS, Report, report_apply
from hub.ingest.connectors.signatures import check_basic, check_one_of
from hub.ingest.connectors.timeline import told
from hub.outbox.models import Message
from hub.outbox.origins import REPLIED
from hub.work.services import task_open

MOST_BYTES: Final = 10 * 1024 * 1024
# How the providers say that an address bounced for now only.
SOFT: Final = frozenset(
    {"softbounce", "transient", "temporary", "soft_bounced", "soft_bounce", "blocked", "undetermined"}
)


def provider_of(options: Facts) -> Provider:
    return PROVIDERS[options["provider"]]


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """The provider's signature where it signs with our key, else the secret in the address or as Basic password."""
    provider = provider_of(options)
    if provider.key:
        signature_check(provider, call, secret, now)
    elif call.path_secret:
        check_one_of([call.path_secret], secret)
    else:
        check_basic(call.headers.get("authorization", ""), f"tandem:{secret}")
    if provider.check is not None:
        provider.check(call, now)


def identify(call: Call) -> Identity:
    """The provider's id of the event where it is easily had; else the same content is the same call."""
    digest, kind = blake2b(call.body, digest_size=16).hexdigest(), ""
    with suppress(ValueError, RecursionError):
        body = clean(json.loads(call.body))
        found = body if isinstance(body, dict) else {}
        kind = text(found.get("RecordType") or found.get("Type") or part(found, "event-data").get("event"), 100)
        digest = text(part(found, "event-data").get("id") or found.get("MessageId")) or digest
    return Identity(digest, kind or "mail")


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    if asked := _about_subscription(call, options):
        raise NothingToDo(asked)
    events = events_of(provider_of(options), call)
    words = [word for event in events if (word := _word(event, received_at)) is not None]
    if not words and not reports_of(events, received_at) and not any(map(goodbye_of, events)):
        kinds = sorted({str(event.event_type) for event in events})
        raise NothingToDo(f"Tandem keeps nothing of {', '.join(kinds) or 'an empty report'}")
    return words


def _about_subscription(call: Call, options: Facts) -> str:
    if options["provider"] != "ses":
        return ""
    with suppress(ValueError, RecursionError):
        body = clean(json.loads(call.body))
        return confirmation_of(body) if isinstance(body, dict) else ""
    return ""


def _word(event: Any, received_at: datetime) -> Word | None:
    if not isinstance(event, AnymailInboundEvent) or goodbye_of(event) is not None:
        return None
    reply = reply_of(event, received_at)
    if reply is None:
        raise Malformed("the mail names no sender")
    pk = reply.id or blake2b(f"{reply.at}{reply.sender}{reply.text}".encode(), digest_size=16).hexdigest()
    facts = {
        "subject": reply.subject,
        "text": reply.text,
        "automatic": reply.automatic,
        "message": reply.message,
        "name": reply.name,
    }
    return Word("reply", pk, reply.at, pk, facts, email=reply.sender)


def reports_of(events: list[Any], received_at: datetime) -> list[Report]:
    """Bounces for good, complaints, goodbyes and deliveries; what is only for now is not reported."""
    return [
        report
        for event in events
        if isinstance(event, AnymailTrackingEvent) and (report := _report(event, received_at)) is not None
    ]


def _report(event: Any, received_at: datetime) -> Report | None:
    if event.event_type not in KINDS or not event.recipient or (event.event_type == "bounced" and _is_soft(event)):
        return None
    named = own_id(f"{event.message_id} {json.dumps(event.esp_event, default=str)}")
    return Report(
        kind=event.event_type,
        address=clean(str(event.recipient)).strip().lower()[:254],
        at=(moment(event.timestamp.isoformat()) if event.timestamp else None) or received_at,
        source="mail",
        detail=clean(str(event.description or event.mta_response or ""))[:300],
        key=clean(str(event.event_id or ""))[:100],
        message=UUID(named) if named else None,
    )


def _is_soft(event: Any) -> bool:
    """Whether the address may take mail tomorrow; each provider has its own word for it."""
    esp = event.esp_event if isinstance(event.esp_event, dict) else {}
    inner = part(esp, "event-data") or part(esp, "msys", "message_event") or esp
    said = (
        part(esp, "bounce").get("bounceType"),
        esp.get("Type"),
        inner.get("severity"),
        inner.get("type"),
        esp.get("event"),
        esp.get("hard_bounce") is False and "soft_bounce",
    )
    return any(str(word).lower().rpartition(".")[2] in SOFT for word in said if word)


def acts(call: Call, received_at: datetime, options: Facts) -> list[dict[str, str]]:
    events = events_of(provider_of(options), call)
    reported = [row for report in reports_of(events, received_at) for row in report_apply(report)]
    return [*reported, *goodbyes_apply(events)]


def find(facts: Facts) -> UUID | None:
    """The account of the message that a reply answers."""
    if not facts.get("message"):
        return None
    found: UUID | None = Message.objects.filter(pk=facts["message"]).values_list("account_id", flat=True).first()
    return found


def reply_rows(pk: str, history: History) -> list[Write]:
    return [Write("reply", pk, latest(history))]


def reply_write(writing: Writing) -> tuple[Any, str]:
    """A reply in the timeline and, unless a machine wrote it, a task for the account's owner on Today."""
    facts = writing.fields
    who = writing.contact or facts.get("name") or "Somebody"
    automatic = bool(facts.get("automatic"))
    verb = "answered automatically" if automatic else "answered"
    entry, outcome = told(
        writing,
        kind="reply",
        key=f"reply:{writing.external_id}"[:200],
        title=f"{who} {verb}: {facts.get('subject') or 'no subject'}",
        body=str(facts.get("text", "")),
        at=writing.at,
    )
    if outcome == "created" and not automatic:
        task_open(
            account_id=writing.account.pk,
            title=f"Answer {who}: {facts.get('subject') or 'no subject'}",
            origin_key=f"reply:{entry.pk}",
            origin="mail",
            origin_label="Reply by mail",
            playbook=str(facts.get("text", ""))[:2000],
        )
        change_record(
            account_id=writing.account.pk,
            kind=REPLIED,
            key=str(entry.pk),
            occurred_at=writing.at,
            object_id=entry.pk,
            data={
                "message": str(facts.get("message") or ""),
                "subject": str(facts.get("subject") or "no subject")[:200],
            },
        )
    return entry, outcome


connectors.register(
    Connector(
        key="mail",
        title="Mail provider",
        order=50,
        verify=verify,
        identify=identify,
        read=read,
        kinds={"reply": reply_rows},
        writers={"reply": reply_write},
        find=find,
        tells_companies=False,
        acts=acts,
        brings="What became of a mail: replies, bounces, complaints.",
        scheme=(
            "Mailgun and MailerSend sign; the others bring a 256-bit secret in the address or as Basic password, "
            "Amazon signs beside it"
        ),
        steps=(
            "At the provider, paste the address as webhook for bounces, complaints, unsubscribes and deliveries, and "
            "as address for inbound mail. For Mailgun and MailerSend paste the provider's webhook signing key here; "
            "for the others leave the field empty, the secret is part of the address."
        ),
        secret_label="Webhook signing key",
        makes_secret=True,
        secret_in_path=True,
        signs=lambda options: bool(provider_of(options).key),
        options=(
            Option("provider", "Provider", choices=tuple((key, entry.title) for key, entry in PROVIDERS.items())),
        ),
        most_bytes=MOST_BYTES,
    )
)
