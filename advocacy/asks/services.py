"""Customers asked, within the limits of fairness, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from advocacy.asks.models import LEVEL_OF, Ask, AskKind, AskStatus
from advocacy.models import Candidate
from hub.accounts.models import Account, AccountFacts, Contact, ContactStatus
from hub.accounts.services import states_lock, timeline_record
from hub.outbox.models import Consent, ConsentStatus
from hub.people.audit import Actor, audit

REST: Final = timedelta(days=60)
LONGEST: Final = 2_000
TOPIC: Final = "advocacy"
"""Who has said no to it, on whatever channel, is asked for nothing."""


class AskRefused(Exception):
    """Nobody is asked now; `reason` is the code."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@transaction.atomic
def ask_create(*, account: Account, kind: str, roles: Sequence[str], text: str, cause: str) -> Ask:
    """Ask the first contact with one of the roles, else one put forward as an advocate; once per cause.

    Raises AskRefused: an open urgent ticket or red health comes first, nobody is asked twice within 60 days, and who
    wants no invitations to tell their story is not asked.
    """
    states_lock([account.pk])
    before: Ask | None = Ask.objects.filter(cause=cause).first()
    if before is not None:
        return before
    _check_account(account)
    contact = _contact(account, roles)
    if Ask.objects.filter(contact=contact, asked_at__gt=timezone.now() - REST).exists():
        raise AskRefused("asked_lately")
    known = AskKind(kind)
    ask: Ask = Ask.objects.create(
        account=account, contact=contact, kind=known, level=LEVEL_OF[known], text=text[:LONGEST], cause=cause[:200]
    )
    _tell(ask, f"Asked for: {known.label}")
    return ask


def _check_account(account: Account) -> None:
    facts = AccountFacts.objects.filter(account=account).values("open_urgent_tickets", "health_band").first()
    if facts and facts["open_urgent_tickets"]:
        raise AskRefused("arbitration:open_p1")
    if facts and facts["health_band"] == "red":
        raise AskRefused("arbitration:red_health")


def _contact(account: Account, roles: Sequence[str]) -> Contact:
    refused = Consent.objects.filter(account=account, topic=TOPIC, status=ConsentStatus.DENIED)
    said_no = set(refused.values_list("contact_id", flat=True))
    active = Contact.objects.filter(account=account, status=ContactStatus.ACTIVE).order_by("created_at", "id")
    people = [person for person in active if person.pk not in said_no]
    for role in roles:
        for person in people:
            if role in person.roles:
                chosen: Contact = person
                return chosen
    forward = Candidate.objects.filter(account=account, qualifies=True, contact__status=ContactStatus.ACTIVE)
    candidate = forward.exclude(contact__in=said_no).select_related("contact").order_by("found_at").first()
    if candidate is None:
        raise AskRefused("no_consent" if said_no else "no_contact_for_role")
    found: Contact = candidate.contact
    return found


@transaction.atomic
def ask_answer(*, ask: Ask, status: str, answer: str, actor: Actor) -> bool:
    """Write down a contact's answer; False when it was given before. Raises ValueError for what is no answer."""
    if status not in (AskStatus.ACCEPTED, AskStatus.DECLINED):
        raise ValueError("answer yes or not now")
    changed = Ask.objects.filter(pk=ask.pk, status=AskStatus.OPEN).update(
        status=status, answer=answer.replace("\0", "").strip()[:LONGEST], answered_at=timezone.now()
    )
    if not changed:
        return False
    ask.refresh_from_db()
    audit(actor, f"ask.{status}", ask)
    _tell(ask, f"{ask.get_kind_display()}: {ask.get_status_display().lower()}", answered=True)
    return True


def _tell(ask: Ask, title: str, *, answered: bool = False) -> None:
    timeline_record(
        account_id=ask.account_id,
        kind="advocacy",
        key=f"{'answer' if answered else 'ask'}:{ask.pk}",
        title=title,
        body=ask.answer if answered else ask.text,
        contact_id=ask.contact_id,
        occurred_at=ask.answered_at or ask.asked_at,
        source="asks",
    )
