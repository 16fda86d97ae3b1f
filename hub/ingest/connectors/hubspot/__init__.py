"""HubSpot: companies, contacts, deals and tickets, by batches of changed properties."""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import unquote

from hub.ingest.connectors.amounts import minor_of
from hub.ingest.connectors.base import (
    ALSO,
    COMPANY,
    MAIN,
    PERSON,
    THE_MAIN_ONE,
    Call,
    Connector,
    Facts,
    History,
    Identity,
    Malformed,
    NothingToDo,
    NotVerified,
    Word,
    Write,
    connectors,
    day,
    decoded,
    iso,
    latest,
    mapping,
    moment,
    text,
)
from hub.ingest.connectors.signatures import check_one_of, check_time, mac_base64
from hub.ingest.connectors.tickets import ticket_rows

# What HubSpot signs of the address is decoded but for these.
ENCODED: Final = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
# Kinds of objects by name and by the ids of the newer subscriptions.
KINDS: Final = {
    "company": COMPANY, "contact": PERSON, "deal": "deal", "ticket": "ticket",
    "0-1": PERSON, "0-2": COMPANY, "0-3": "deal", "0-5": "ticket",
}  # fmt: skip
TICKET_STAGE: Final = {"1": "open", "2": "pending", "3": "open", "4": "closed"}
PRIORITY: Final = {"low": "low", "medium": "medium", "high": "high", "urgent": "urgent"}
# HubSpot's event ids alone need not be unique.
NAMED_BY: Final = ("eventId", "subscriptionId", "objectId", "propertyName", "occurredAt")
RANKS: Final = {"creation": 0, "propertyChange": 1, "associationChange": 2, "associationRemoved": 3}


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """`X-HubSpot-Signature-v3`: base64 HMAC-SHA256 of method, address, body and time."""
    stamp, given = call.headers.get("x-hubspot-request-timestamp", ""), call.headers.get("x-hubspot-signature-v3", "")
    if not given:
        raise NotVerified("the call carries no X-HubSpot-Signature-v3")
    url = ENCODED.sub(lambda found: unquote(found[0]), call.url)
    content = f"{call.method}{url}".encode() + call.body + stamp.encode()
    check_one_of([given], mac_base64(secret, content))
    check_time(stamp, now)


def _events(call: Call) -> list[dict[str, Any]]:
    body = decoded(call.body)
    found = body if isinstance(body, list) else [body]
    return [mapping(entry, "an event") for entry in found]


def identify(call: Call) -> Identity:
    """A batch has no id; the same content is the same call, and every event in it has its own."""
    events = _events(call)
    kinds = sorted({text(event.get("subscriptionType")) for event in events})
    return Identity(blake2b(call.body, digest_size=16).hexdigest(), ", ".join(kinds)[:100])


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    events = _events(call)
    words = [word for event in events for word in _words(event, received_at)]
    if not words:
        kinds = sorted({text(event.get("subscriptionType")) for event in events})
        raise NothingToDo(f"Tandem keeps nothing of {', '.join(kinds)[:200] or 'an empty batch'}")
    return words


def _words(event: dict[str, Any], received_at: datetime) -> list[Word]:
    name, _, happening = text(event.get("subscriptionType")).partition(".")
    kind = KINDS.get(text(event.get("objectTypeId")) if name == "object" else name)
    at = moment(event.get("occurredAt")) or received_at
    pk = ":".join(text(event.get(part)) for part in NAMED_BY)
    if happening == "associationChange":
        return _association(event, at, pk)
    subject = text(event.get("objectId"))
    if kind is None or happening not in RANKS:
        return []
    if not subject:
        raise Malformed("an event has no objectId")
    if happening == "creation":
        return [Word(kind, subject, at, pk, {"created": at.isoformat()}, rank=RANKS[happening])]
    return _property(kind, subject, event, at, pk)


def _property(kind: str, subject: str, event: dict[str, Any], at: datetime, pk: str) -> list[Word]:
    name, value = text(event.get("propertyName")), text(event.get("propertyValue"), 1000)
    if kind == COMPANY and name not in COMPANY_FIELDS:
        return []
    if kind == PERSON and name == "associatedcompanyid":
        gone = "" if value else THE_MAIN_ONE
        return [Word(kind, subject, at, pk, {}, company=value, rank=1, hold=MAIN if value else "", left=gone)]
    facts = _company_facts(name, value) if kind == COMPANY else {name: value}
    email = value.lower() if kind == PERSON and name == "email" else ""
    return [Word(kind, subject, at, pk, _person_facts(facts) if kind == PERSON else facts, email=email, rank=1)]


