"""Salesforce: accounts, contacts, opportunities and cases, by outbound messages (SOAP, unsigned).

A flow or a workflow rule sends them without a line of code, up to a hundred records a call, and repeats them for a day
until they are acknowledged. They are not signed: the address carries a secret of 256 bits, and the call must name the
organisation. Platform events have no webhook of their own; what Apex or a middleware makes of them comes by Standard
Webhooks.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hub.ingest.connectors.amounts import minor_of
from hub.ingest.connectors.base import (
    COMPANY,
    PERSON,
    Call,
    Connector,
    Facts,
    History,
    Identity,
    Malformed,
    NothingToDo,
    NotVerified,
    Option,
    Word,
    Write,
    clean,
    connectors,
    day,
    decoded,
    iso,
    items,
    latest,
    mapping,
    moment,
    number,
    part,
    text,
)
from hub.ingest.connectors.signatures import check_one_of
from hub.ingest.connectors.tickets import ticket_rows

ACK: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    b'<soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
OUTBOUND: Final = "{http://soap.sforce.com/2005/09/outbound}"
TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
PRIORITY: Final = {"low": "low", "medium": "medium", "high": "high", "critical": "urgent", "urgent": "urgent"}
MOST_RECORDS: Final = 100


def parsed(body: bytes) -> Element:
    """The notifications of a call; entities and external references are refused. Raises Malformed."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise Malformed(f"the body is no outbound message: {type(error).__name__}") from None
    found = root.find(f".//{OUTBOUND}notifications")
    if found is None:
        raise Malformed("the body holds no notifications")
    return found


def organisation(value: str) -> str:
    """The 15 characters of an id that tell; the last three of the long form only check the others."""
    return value.strip()[:15]


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """The secret at the end of the address, and the organisation that the endpoint was made for."""
    check_one_of([call.path_secret], secret)
    named = organisation(text(parsed(call.body).findtext(f"{OUTBOUND}OrganizationId")))
    if not hmac.compare_digest(named.encode(), organisation(options.get("organisation", "")).encode()):
        raise NotVerified("the call is of another organisation")


def identify(call: Call) -> Identity:
    found = parsed(call.body)
    names = [text(entry.findtext(f"{OUTBOUND}Id")) for entry in found.iter(f"{OUTBOUND}Notification")]
    kinds = sorted({kind for kind, _ in _records(found)})
    if not names or not names[0]:
        raise Malformed("the call holds no notification")
    return Identity(names[0], ", ".join(kinds)[:100])


def _records(found: Element) -> list[tuple[str, dict[str, str]]]:
    """(type, fields) of every record."""
    records = []
    for entry in found.iter(f"{OUTBOUND}sObject"):
        fields = {child.tag.rpartition("}")[2]: clean(child.text or "").strip() for child in entry}
        records.append((entry.get(TYPE, "").rpartition(":")[2], fields))
    if len(records) > MOST_RECORDS:
        raise Malformed(f"the call holds more than {MOST_RECORDS} records")
    return records


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    """The words of an outbound message, or of records that its API gave (`{"records": […]}`)."""
    if call.content_type == "application/json":
        records, kinds = _given_records(call.body), "what was read"
        event = blake2b(call.body, digest_size=16).hexdigest()
    else:
        records, event, kinds = _records(parsed(call.body)), identify(call).event_id, identify(call).kind
    words: list[Word] = []
    for position, (kind, fields) in enumerate(records):
        reader = READERS.get(kind)
        if reader is None or not fields.get("Id"):
            continue
        at = moment(fields.get("SystemModstamp")) or moment(fields.get("LastModifiedDate")) or received_at
        words += reader(fields, at, f"{event}:{position}")
    if not words:
        raise NothingToDo(f"Tandem keeps nothing of {kinds or 'this call'}")
    return words


def _given_records(body: bytes) -> list[tuple[str, dict[str, str]]]:
    """Records of the API in the form of a message's: every value a text, what is empty left out."""
    found = items(mapping(decoded(body)).get("records"))
    return [
        (
            text(part(record, "attributes").get("type")),
            {name: _as_text(value) for name, value in record.items() if value is not None and name != "attributes"},
        )
        for record in found
    ]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else text(value, 1000)


