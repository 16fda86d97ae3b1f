"""Intercom: companies, contacts, conversations and tickets, and how conversations were rated."""

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
    History,
    Identity,
    Malformed,
    NothingToDo,
    NotVerified,
    Word,
    Write,
    connectors,
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
from hub.ingest.connectors.signatures import check_one_of, mac_hex
from hub.ingest.connectors.tickets import ticket_rows

TICKET_STATE: Final = {
    "submitted": "open", "in_progress": "open", "waiting_on_customer": "pending", "on_hold": "on_hold",
    "resolved": "solved",
}  # fmt: skip


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """`X-Hub-Signature: sha1=…` over the body. It signs no time: the notification's id is what a repeat is known by."""
    name, _, given = call.headers.get("x-hub-signature", "").partition("=")
    if name != "sha1" or not given:
        raise NotVerified("the call carries no X-Hub-Signature")
    check_one_of([given], mac_hex(secret, call.body, "sha1"))


def identify(call: Call) -> Identity:
    body = mapping(decoded(call.body))
    return Identity(
        text(body.get("id")) or blake2b(call.body, digest_size=16).hexdigest(), text(body.get("topic"), 100)
    )


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    body = mapping(decoded(call.body))
    topic, item = text(body.get("topic"), 100), part(body, "data", "item")
    if topic == "ping":
        raise NothingToDo("Intercom only asks whether the address answers")
    if topic.endswith((".deleted", ".archived")):
        raise NothingToDo("it was deleted at Intercom; what is known of it stays")
    reader = READERS.get(text(item.get("type")))
    if reader is None:
        raise NothingToDo(f"Tandem keeps nothing of {topic or 'a call without a topic'}")
    if not text(item.get("id")):
        raise Malformed("data.item.id is missing")
    at = moment(item.get("updated_at")) or moment(body.get("created_at")) or received_at
    return reader(item, at, identify(call).event_id)


def _company(item: dict[str, Any], at: datetime, event: str) -> list[Word]:
    facts: Facts = {
        "name": text(item.get("name")),
        "industry": text(item.get("industry") or part(item, "custom_attributes").get("industry")),
        "tier": text(part(item, "plan").get("name")),
        "domain": text(item.get("website")).removeprefix("https://").removeprefix("http://").partition("/")[0],
    }
    known = {name: value for name, value in facts.items() if value}
    return [Word(COMPANY, text(item["id"]), at, event, known)]


def _contact(item: dict[str, Any], at: datetime, event: str) -> list[Word]:
    email = text(item.get("email"), 254).lower()
    facts = {"email": email, "name": text(item.get("name"))}
    known = {name: value for name, value in facts.items() if value}
    return [Word(PERSON, text(item["id"]), at, event, known, company=_company_of(item), email=email)]


def _company_of(contact: dict[str, Any]) -> str:
    """The first company of a contact; somebody at several is kept at the first."""
    companies = part(contact, "companies")
    found = items(companies.get("companies")) or items(companies)
    return text(found[0].get("id")) if found else text(part(contact, "company").get("id"))