COMPANY_FIELDS: Final = {
    "name": "name", "domain": "domain", "industry": "industry", "country": "country", "hs_timezone": "timezone",
}  # fmt: skip


def _company_facts(name: str, value: str) -> Facts:
    return {COMPANY_FIELDS[name]: value.lower().replace("_", " ") if name == "industry" else value}


PERSON_FIELDS: Final = {"email": "email", "jobtitle": "title", "firstname": "first_name", "lastname": "last_name"}


def _person_facts(facts: Facts) -> Facts:
    return {PERSON_FIELDS[name]: value for name, value in facts.items() if name in PERSON_FIELDS}


def _association(event: dict[str, Any], at: datetime, pk: str) -> list[Word]:
    """Somebody, a deal or a ticket belongs to a company, perhaps to several; or belongs to it no more.

    HubSpot tells it from either end, as the app has subscribed to one, the other or both.
    """
    source, _, target = text(event.get("associationType")).partition("_TO_")
    subject, company = text(event.get("fromObjectId")), text(event.get("toObjectId"))
    if source == "COMPANY":
        source, target, subject, company = target, source, company, subject
    found = KINDS.get(source.lower())
    if target != "COMPANY" or found in (None, COMPANY) or not subject or not company:
        return []
    name = f"{pk}:{subject}:{company}"
    if event.get("associationRemoved") is True:
        return [Word(found, subject, at, f"{name}:removed", {}, left=company, rank=RANKS["associationRemoved"])]
    hold = MAIN if event.get("isPrimaryAssociation") is True else ALSO
    return [Word(found, subject, at, name, {}, company=company, rank=RANKS["associationChange"], hold=hold)]


def deal_rows(pk: str, history: History) -> list[Write]:
    facts = latest(history)
    if not facts.get("dealname"):
        return []
    stage, code = str(facts.get("dealstage", "")), str(facts.get("deal_currency_code") or "")
    won = stage == "closedwon" or facts.get("hs_is_closed_won") == "true"
    lost = stage == "closedlost" or (facts.get("hs_is_closed") == "true" and not won)
    kind = {"newbusiness": "new", "renewal": "renewal"}.get(str(facts.get("dealtype", "")), "expansion")
    fields: Facts = {
        "name": facts["dealname"],
        "kind": kind,
        "stage": stage,
        "outcome": "won" if won else "lost" if lost else "open",
        "amount_minor": minor_of(facts.get("amount"), code),
        "opened_on": day(facts.get("createdate")) or day(facts.get("created")),
        "close_on": day(facts.get("closedate")),
        "closed_at": iso(facts.get("closedate")) if won or lost else None,
        "lost_reason": str(facts.get("closed_lost_reason", "")) if lost else "",
    }
    if code:
        fields["currency"] = code
    return [Write("opportunity", pk, fields)]


def hubspot_ticket_rows(pk: str, history: History) -> list[Write]:
    """A ticket's properties in the words of every help desk."""
    return ticket_rows(pk, [(at, _ticket_facts(facts)) for at, facts in history])


def _ticket_facts(facts: Facts) -> Facts:
    found: Facts = {}
    if "subject" in facts:
        found["subject"] = facts["subject"]
    if "hs_pipeline_stage" in facts:
        found["status"] = TICKET_STAGE.get(facts["hs_pipeline_stage"], "open")
    if facts.get("closed_date"):
        found["closed_at"] = iso(facts["closed_date"])
    if priority := PRIORITY.get(str(facts.get("hs_ticket_priority", "")).lower()):
        found["priority"] = priority
    if opened := iso(facts.get("createdate")) or facts.get("created"):
        found["opened_at"] = opened
    return found


connectors.register(
    Connector(
        key="hubspot",
        title="HubSpot",
        order=40,
        verify=verify,
        identify=identify,
        read=read,
        kinds={"deal": deal_rows, "ticket": hubspot_ticket_rows},
        brings="Companies, contacts, deals and tickets.",
        scheme="HMAC-SHA256 over method, address, body and time (X-HubSpot-Signature-v3), ±300 s",
        steps=(
            "In HubSpot: your app › Webhooks. Paste the address as target URL, subscribe to creation, property changes "
            "and associations of companies, contacts, deals and tickets; the secret is the app's client secret (Auth)."
        ),
        secret_label="Client secret",
        masters_accounts=True,
    )
)
