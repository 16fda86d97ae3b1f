"""What sources said becomes the record: words kept, owners found, rows written. Every pull and every call ends here.

One source at a time per tenant (`source_lock`): whoever writes first takes that lock, then accounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from hub.accounts.models import Account, AccountExternalId, Contact, ContactExternalId, ContactStatus
from hub.accounts.services import MissingFieldError, account_upsert, contact_left_told, contact_upsert
from hub.ingest.connectors.base import (
    COMPANY,
    PERSON,
    Called,
    Connector,
    Facts,
    History,
    Word,
    Write,
    Writing,
    latest,
    latest_given,
    said_since,
)
from hub.ingest.connectors.keeping import source_lock, words_keep
from hub.ingest.connectors.nouns import WORDS, account_checked, contact_checked, noun_retract, noun_write
from hub.ingest.connectors.places import Place, owner_of, places_of
from hub.ingest.models import HookEndpoint, SourceObject, SourceReference
from hub.revenue.models import Invoice

ACCOUNT_FIELDS: Final = frozenset(
    {"name", "domain", "industry", "country", "segment", "tier", "seats", "timezone", "attributes"}
)
CONTACT_FIELDS: Final = frozenset({"email", "name", "title", "roles", "timezone", "attributes"})


@dataclass
class Applied:
    """What words became: rows with outcomes, and things whose account nobody knows."""

    rows: list[dict[str, str]] = field(default_factory=list)
    unmatched: list[SourceObject] = field(default_factory=list)
    # Rows that cannot be made before the source says more; what it said is kept.
    incomplete: list[str] = field(default_factory=list)
    # What hangs on things that were written and cannot be stored itself, with the reason.
    refused: dict[UUID, str] = field(default_factory=dict)
    # Things that had no account before.
    found: set[UUID] = field(default_factory=set)

    def add(self, noun: str, row: Any, outcome: str, account_id: UUID) -> None:
        entry = {"noun": noun, "id": str(row.pk), "account": str(account_id), "outcome": outcome}
        if entry not in self.rows:
            self.rows.append(entry)


@transaction.atomic
def words_apply(
    connector: Connector, words: Sequence[Word], *, source: str = "", delivery_id: UUID | None = None
) -> Applied:
    """Keep words and write what follows from them; the same words again change nothing. Raises ValueError.

    `source`: the name that the record knows the source by, the connector's when left out. `delivery_id`: the call that
    carried them. Holds the locks of all accounts concerned until the end: hand over few at a time.
    """
    source = source or connector.key
    source_lock(source)
    things = words_keep(connector, source, words, delivery_id=delivery_id)
    return things_project(connector, source, things)


ORDER: Final = {COMPANY: 0, PERSON: 1}
MOST_TIMES: Final = 4


def things_project(connector: Connector, source: str, things: Iterable[SourceObject]) -> Applied:
    """Write what all words about these things amount to, and what hangs on them. Under the source's lock.

    Raises ValueError when one of these things cannot be stored. One that hangs on them and cannot be is left out, with
    its reason in ``refused``: the others have waited for it long enough.
    """
    work = _Work(connector, source)
    waiting = {thing.pk: thing for thing in things}
    asked = frozenset(waiting)
    times: Counter[UUID] = Counter()
    while waiting:
        thing = min(waiting.values(), key=lambda entry: (ORDER.get(entry.kind, 2), entry.pk))
        del waiting[thing.pk]
        times[thing.pk] += 1
        for other in work.project(thing) if thing.pk in asked else work.follow(thing):
            # Once more for each thing that it waited for; the bound is for things that point at each other.
            if times[other.pk] < MOST_TIMES:
                waiting.setdefault(other.pk, other)
    return work.applied


class _Work:
    """One pass over things of a source."""

    def __init__(self, connector: Connector, source: str) -> None:
        self.connector, self.source, self.applied = connector, source, Applied()
        self._makes: bool | None = None

    @property
    def makes_accounts(self) -> bool:
        """Whether an endpoint of the source that is open lets unknown customers become accounts."""
        if self._makes is None:
            live = HookEndpoint.objects.filter(source=self.connector.key, revoked_at__isnull=True, makes_accounts=True)
            self._makes = any(endpoint.record_source == self.source for endpoint in live)
        return self._makes

    def follow(self, thing: SourceObject) -> list[SourceObject]:
        """`project` for what hangs on another thing: what cannot be stored is noted, and nothing of it written."""
        before = len(self.applied.rows)
        try:
            with transaction.atomic():
                others = self.project(thing)
            self.applied.refused.pop(thing.pk, None)
            return others
        except ValueError as error:
            del self.applied.rows[before:]
            self.applied.refused[thing.pk] = str(error)
            return []

    def project(self, thing: SourceObject) -> list[SourceObject]:
        """Write one thing; returns others that must be written after it."""
        words = list(thing.words.order_by("at", "rank", "event").values_list("at", "facts"))
        if thing.kind in self.connector.labels:
            changed = _rename(thing, words)
            row = {"noun": f"{thing.kind}_name", "id": str(thing.pk), "account": ""}
            self.applied.rows.append({**row, "outcome": "updated" if changed else "unchanged"})
            return []
        places = places_of(words)
        _owner_keep(thing, words, places)
        before = thing.account_id
        account = self._account_of(thing, words, places)
        thing.account = account
        follow: list[SourceObject] = []
        if account is None:
            if places and (len(places) > 1 or not thing.company):
                # Who had it has it no more: it is out of the record until somebody has it who is known.
                self._retract_all(thing)
            if words and (thing.company or not places):
                self.applied.unmatched.append(thing)
        elif thing.kind == PERSON:
            follow = self._person(thing, words, account, places)
        elif thing.kind != COMPANY and words:
            follow = self._rows(thing, words, account)
        if account is not None and before is None:
            self.applied.found.add(thing.pk)
        thing.save()
        if thing.kind in ORDER and account is not None and before != account.pk:
            follow += self._owned(thing)
        return follow

    def _owned(self, thing: SourceObject) -> list[SourceObject]:
        """What belongs to a company or person whose account has just been found."""
        key = {"company": thing.external_id} if thing.kind == COMPANY else {"person": thing.external_id}
        things = SourceObject.objects.filter(source=self.source).exclude(pk=thing.pk)
        owned = list(things.filter(**key))
        if thing.kind == COMPANY:
            owned += things.filter(references__name=f"{COMPANY}:{thing.external_id}")
        return owned

    # --- Whose it is ---

    def _account_of(self, thing: SourceObject, words: History, places: list[Place]) -> Account | None:
        if thing.kind == COMPANY:
            return self._company(thing, words)
        if thing.kind == PERSON:
            # Who has left every company that is known stays where they were last.
            for place in places:
                if account := _linked(self.source, place.company):
                    return account
        if thing.company and (account := _linked(self.source, thing.company)):
            return account
        if thing.company and thing.kind != PERSON:
            return None
        if self.connector.find is not None and thing.kind != PERSON and (found := self.connector.find(latest(words))):
            by_facts: Account | None = Account.objects.filter(pk=found).first()
            return by_facts
        person = thing.external_id if thing.kind == PERSON else thing.person
        return _account_of_person(self.source, person, thing.email)

    def _company(self, thing: SourceObject, words: History) -> Account | None:
        account = _linked(self.source, thing.external_id)
        facts = latest_given(words)
        fields = {name: facts[name] for name in ACCOUNT_FIELDS & facts.keys()}
        thing.name = str(facts.get("name") or thing.name)[:200]
        if account is None and not (self.makes_accounts and fields.get("name")):
            return None
        if account is not None and not (thing.made or self.connector.masters_accounts):
            self.applied.add("account", account, "unchanged", account.pk)
            return account
        account, outcome = account_upsert(
            source=self.source,
            external_id=thing.external_id,
            fields=account_checked(fields),
            as_of=words[-1][0] if words else None,
            since=said_since(words),
        )
        thing.made = thing.made or outcome == "created"
        self.applied.add("account", account, outcome, account.pk)
        return account

    # --- What is written ---

    def _person(self, thing: SourceObject, words: History, account: Account, places: list[Place]) -> list[SourceObject]:
        facts = latest_given(words)
        fields = {name: facts[name] for name in CONTACT_FIELDS & facts.keys()}
        thing.name = str(facts.get("name") or facts.get("email") or thing.name)[:200]
        fields.setdefault("email", thing.email)
        if not (fields.get("email") or fields.get("name")):
            return []
        known = [(place, _linked(self.source, place.company)) for place in places]
        self._refer(thing, {f"{COMPANY}:{place.company}" for place in places[1:]})
        for place, at in known:
            if at is not None:
                self._contact(thing, at, fields, words[-1][0], place)
        if account not in [at for _, at in known]:
            self._contact(thing, account, fields, words[-1][0], Place(""))
        return self._waiting_for(f"{PERSON}:{thing.external_id}")

    def _contact(self, thing: SourceObject, account: Account, fields: Facts, as_of: datetime, place: Place) -> None:
        """Somebody's place at one account, also one that they have left."""
        status: Facts = {"status": ContactStatus.LEFT, "left_on": place.left_on} if place.left_on else {}
        links = ContactExternalId.objects.filter(source=self.source, value=thing.external_id, account=account)
        before: str = links.values_list("contact__status", flat=True).first() or ""
        if place.again and not place.left_on and before == ContactStatus.LEFT:
            status = {"status": ContactStatus.ACTIVE, "left_on": None}
        contact, outcome = contact_upsert(
            account=account,
            source=self.source,
            external_id=thing.external_id,
            fields=contact_checked({**fields, **status}),
            as_of=as_of,
        )
        if place.left_on and before not in ("", ContactStatus.LEFT) and contact.status == ContactStatus.LEFT:
            contact_left_told(contact=contact, left_on=place.left_on, source=self.source)
        self.applied.add("contact", contact, outcome, account.pk)

    def _refer(self, thing: SourceObject, names: set[str]) -> None:
        """Remember what else this thing depends on."""
        references = [SourceReference(thing=thing, name=name) for name in sorted(names)]
        SourceReference.objects.bulk_create(references, ignore_conflicts=True)

    def _rows(self, thing: SourceObject, words: History, account: Account) -> list[SourceObject]:
        project = self.connector.kinds[thing.kind]
        writes = self._named(thing, project(thing.external_id, words))
        written: list[list[str]] = []
        thing.waits_for = ""
        for write in writes:
            try:
                self._write(thing, write, account, words[-1][0])
            except MissingFieldError as error:
                self.applied.incomplete.append(str(error))
                continue
            written.append([write.noun, write.external_id])
        for noun, external_id in thing.rows:
            if [noun, external_id] not in written:
                noun_retract(noun, source=self.source, external_id=external_id)
        thing.rows = written
        return [other for noun, pk in written for other in self._waiting_for(f"{noun}:{pk}")]

    def _named(self, thing: SourceObject, writes: list[Write]) -> list[Write]:
        """The rows with the names of the things that they show."""
        called = {value for write in writes for value in write.fields.values() if isinstance(value, Called)}
        if not called:
            return writes
        self._refer(thing, {f"{entry.kind}:{entry.id}" for entry in called})
        things = SourceObject.objects.filter(source=self.source, external_id__in={entry.id for entry in called})
        names = {(kind, pk): name for kind, pk, name in things.values_list("kind", "external_id", "name")}

        def value(given: Any) -> Any:
            return names.get((given.kind, given.id)) or given.otherwise if isinstance(given, Called) else given

        return [replace(write, fields={name: value(given) for name, given in write.fields.items()}) for write in writes]

    def _write(self, thing: SourceObject, write: Write, account: Account, as_of: datetime) -> None:
        contact = invoice = None
        if write.contact:
            links = ContactExternalId.objects.select_related("contact").filter(source=self.source, account=account)
            link = links.filter(value=write.contact).first()
            contact = link.contact if link else None
            thing.waits_for = thing.waits_for or ("" if contact else f"{PERSON}:{write.contact}")
        elif thing.email:
            contact = Contact.objects.filter(account=account, email=thing.email).first()
        if write.invoice:
            invoices = Invoice.objects.filter(source=self.source, external_id=write.invoice, account=account)
            invoice = invoices.first()
            thing.waits_for = thing.waits_for or ("" if invoice else f"invoice:{write.invoice}")
        if write.noun in self.connector.writers:
            writing = Writing(self.source, account, contact, write.external_id, write.fields, as_of)
            row, outcome = self.connector.writers[write.noun](writing)
            self.applied.add(write.noun, row, outcome, account.pk)
            return
        row, outcome = noun_write(
            write.noun,
            source=self.source,
            external_id=write.external_id,
            account=account,
            fields=write.fields,
            as_of=as_of,
            contact=contact if write.noun in ("ticket", "survey_response", "community_activity") else None,
            invoice=invoice,
        )
        self.applied.add(write.noun, row, outcome, account.pk)

    def _retract_all(self, thing: SourceObject) -> None:
        """Take the rows of a thing out of the record."""
        left = []
        for noun, external_id in thing.rows:
            if row := noun_retract(noun, source=self.source, external_id=external_id):
                self.applied.add(noun, row, "removed", row.account_id)
            else:
                left.append([noun, external_id])
        thing.rows = left

    def _waiting_for(self, name: str) -> list[SourceObject]:
        return list(SourceObject.objects.filter(source=self.source, waits_for=name))


