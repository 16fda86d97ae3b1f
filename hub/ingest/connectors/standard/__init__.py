"""Standard Webhooks: any system that signs by that scheme and sends one noun of the record a call."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from hub.accounts.services import facts_touch
from hub.ingest.connectors.base import (
    COMPANY,
    PERSON,
    Call,
    Connector,
    Facts,
    History,
    Identity,
    Malformed,
    NotVerified,
    Option,
    Project,
    Word,
    Write,
    Writing,
    connectors,
    decoded,
    latest,
    mapping,
    moment,
    text,
)
from hub.ingest.connectors.nouns import NOUNS
from hub.ingest.connectors.signatures import check_one_of, check_time, key_of, mac_base64
from hub.tenancy.context import current_tenant_id
from hub.usage.rows import EventRow
from hub.usage.store import NOTHING, events_store

KINDS: Final = {"account": COMPANY, "contact": PERSON}
# What says whose a thing is, beside its fields.
OUTSIDE: Final = frozenset({"id", "account", "contact", "invoice"})
# Those that belong to a person, too.
PERSONAL: Final = frozenset({"ticket", "survey_response", "community_activity"})


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """`webhook-signature: v1,<base64>` over `id.timestamp.body`, HMAC-SHA256."""
    name, stamp = call.headers.get("webhook-id", ""), call.headers.get("webhook-timestamp", "")
    given = [entry.partition(",") for entry in call.headers.get("webhook-signature", "").split(" ")]
    signatures = [value for version, _, value in given if version == "v1"]
    if not name or not signatures:
        raise NotVerified("the call carries no webhook-id and webhook-signature")
    content = f"{name}.{stamp}.".encode() + call.body
    check_one_of(signatures, mac_base64(key_of(secret), content))
    check_time(stamp, now)


def identify(call: Call) -> Identity:
    body = mapping(decoded(call.body))
    return Identity(call.headers["webhook-id"], text(body.get("type"), 100))


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    """`{"type": "<noun>.<anything>", "timestamp": …, "data": {"id", "account", …fields}}`."""
    body = mapping(decoded(call.body))
    noun = text(body.get("type")).partition(".")[0]
    if noun not in KINDS and noun not in NOUNS and noun != "event":
        raise Malformed(f"type {text(body.get('type'), 40)!r} names no noun: {', '.join([*KINDS, *NOUNS, 'event'])}")
    at, data = moment(body.get("timestamp")), mapping(body.get("data"), "data")
    if at is None:
        raise Malformed("timestamp is not an ISO 8601 time")
    named, account, contact = (text(data.get(name)) for name in ("id", "account", "contact"))
    if not named:
        raise Malformed("data.id is missing")
    facts = {name: value for name, value in data.items() if name not in OUTSIDE and not name.startswith("_")}
    facts |= {name: text(data[name]) for name in ("contact", "invoice") if data.get(name)}
    event = blake2b(call.body, digest_size=16).hexdigest()
    kind = KINDS.get(noun, noun)
    email = text(data.get("email"), 254).lower() if noun == "contact" else ""
    owner = "" if kind == COMPANY else account
    person = contact if noun in PERSONAL or noun == "event" else ""
    return [Word(kind, named, at, event, facts, company=owner, person=person, email=email)]


def _noun(noun: str) -> Project:
    def project(pk: str, history: History) -> list[Write]:
        facts = latest(history)
        fields = {name: value for name, value in facts.items() if not name.startswith("_")}
        contact, invoice = text(fields.pop("contact", "")), text(fields.pop("invoice", ""))
        return [Write(noun, pk, fields, contact=contact if noun in PERSONAL else "", invoice=invoice)]

    return project


def event_write(writing: Writing) -> tuple[Any, str]:
    """A usage event of a known account, stored once by the source's id."""
    fields, tenant = writing.fields, current_tenant_id()
    name = text(fields.get("name"))
    if not name:
        raise ValueError("an event needs a name")
    at = moment(fields.get("occurred_at")) or writing.at
    quantity = fields.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 0 < quantity < 2**31:
        raise ValueError("quantity is not a whole number above 0")
    digest = blake2b(tenant.bytes + f"{writing.source}\0{writing.external_id}".encode(), digest_size=16)
    store = events_store()
    store.prepare([at.date()])
    row = EventRow(
        id=digest.hexdigest(),
        day=at.date(),
        kind="track",
        name=name,
        occurred_at=at,
        received_at=writing.at,
        message_id=writing.external_id,
        source=writing.source,
        account_id=writing.account.pk,
        user_key=text(fields.get("user")),
        quantity=quantity,
        properties=mapping(fields.get("properties") or {}, "properties"),
    )
    tenant_id = current_tenant_id()
    stored = store.append({tenant_id: [row]}).get(tenant_id, NOTHING)
    facts_touch(stored.account_ids)
    return _Event(UUID(row.id)), "created" if stored.new else "unchanged"


class _Event:
    """What stands for a stored event among rows."""

    def __init__(self, pk: UUID) -> None:
        self.pk = pk


connectors.register(
    Connector(
        key="standard",
        title="Standard Webhooks",
        order=90,
        verify=verify,
        identify=identify,
        read=read,
        kinds={noun: _noun(noun) for noun in (*NOUNS, "event")},
        writers={"event": event_write},
        brings="Any noun of the record from a system of your own.",
        scheme="HMAC-SHA256 over id, time and body (webhook-signature), ±300 s",
        steps=(
            "Give the address and the secret to the system that sends. It signs by Standard Webhooks and sends one "
            "noun of the record a call; docs/connectors.md shows the payload."
        ),
        makes_secret=True,
        options=(
            Option(
                "source",
                "Name of the source",
                "the record knows its ids under this name, as imports and REST do: crm, billing, helpdesk",
            ),
        ),
        masters_accounts=True,
    )
)
