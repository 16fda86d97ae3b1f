"""Upserts of accounts and contacts by external id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from hub.accounts.models import Account, AccountExternalId, Contact, ContactExternalId
from hub.accounts.outgoing import account_told
from hub.accounts.services.attributes import attributes_set
from hub.accounts.services.locks import facts_touch, figures_touch, states_lock
from hub.accounts.services.provenance import Voice
from hub.people.models import Membership
from hub.tenancy.context import current_tenant_id

ACCOUNT_FIELDS = frozenset(
    {"name", "domain", "industry", "country", "segment", "tier", "seats", "signed_up_on", "source_churned", "timezone"}
)
CONTACT_FIELDS = frozenset({"email", "name", "title", "roles", "status", "left_on", "timezone"})


class OwnerError(ValueError):
    """The address given for an owner is not that of a member of the tenant."""


def owner_ids(emails: Iterable[str]) -> dict[str, UUID]:
    """Members of the tenant by their address in lower case; who is not a member is left out. One query."""
    wanted = {email.strip().lower() for email in emails}
    found = Membership.objects.filter(tenant_id=current_tenant_id(), is_active=True, user__is_active=True)
    by_address = found.annotate(address=Lower("user__email")).filter(address__in=wanted)
    return dict(by_address.values_list("address", "user_id"))


def owner_id_of(email: str) -> UUID | None:
    """The member with this address, None for the empty one (nobody); raises OwnerError when there is no such member."""
    address = email.strip().lower()
    if not address:
        return None
    found = owner_ids([address])
    if address not in found:
        raise OwnerError(f"{email} is not the address of a member who works here")
    return found[address]


@transaction.atomic
def account_upsert(
    *,
    source: str,
    external_id: str,
    fields: Mapping[str, Any],
    owner_email: str | None = None,
    as_of: datetime | None = None,
    since: Mapping[str, datetime] | None = None,
    strict: bool = False,
) -> tuple[Account, str]:
    """Create or update the account that `source` calls `external_id`.

    Says "created", "updated", "unchanged", or "stale" when `as_of` (the source's clock) is before its last word.
    `fields` may hold the names of `ACCOUNT_FIELDS`, `owner_id` and `attributes` (merged key by key); `owner_email`
    names a member, "" nobody, None leaves the owner. Unknown names raise ValueError, unknown owners OwnerError. An
    attribute that does not fit its type is kept untyped, or, when `strict`, raises AttributesError. `since`, by field
    (``attributes.<key>`` too), is given by who knows all that the source ever said: when it began to say this.
    """
    values = checked(fields, ACCOUNT_FIELDS | {"owner_id", "attributes"})
    attributes = values.pop("attributes", {})
    if owner_email is not None:
        values["owner_id"] = owner_id_of(owner_email)
    link = _account_link(source, external_id)
    if link is None:
        try:
            with transaction.atomic():
                voice = Voice(source, as_of, since=since or {})
                account = _account_create(voice, external_id, values)
                _attributes_set(account, None, attributes, voice, strict)
                account_told(account, "created")
                return account, "created"
        except IntegrityError:
            # Somebody made it at the same moment; now it can be found.
            link = _account_link(source, external_id)
            if link is None:
                raise
    states_lock([link.account_id])
    account = Account.objects.get(pk=link.account_id)
    if is_stale(link, as_of):
        return account, "stale"
    voice = Voice(source, as_of, since=since or {})
    outcome = _update(account, values, account.id, voice)
    if _attributes_set(account, None, attributes, voice, strict):
        outcome = "updated"
    voice.note()
    account_told(account, outcome)
    return account, outcome


def _attributes_set(
    account: Account, contact: Contact | None, values: Mapping[str, object], voice: Voice, strict: bool
) -> bool:
    if not values:
        return False
    changed = attributes_set(
        account=account,
        contact=contact,
        values=values,
        source=voice.source,
        voice=voice,
        known_only=False,
        lenient=not strict,
    )
    return bool(changed)


def is_stale(row: Any, as_of: datetime | None) -> bool:
    """Whether this word is older than what the row's source said last; if not, the row's clock moves on."""
    if as_of is None:
        return False
    if row.source_updated_at is not None and as_of < row.source_updated_at:
        return True
    if row.source_updated_at != as_of:
        row.source_updated_at = as_of
        row.save(update_fields=["source_updated_at"])
    return False


def _account_link(source: str, external_id: str) -> AccountExternalId | None:
    links = AccountExternalId.objects.select_for_update().filter(source=source, value=external_id)
    found: AccountExternalId | None = links.first()
    return found


def _account_create(voice: Voice, external_id: str, values: Mapping[str, Any]) -> Account:
    account = Account(**{**values, "name": values.get("name") or external_id})
    voice.says(account, values)
    account.save(force_insert=True)
    AccountExternalId.objects.create(
        account=account, source=voice.source, value=external_id, source_updated_at=voice.as_of
    )
    facts_touch([account.id])
    figures_touch([account.id], [name for name, value in values.items() if value is not None])
    return account


@transaction.atomic
def contact_upsert(
    *,
    account: Account,
    fields: Mapping[str, Any],
    source: str = "",
    external_id: str = "",
    as_of: datetime | None = None,
    strict: bool = False,
) -> tuple[Contact, str]:
    """Create or update a contact, found by external id, else by e-mail address at the account.

    Says "created", "updated", "unchanged", or "stale" when `as_of` is before the source's last word. `fields` may
    hold `attributes`, too; one that does not fit its type is kept untyped, or, when `strict`, raises AttributesError.
    """
    values = checked(fields, CONTACT_FIELDS | {"attributes"})
    attributes = values.pop("attributes", {})
    if "email" in values:
        values["email"] = values["email"].strip().lower()
    # First the account's lock, then its rows; so two who bring the same person make one contact, too.
    states_lock([account.id])
    link = _contact_link(account, source, external_id)
    contact = link.contact if link else _contact_at(account, values.get("email", ""))
    if link is not None and is_stale(link, as_of):
        return link.contact, "stale"
    voice = Voice(source, as_of)
    if contact is None:
        contact = Contact(account=account, **values)
        voice.says(contact, values)
        contact.save(force_insert=True)
        outcome = "created"
        facts_touch([account.id])
    else:
        outcome = _update(contact, values, account.id, voice)
    if external_id and link is None:
        named = ContactExternalId(
            account=account, contact=contact, source=source, value=external_id, source_updated_at=as_of
        )
        ContactExternalId.objects.bulk_create([named], ignore_conflicts=True)
    if _attributes_set(account, contact, attributes, voice, strict) and outcome == "unchanged":
        outcome = "updated"
    voice.note()
    return contact, outcome


def _contact_link(account: Account, source: str, external_id: str) -> ContactExternalId | None:
    if not external_id:
        return None
    links = ContactExternalId.objects.select_related("contact")
    found: ContactExternalId | None = links.filter(source=source, value=external_id, account=account).first()
    return found


def _contact_at(account: Account, email: str) -> Contact | None:
    if not email:
        return None
    found: Contact | None = Contact.objects.filter(account=account, email=email).first()
    return found


def checked(fields: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    if unknown := set(fields) - allowed:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}: any of {', '.join(sorted(allowed))}")
    return dict(fields)


def _update(row: Any, values: Mapping[str, Any], account_id: UUID, voice: Voice) -> str:
    """Keep what is said, and store what wins."""
    words = row.words
    won = voice.says(row, values)
    changed = [name for name, value in won.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, won[name])
    said = ["words"] if row.words != words else []
    if changed:
        row.save(update_fields=[*changed, *said, "updated_at"])
        facts_touch([account_id])
        figures_touch([account_id] if isinstance(row, Account) else [], changed)
    elif said:
        row.save(update_fields=said)
    return "updated" if changed else "unchanged"