def _account(fields: dict[str, str], at: datetime, event: str) -> list[Word]:
    facts = {
        "name": fields.get("Name"),
        "domain": _domain(fields.get("Website", "")),
        "industry": fields.get("Industry"),
        "country": fields.get("BillingCountry"),
    }
    return [Word(COMPANY, fields["Id"], at, event, _given(facts))]


def _domain(website: str) -> str:
    return website.removeprefix("https://").removeprefix("http://").removeprefix("www.").partition("/")[0].lower()


def _contact(fields: dict[str, str], at: datetime, event: str) -> list[Word]:
    name = fields.get("Name") or f"{fields.get('FirstName', '')} {fields.get('LastName', '')}".strip()
    email = fields.get("Email", "").lower()[:254]
    facts = _given({"email": email, "name": name, "title": fields.get("Title")})
    return [Word(PERSON, fields["Id"], at, event, facts, company=fields.get("AccountId", ""), email=email)]


def _opportunity(fields: dict[str, str], at: datetime, event: str) -> list[Word]:
    return [Word("opportunity", fields["Id"], at, event, dict(fields), company=fields.get("AccountId", ""))]


def _case(fields: dict[str, str], at: datetime, event: str) -> list[Word]:
    status = fields.get("Status", "").lower()
    closed = fields.get("IsClosed", "").lower() == "true" or status == "closed"
    facts = {
        "subject": fields.get("Subject"),
        "status": "closed" if closed else "pending" if "waiting" in status else "open",
        "closed_at": iso(fields.get("ClosedDate")) if closed else None,
        "priority": PRIORITY.get(fields.get("Priority", "").lower()),
        "channel": fields.get("Origin"),
        "opened_at": iso(fields.get("CreatedDate")) or at.isoformat(),
        "contact": fields.get("ContactId"),
    }
    person = fields.get("ContactId", "")
    return [Word("ticket", fields["Id"], at, event, _given(facts), fields.get("AccountId", ""), person)]


def _given(facts: dict[str, Any]) -> Facts:
    return {name: value for name, value in facts.items() if value}


def opportunity_rows(pk: str, history: History) -> list[Write]:
    facts = latest(history)
    if not facts.get("Name"):
        return []
    won, closed = facts.get("IsWon") == "true", facts.get("IsClosed") == "true"
    stage, code = str(facts.get("StageName", "")), str(facts.get("CurrencyIsoCode") or "")
    won, lost = won or stage == "Closed Won", (closed and not won) or stage == "Closed Lost"
    fields: Facts = {
        "name": facts["Name"],
        "kind": _kind(str(facts.get("Type", "")).lower()),
        "stage": stage,
        "outcome": "won" if won else "lost" if lost else "open",
        "amount_minor": minor_of(facts.get("Amount"), code),
        "close_on": day(facts.get("CloseDate")),
        "opened_on": day(facts.get("CreatedDate")),
        "closed_at": iso(facts.get("CloseDate")) if won or lost else None,
        "probability_pct": _percent(facts.get("Probability")),
    }
    if code:
        fields["currency"] = code
    return [Write("opportunity", pk, fields)]


def _kind(said: str) -> str:
    if "renewal" in said:
        return "renewal"
    return "new" if "new" in said else "expansion"


def _percent(value: Any) -> int | None:
    found = number(value)
    return found if found is not None and 0 <= found <= 100 else None


READERS: Final[dict[str, Callable[[dict[str, str], datetime, str], list[Word]]]] = {
    "Account": _account,
    "Contact": _contact,
    "Opportunity": _opportunity,
    "Case": _case,
}

connectors.register(
    Connector(
        key="salesforce",
        title="Salesforce",
        order=45,
        verify=verify,
        identify=identify,
        read=read,
        kinds={"opportunity": opportunity_rows, "ticket": ticket_rows},
        brings="Accounts, contacts, opportunities and cases.",
        scheme="unsigned: a 256-bit secret in the address, and the organisation's id; entities in the XML are refused",
        steps=(
            "In Salesforce: Setup › Outbound Messages › New for Account, Contact, Opportunity and Case. Paste the "
            "address as endpoint URL, choose the fields, and send the message from a record-triggered flow."
        ),
        makes_secret=True,
        secret_in_path=True,
        options=(Option("organisation", "Organisation ID", "Setup › Company Information; begins with 00D"),),
        masters_accounts=True,
        answer=(ACK, "text/xml; charset=utf-8"),
    )
)
