"""One person across accounts: found by address, merged and split by people, and undone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Contact, ContactStatus, Person, PersonAddress, PersonEvent, PersonEventKind
from hub.accounts.services.happenings import change_record, timeline_record
from hub.accounts.services.locks import facts_touch, states_lock
from hub.accounts.services.provenance import Voice
from hub.accounts.words import HAND
from hub.people.audit import Actor, audit
from hub.tenancy.prepared import Places, Prepared

CONTACT_LEFT = "contact.left"


class PersonError(ValueError):
    """A merge, split or undo that cannot be."""


@Prepared[Contact]
def _alone(the: Places) -> Any:
    return Contact.objects.filter(account_id__in=the.uuids("accounts"), person__isnull=True).order_by("pk")


def people_link(account_ids: Sequence[UUID]) -> None:
    """Find or make the person of every contact of these accounts that has none; by address, else somebody new.

    Two who bring one address at the same moment make one person: the address is unique, the loser looks again.
    """
    alone = _alone(accounts=list(account_ids))
    if not alone:
        return
    emails = {contact.email for contact in alone if contact.email}
    known = _persons_by(emails)
    missing = sorted(emails - known.keys())
    made = Person.objects.bulk_create([Person() for _ in missing])
    PersonAddress.objects.bulk_create(
        [PersonAddress(person=person, email=email) for person, email in zip(made, missing, strict=True)],
        ignore_conflicts=True,
    )
    known |= _persons_by(missing)
    Person.objects.filter(pk__in={person.pk for person in made} - set(known.values())).delete()
    nameless = [contact for contact in alone if not contact.email]
    for contact, person in zip(nameless, Person.objects.bulk_create([Person() for _ in nameless]), strict=True):
        contact.person = person
    for contact in alone:
        if contact.email:
            contact.person_id = known[contact.email]
    Contact.objects.bulk_update(alone, ["person"], batch_size=500)


def _persons_by(emails: Collection[str]) -> dict[str, UUID]:
    return dict(PersonAddress.objects.filter(email__in=emails).values_list("email", "person_id"))


@transaction.atomic
def person_merge(*, keep: Person, other: Person, actor: Actor) -> PersonEvent:
    """Make the contacts and addresses of `other` those of `keep`. Raises PersonError for one and the same person."""
    if keep.pk == other.pk:
        raise PersonError("this is one person already")
    _locked([keep.pk, other.pk])
    contacts = list(Contact.objects.filter(person=other).values_list("pk", flat=True))
    addresses = list(PersonAddress.objects.filter(person=other).values_list("pk", flat=True))
    if not contacts:
        raise PersonError("this person has no contact any more: somebody merged them before")
    return _moved(PersonEventKind.MERGE, other, keep, contacts, addresses, actor)


@transaction.atomic
def person_split(*, person: Person, contact_ids: Iterable[UUID], actor: Actor) -> PersonEvent:
    """Make some of a person's contacts those of somebody new, with the addresses that only these have.

    Raises PersonError when that would leave nobody, or for contacts of others.
    """
    wanted = set(contact_ids)
    _locked([person.pk])
    held = {contact.pk: contact for contact in Contact.objects.filter(person=person)}
    if not wanted or not wanted <= held.keys():
        raise PersonError("choose contacts of this person")
    if wanted == held.keys():
        raise PersonError("leave at least one contact: all of them together are this person")
    left = {contact.email for pk, contact in held.items() if pk not in wanted}
    taken = {held[pk].email for pk in wanted} - left - {""}
    addresses = PersonAddress.objects.filter(person=person, email__in=taken).values_list("pk", flat=True)
    return _moved(PersonEventKind.SPLIT, person, Person.objects.create(), sorted(wanted), list(addresses), actor)


@transaction.atomic
def person_undo(*, event: PersonEvent, actor: Actor) -> PersonEvent:
    """Put back what a merge or a split moved. Raises PersonError when it was undone, or something moved since."""
    _locked([event.person_id, event.other_id])
    event = PersonEvent.objects.select_for_update().get(pk=event.pk)
    if event.undone_at is not None:
        raise PersonError("this was undone before")
    contacts, addresses = ([UUID(pk) for pk in ids] for ids in (event.contacts, event.addresses))
    still = Contact.objects.filter(pk__in=contacts)
    if still.exclude(person_id=event.person_id).exists() or _moved_on(event):
        raise PersonError("some of it was merged or split again since: undo that first")
    still.update(person_id=event.other_id)
    PersonAddress.objects.filter(pk__in=addresses, person_id=event.person_id).update(person_id=event.other_id)
    event.undone_at, event.undone_by = timezone.now(), actor.label
    event.save(update_fields=["undone_at", "undone_by"])
    audit(actor, f"person.{event.kind}_undone", event, contacts=len(contacts))
    facts_touch(set(still.values_list("account_id", flat=True)))
    return event


def _moved_on(event: PersonEvent) -> bool:
    """Whether something moved these contacts later, though it may have brought them back to where they were."""
    later = PersonEvent.objects.filter(other_id=event.person_id, undone_at=None, pk__gt=event.pk)
    return any(set(moved) & set(event.contacts) for moved in later.values_list("contacts", flat=True))


def _locked(person_ids: Sequence[UUID]) -> None:
    """The locks of these people in order, then of the accounts where they are.

    People first, for only then is it certain which accounts these are: whoever moves contacts holds the person's lock.
    It is one that rows pointing at the person do not wait for, so an evaluation that holds an account's lock and links
    its contacts goes on, and nobody waits in a circle.
    """
    list(Person.objects.select_for_update(no_key=True).filter(pk__in=person_ids).order_by("pk"))
    states_lock(set(Contact.objects.filter(person_id__in=person_ids).values_list("account_id", flat=True)))


def _moved(
    kind: PersonEventKind, other: Person, person: Person, contacts: list[UUID], addresses: list[UUID], actor: Actor
) -> PersonEvent:
    moved = Contact.objects.filter(pk__in=contacts)
    moved.update(person=person)
    PersonAddress.objects.filter(pk__in=addresses).update(person=person)
    event: PersonEvent = PersonEvent.objects.create(
        kind=kind,
        person=person,
        other=other,
        contacts=[str(pk) for pk in contacts],
        addresses=[str(pk) for pk in addresses],
        actor_label=actor.label,
    )
    audit(actor, f"person.{kind}", event, contacts=len(contacts))
    facts_touch(set(moved.values_list("account_id", flat=True)))
    return event


@transaction.atomic
def contact_left(*, contact: Contact, left_on: date, source: str = "", actor: Actor) -> bool:
    """Note that a contact left the company; False when that was known. Told once, as the change `contact.left`.

    Their roles stay in the record; nothing is sent to them any more.
    """
    states_lock([contact.account_id])
    values = {"status": ContactStatus.LEFT, "left_on": left_on}
    if not _state(contact, values, source=source, actor=actor):
        return False
    audit(actor, "contact.left", contact, left_on=left_on.isoformat())
    contact_left_told(contact=contact, left_on=left_on, source=source, known_at=timezone.now())
    return True


@transaction.atomic
def contact_left_told(*, contact: Contact, left_on: date, source: str, known_at: datetime | None = None) -> None:
    """Tell, once, that a contact whose status says so left: in the timeline, and as the change `contact.left`.

    `known_at` is when it happened as far as triggers are concerned; the day itself when left out.
    """
    at = min(timezone.now(), timezone.make_aware(datetime.combine(left_on, time())))
    timeline_record(
        account_id=contact.account_id,
        contact_id=contact.pk,
        kind="people",
        key=f"left:{contact.pk}:{left_on}",
        title=f"{contact} left the company",
        occurred_at=at,
        source=source,
    )
    change_record(
        account_id=contact.account_id,
        kind=CONTACT_LEFT,
        key=f"{contact.pk}:{left_on}",
        occurred_at=known_at or at,
        object_id=contact.pk,
        data={"roles": list(contact.roles)},
    )
    facts_touch([contact.account_id])


@transaction.atomic
def contact_returned(*, contact: Contact, actor: Actor) -> bool:
    """Take it back: the contact is at the company."""
    states_lock([contact.account_id])
    if not _state(contact, {"status": ContactStatus.ACTIVE, "left_on": None}, source="", actor=actor):
        return False
    audit(actor, "contact.returned", contact)
    facts_touch([contact.account_id])
    return True


@transaction.atomic
def contact_roles_set(*, contact: Contact, roles: Sequence[str], actor: Actor) -> bool:
    """Set a contact's roles; False when nothing changed."""
    states_lock([contact.account_id])
    row = Contact.objects.get(pk=contact.pk)
    wanted = sorted(set(roles))
    if sorted(row.roles) == wanted:
        return False
    before = list(row.roles)
    _say(row, {"roles": wanted}, source="", actor=actor)
    audit(actor, "contact.roles", row, before=before, after=wanted)
    facts_touch([row.account_id])
    return True


def _state(contact: Contact, values: dict[str, Any], *, source: str, actor: Actor) -> bool:
    """Give a contact another status; False when it has that."""
    row = Contact.objects.get(pk=contact.pk)
    if row.status == values["status"]:
        return False
    _say(row, values, source=source, actor=actor)
    return True


def _say(row: Contact, values: dict[str, Any], *, source: str, actor: Actor) -> None:
    """Store what somebody noted, and keep whose word it is: what has happened is not up to a rule."""
    voice = Voice(HAND, by=actor.label) if actor.kind == "user" else Voice(source)
    voice.says(row, values)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=[*values, "words", "updated_at"])
    voice.note()
