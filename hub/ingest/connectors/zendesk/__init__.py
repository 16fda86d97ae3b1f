"""Zendesk: tickets, users and organizations, by its event webhooks or by a trigger that sends the ticket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from hub.ingest.connectors.base import (
    COMPANY,
    PERSON,
    Call,
    Connector,
    Facts,
    Identity,
    Malformed,
    NothingToDo,
    NotVerified,
    Word,
    connectors,
    decoded,
    iso,
    mapping,
    moment,
    part,
    text,
)
from hub.ingest.connectors.signatures import check_one_of, check_time, mac_base64
from hub.ingest.connectors.tickets import ticket_rows

PREFIX: Final = "zen:event-type:"
STATUS: Final = {
    "new": "open", "open": "open", "pending": "pending", "hold": "on_hold", "on_hold": "on_hold",
    "solved": "solved", "closed": "closed",
}  # fmt: skip
PRIORITY: Final = {"low": "low", "normal": "medium", "high": "high", "urgent": "urgent"}
KIND: Final = {"question": "question", "incident": "incident", "problem": "problem", "task": "task"}
CSAT: Final = {"good": 5, "bad": 1}


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """`X-Zendesk-Webhook-Signature`: base64 HMAC-SHA256 of time and body."""
    stamp = call.headers.get("x-zendesk-webhook-signature-timestamp", "")
    given = call.headers.get("x-zendesk-webhook-signature", "")
    if not given:
        raise NotVerified("the call carries no X-Zendesk-Webhook-Signature")
    check_one_of([given], mac_base64(secret, stamp.encode() + call.body))
    check_time(stamp, now)


def identify(call: Call) -> Identity:
    body = mapping(decoded(call.body))
    # What a trigger sends has no id; the same content is the same call.
    named = text(body.get("id")) or blake2b(call.body, digest_size=16).hexdigest()
    return Identity(named, text(body.get("type"), 100) or "ticket")


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    body = mapping(decoded(call.body))
    event = identify(call).event_id
    kind = text(body.get("type"), 100).removeprefix(PREFIX)
    if not kind and part(body, "ticket"):
        thing, family = part(body, "ticket"), "ticket"
        at = moment(thing.get("updated_at")) or received_at
    else:
        thing, family = part(body, "detail"), kind.partition(".")[0]
        at = moment(body.get("time")) or received_at
    reader = READERS.get(family)
    if reader is None:
        raise NothingToDo(f"Tandem keeps nothing of {kind or 'a call without a type'}")
    if not text(thing.get("id")):
        raise Malformed("detail.id is missing")
    if kind.endswith(".deleted"):
        raise NothingToDo("it was deleted at Zendesk; what is known of it stays")
    return reader(thing, at, event)


def _ticket(thing: dict[str, Any], at: datetime, event: str) -> list[Word]:
    requester, organization = _requester(thing), text(thing.get("organization_id"))
    priority, kind = text(thing.get("priority")).lower(), text(thing.get("type")).lower()
    rated = thing.get("satisfaction_rating")
    score = text(rated.get("score") if isinstance(rated, dict) else rated).lower()
    tags = thing.get("tags")
    facts: Facts = {
        "subject": text(thing.get("subject"), 300),
        "status": STATUS.get(text(thing.get("status")).lower(), "open"),
        "priority": PRIORITY.get(priority),
        "kind": KIND.get(kind),
        "channel": text(part(thing, "via").get("channel"), 50),
        "assignee": text(thing.get("assignee_id")),
        "tags": sorted({text(tag, 100) for tag in tags if text(tag)}) if isinstance(tags, list) else None,
        "opened_at": iso(thing.get("created_at")),
        "url": text(thing.get("url"), 300),
        "csat": CSAT.get(score.partition(":")[0]),
        "contact": requester["id"],
    }
    known = {name: value for name, value in facts.items() if value is not None}
    words = [Word("ticket", text(thing["id"]), at, event, known, organization, requester["id"], requester["email"])]
    if requester["id"] and (requester["email"] or requester["name"]):
        said = {name: requester[name] for name in ("email", "name") if requester[name]}
        words.append(Word(PERSON, requester["id"], at, event, said, company=organization, email=requester["email"]))
    return words


def _requester(thing: dict[str, Any]) -> dict[str, str]:
    whole = part(thing, "requester")
    return {
        "id": text(thing.get("requester_id") or whole.get("id")),
        "email": text(whole.get("email"), 254).lower(),
        "name": text(whole.get("name")),
    }


def _user(thing: dict[str, Any], at: datetime, event: str) -> list[Word]:
    if text(thing.get("role")) in ("agent", "admin"):
        raise NothingToDo("the user is one of your own agents")
    email, organization = text(thing.get("email"), 254).lower(), text(thing.get("organization_id"))
    facts = {"email": email, "name": text(thing.get("name"))}
    known = {name: value for name, value in facts.items() if value}
    return [Word(PERSON, text(thing["id"]), at, event, known, company=organization, email=email)]


def _organization(thing: dict[str, Any], at: datetime, event: str) -> list[Word]:
    domains = thing.get("domain_names")
    first = text(domains[0]) if isinstance(domains, list) and domains else ""
    facts = {"name": text(thing.get("name")), "domain": first}
    return [Word(COMPANY, text(thing["id"]), at, event, {name: value for name, value in facts.items() if value})]


READERS: Final[dict[str, Callable[[dict[str, Any], datetime, str], list[Word]]]] = {
    "ticket": _ticket,
    "user": _user,
    "organization": _organization,
}

connectors.register(
    Connector(
        key="zendesk",
        title="Zendesk",
        order=20,
        verify=verify,
        identify=identify,
        read=read,
        kinds={"ticket": ticket_rows},
        brings="Tickets with their priority and state, and the people and organisations who open them.",
        scheme="HMAC-SHA256 over time and body (X-Zendesk-Webhook-Signature), ±300 s",
        steps=(
            "In Zendesk: Admin Center › Apps and integrations › Webhooks › Create. Subscribe to ticket, user and "
            "organization events, paste the address, then reveal the signing secret and paste it here."
        ),
    )
)
