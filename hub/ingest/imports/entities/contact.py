from __future__ import annotations

from hub.accounts.models import Contact, ContactExternalId, ContactRole, ContactStatus
from hub.accounts.services import CONTACT_FIELDS, Voice, words_restore
from hub.ingest.imports.bulk import copy_create
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each
from hub.ingest.imports.values import BadValue, choice

ROLES = {value: value for value in ContactRole.values}
FIELDS = {
    "email": FieldSpec("text", longest=254, also=("e_mail", "mail", "email_address", "work_email", "contact_email")),
    "name": FieldSpec("text", longest=200, also=("full_name", "contact_name", "person", "display_name")),
    "first_name": FieldSpec("text", longest=100, also=("firstname", "given_name", "forename")),
    "last_name": FieldSpec("text", longest=100, also=("lastname", "surname", "family_name")),
    "title": FieldSpec("text", longest=200, also=("job_title", "jobtitle", "position", "function")),
    "roles": FieldSpec("list", choices=ROLES, also=("role", "contact_role", "buying_role")),
    "status": FieldSpec(
        "choice", choices={value: value for value in ContactStatus.values}, also=("contact_status", "state")
    ),
    "timezone": FieldSpec("text", longest=64, also=("time_zone", "tz")),
}
CONTACTS = Trace(Contact, (*sorted(CONTACT_FIELDS), "account_id"), undo=lambda gone, restored: words_restore(restored))
LINKS = Trace(ContactExternalId, ("contact_id", "value"))


def write(batch: Batch) -> None:
    """Upsert contacts by the source's id, else by their address at the account."""
    records = each(batch.records, _prepare)
    links = ContactExternalId.objects.select_related("contact").filter(
        source=batch.source, value__in=[record.external_id for record in records]
    )
    known = {link.value: link.contact for link in links}
    voice = Voice(batch.source, batch.as_of)
    by_email = {
        (contact.account_id, contact.email): contact
        for contact in Contact.objects.filter(email__in=[r.values["email"] for r in records if r.values.get("email")])
    }
    new: list[Contact] = []
    changed: list[Contact] = []
    fresh_links: list[ContactExternalId] = []
    for record in records:
        values = {name: value for name, value in record.values.items() if name in CONTACT_FIELDS}
        contact = known.get(record.external_id)
        if contact is None:
            assert record.account_id is not None  # references are resolved before a writer runs
            contact = by_email.get((record.account_id, values.get("email", "")))
            if contact is None:
                contact = Contact(account_id=record.account_id, **values)
                voice.says(contact, values)
                if contact.email:
                    by_email[record.account_id, contact.email] = contact
                new.append(contact)
                record.outcome = "created"
            fresh_links.append(
                ContactExternalId(
                    account_id=contact.account_id, contact=contact, source=batch.source, value=record.external_id
                )
            )
        if not record.outcome:
            record.outcome = _compare(batch, contact, voice, values, changed)
        if record.outcome != "unchanged":
            batch.touched.add(contact.account_id)
    copy_create(new)
    copy_create(fresh_links)
    batch.journal.created(CONTACTS, new)
    batch.journal.created(LINKS, fresh_links)
    with batch.released():
        Contact.objects.bulk_update(changed, [*sorted(CONTACT_FIELDS), "words"], batch_size=500)
        voice.note()


def _compare(batch: Batch, contact: Contact, voice: Voice, values: dict[str, object], changed: list[Contact]) -> str:
    words = contact.words
    won = voice.says(contact, values)
    before = {name: getattr(contact, name) for name, value in won.items() if getattr(contact, name) != value}
    for name in before:
        setattr(contact, name, won[name])
    said: dict[str, object] = {"words": words} if contact.words is not words else {}
    if before or said:
        batch.journal.changed(CONTACTS, contact, before | said)
        changed.append(contact)
    return "updated" if before else "unchanged"


def _prepare(record: Record) -> None:
    parts = [str(record.values.pop(name, "") or "") for name in ("first_name", "last_name")]
    if any(parts) and not record.values.get("name"):
        record.values["name"] = " ".join(part for part in parts if part)
    if record.values.get("status") is None:
        record.values.pop("status", None)
    if email := record.values.get("email"):
        record.values["email"] = email.lower()
        if "@" not in email:
            record.refuse("bad_value", "expected an e-mail address", column="email", value=email)
    if "roles" not in record.values:
        return
    try:
        record.values["roles"] = [choice(role, ROLES) for role in record.values["roles"]]
    except BadValue as error:
        record.refuse("bad_value", str(error), column="roles", value=", ".join(record.values["roles"]))


ENTITY = Entity(
    "contact",
    FIELDS,
    write,
    title="Contacts",
    names=("contact", "people", "person", "user", "member"),
    traces=(LINKS, CONTACTS),
    ids=("id", "contact_id", "user_id", "person_id", "external_id"),
    order=20,
)