def _owner_keep(thing: SourceObject, words: History, places: list[Place]) -> None:
    """Whose the thing is, by the latest words that say so."""
    thing.company = owner_of(places)
    for _, entry in words:
        thing.person = entry.get("_person") or thing.person
        thing.email = (entry.get("_email") or thing.email)[:254]


def _rename(thing: SourceObject, words: History) -> bool:
    """Keep what a thing without an owner is called; what shows its name follows, some at a time (renaming.py)."""
    name = str(latest_given(words).get("name") or "")[:200]
    if not name or name == thing.name:
        return False
    thing.name = name
    thing.save(update_fields=["name"])
    named = SourceReference.objects.filter(name=f"{thing.kind}:{thing.external_id}", thing__source=thing.source)
    named.update(due=True)
    return True


def _linked(source: str, external_id: str) -> Account | None:
    links = AccountExternalId.objects.select_related("account").filter(source=source, value=external_id)
    link = links.first()
    return link.account if link else None


def _account_of_person(source: str, person: str, email: str) -> Account | None:
    """The account where somebody is a contact: by the source's id, else by an address that one account has alone."""
    if person:
        link = ContactExternalId.objects.select_related("account").filter(source=source, value=person).first()
        if link:
            account: Account = link.account
            return account
    if not email:
        return None
    found: list[Contact] = list(Contact.objects.select_related("account").filter(email=email.lower())[:2])
    return found[0].account if len(found) == 1 else None


def became_words(entry: dict[str, str]) -> str:
    """What a row of `became` is, for reading."""
    return WORDS.get(entry["noun"], entry["noun"])