def _people(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Who a conversation or ticket is with: `contacts` today, `user` before 2020."""
    found = items(part(item, "contacts").get("contacts")) or items(item.get("contacts"))
    return found or [entry for entry in (part(item, "user"), part(item, "contact")) if entry]


def _owned(item: dict[str, Any], at: datetime, event: str) -> tuple[str, str, str, list[Word]]:
    """(person, email, company, words about the person) of a conversation or ticket."""
    people = _people(item)
    if not people:
        return "", "", "", []
    person, email = people[0], text(people[0].get("email"), 254).lower()
    company = text(item.get("company_id")) or _company_of(person)
    facts = {name: value for name, value in (("email", email), ("name", text(person.get("name")))) if value}
    words = [Word(PERSON, text(person["id"]), at, event, facts, company=company, email=email)] if facts else []
    return text(person.get("id")), email, company, words if text(person.get("id")) else []


def _conversation(item: dict[str, Any], at: datetime, event: str) -> list[Word]:
    person, email, company, words = _owned(item, at, event)
    source = part(item, "source") or part(item, "conversation_message")
    closed = text(item.get("state")) == "closed" or item.get("open") is False
    facts: Facts = {
        "subject": plain(text(item.get("title") or source.get("subject"), 300) or text(source.get("body"), 2000)),
        "status": "closed" if closed else "pending" if text(item.get("state")) == "snoozed" else "open",
        "priority": "high" if text(item.get("priority")) == "priority" else None,
        "channel": text(part(item, "channel").get("initial") or source.get("type"), 50) or "conversation",
        "assignee": text(item.get("admin_assignee_id") or part(item, "assignee").get("id")),
        "tags": _tags(item),
        "opened_at": iso(item.get("created_at")),
        "url": text(part(item, "links").get("conversation_web"), 300),
        "contact": person,
    }
    pk = f"conversation:{text(item['id'])}"
    words.append(Word("ticket", pk, at, event, _known(facts), company, person, email))
    rating = part(item, "conversation_rating")
    score = number(rating.get("rating"))
    if score is not None and 1 <= score <= 5:
        answer = {
            "kind": "csat",
            "score": score,
            "comment": text(rating.get("remark"), 10_000),
            "answered_at": iso(rating.get("updated_at") or rating.get("created_at")) or at.isoformat(),
            "topic": pk,
            "contact": person,
        }
        words.append(Word("rating", text(item["id"]), at, event, answer, company, person, email))
    return words


def _ticket(item: dict[str, Any], at: datetime, event: str) -> list[Word]:
    person, email, company, words = _owned(item, at, event)
    state = item.get("ticket_state")
    category = text(state.get("category") if isinstance(state, dict) else state)
    attributes = part(item, "ticket_attributes")
    facts: Facts = {
        "subject": text(attributes.get("_default_title_"), 300),
        "status": TICKET_STATE.get(category, "open"),
        "channel": "ticket",
        "assignee": text(item.get("admin_assignee_id")),
        "tags": _tags(item),
        "opened_at": iso(item.get("created_at")),
        "contact": person,
    }
    pk = f"ticket:{text(item['id'])}"
    return [*words, Word("ticket", pk, at, event, _known(facts), company, person, email)]


def _known(facts: Facts) -> Facts:
    return {name: value for name, value in facts.items() if value is not None and value != "0"}


def _tags(item: dict[str, Any]) -> list[str]:
    return sorted(
        {text(tag.get("name"), 100) for tag in items(part(item, "tags").get("tags")) if text(tag.get("name"))}
    )


def plain(html: str) -> str:
    """The words of a few tags' worth of HTML, for a subject."""
    words, inside = [], False
    for character in html:
        inside = character == "<" or (inside and character != ">")
        words.append("" if inside or character == ">" else character)
    return " ".join("".join(words).split())[:300]


def rating_rows(pk: str, history: History) -> list[Write]:
    facts = {name: value for name, value in latest(history).items() if not name.startswith("_")}
    contact = str(facts.pop("contact", ""))
    return [Write("survey_response", f"conversation:{pk}", facts, contact=contact)]


READERS: Final[dict[str, Callable[[dict[str, Any], datetime, str], list[Word]]]] = {
    "company": _company,
    "contact": _contact,
    "user": _contact,
    "lead": _contact,
    "conversation": _conversation,
    "ticket": _ticket,
}

connectors.register(
    Connector(
        key="intercom",
        title="Intercom",
        order=30,
        verify=verify,
        identify=identify,
        read=read,
        kinds={"ticket": ticket_rows, "rating": rating_rows},
        brings="Companies, contacts, conversations, tickets and ratings.",
        scheme="HMAC-SHA1 over the body (X-Hub-Signature); it signs no time: its id is the replay key",
        steps=(
            "In Intercom: Settings › Developers › your app › Webhooks. Paste the address, choose the topics of "
            "companies, contacts, conversations and tickets; the secret is the app's client secret (Basic information)."
        ),
        secret_label="Client secret",
    )
)
