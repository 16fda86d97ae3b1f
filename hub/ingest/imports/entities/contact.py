from __future__ import annotations

from hub.accounts.models import Contact, ContactExternalId, ContactRole, ContactStatus
from hub.accounts.services import CONTACT_FIELDS
from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.upsert import each
from hub.ingest.imports.values import BadValue, choice

FIELDS = {
    "email": FieldSpec("text"),
    "name": FieldSpec("text"),
    "title": FieldSpec("text"),
    "roles": FieldSpec("list"),
    "status": FieldSpec("choice", choices={value: value for value in ContactStatus.values}),
    "timezone": FieldSpec("text"),
}
ROLES = {value: value for value in ContactRole.values}


def write(batch: Batch) -> None:
    """Upsert contacts by the source's id, else by their address at the account."""
    records = each(batch.records, _prepare)
    links = ContactExternalId.objects.select_related("contact").filter(
        source=batch.source, value__in=[record.external_id for record in records]
    )
    known = {link.value: link.contact for link in links}
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
            record.outcome = _compare(contact, values, changed)
        if record.outcome != "unchanged":
            batch.touched.add(contact.account_id)
    Contact.objects.bulk_create(new, batch_size=1000)
    ContactExternalId.objects.bulk_create(fresh_links, batch_size=1000)
    Contact.objects.bulk_update(changed, sorted(CONTACT_FIELDS), batch_size=500)


def _compare(contact: Contact, values: dict[str, object], changed: list[Contact]) -> str:
    if all(getattr(contact, name) == value for name, value in values.items()):
        return "unchanged"
    for name, value in values.items():
        setattr(contact, name, value)
    changed.append(contact)
    return "updated"


def _prepare(record: Record) -> None:
    if email := record.values.get("email"):
        record.values["email"] = email.lower()
        if "@" not in email:
            record.refuse("bad_value", "expected an e-mail address", column="email", value=email)
    try:
        record.values["roles"] = [choice(role, ROLES) for role in record.values.get("roles", [])]
    except BadValue as error:
        record.refuse("bad_value", str(error), column="roles", value=", ".join(record.values["roles"]))


ENTITY = Entity("contact", FIELDS, write, order=20)
