"""What providers report of mail: bounces, complaints, goodbyes, deliveries. Told twice, or late, it changes no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.accounts.models import Contact, ContactStatus
from hub.accounts.services import Voice, facts_touch, states_lock, timeline_record
from hub.outbox.models import ConsentStatus
from hub.outbox.services import address_suppress, consent_set, message_reported
from hub.people.audit import Actor

BOUNCED: Final = "bounced"
COMPLAINED: Final = "complained"
UNSUBSCRIBED: Final = "unsubscribed"
DELIVERED: Final = "delivered"
KINDS: Final = frozenset({BOUNCED, COMPLAINED, UNSUBSCRIBED, DELIVERED})
SENTENCES: Final = {
    BOUNCED: "Mail to {} came back: the address takes nothing",
    COMPLAINED: "{} reported mail as unwanted",
    UNSUBSCRIBED: "{} unsubscribed",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to mail to an address; `message` is the id of a message of ours, where the report names it."""

    kind: str
    address: str
    at: datetime
    source: str
    detail: str = ""
    key: str = ""
    message: UUID | None = None


def report_apply(report: Report) -> list[dict[str, str]]:
    """Write what follows from a report; returns the rows as `became` holds them. In the caller's transaction."""
    contacts = list(Contact.objects.filter(email=report.address.lower()).order_by("account_id", "id"))
    # First the accounts' locks, then their rows.
    states_lock({contact.account_id for contact in contacts})
    rows = [_row("contact", contact.pk, contact.account_id, _contact(contact, report)) for contact in contacts]
    if report.kind in (BOUNCED, COMPLAINED):
        reason = "bounce" if report.kind == BOUNCED else "complaint"
        address_suppress(channel="email", address=report.address, reason=reason, detail=report.detail)
    rows = [row for row in rows if row["outcome"]]
    if report.message is not None and (message := message_reported(report.message, report.kind)):
        rows.append(_row("message", message.pk, message.account_id, "updated"))
    return rows


def _row(noun: str, pk: UUID, account_id: UUID, outcome: str) -> dict[str, str]:
    return {"noun": noun, "id": str(pk), "account": str(account_id), "outcome": outcome}


def _contact(contact: Contact, report: Report) -> str:
    """What the report changes about a contact: "updated", "unchanged", or "" when it is not about the contact."""
    if report.kind == DELIVERED:
        return ""
    if report.kind == BOUNCED:
        changed = _bounced(contact, report)
    else:
        known = contact.consents.filter(channel="email", topic="", status=ConsentStatus.DENIED).exists()
        changed = not known
    if not changed:
        return "unchanged"
    if report.kind != BOUNCED:
        actor = Actor("contact", str(contact.pk), "contact")
        consent_set(contact=contact, status=ConsentStatus.DENIED, source=report.source, actor=actor)
    timeline_record(
        account_id=contact.account_id,
        contact_id=contact.pk,
        kind="mail",
        key=f"{report.kind}:{contact.pk}:{report.key or report.at.isoformat()}"[:200],
        title=SENTENCES[report.kind].format(contact),
        body=report.detail,
        occurred_at=report.at,
        source=report.source,
    )
    facts_touch([contact.account_id])
    return "updated"


def _bounced(contact: Contact, report: Report) -> bool:
    """Say that the address takes nothing, as the word of the provider; whether that is stored, the rules decide.

    Of somebody who has left nothing is said: that their mail comes back is no news, and why is known better already.
    """
    contact.refresh_from_db()
    if contact.status == ContactStatus.LEFT:
        return False
    before, voice = contact.words, Voice(report.source, report.at)
    won = voice.says(contact, {"status": str(ContactStatus.BOUNCED)})["status"]
    changed = bool(won != contact.status)
    contact.status = won
    if changed or contact.words != before:
        contact.save(update_fields=["status", "words", "updated_at"])
    voice.note()
    return changed
