"""Writes of the shared record: upserts by external id, the timeline, and telling that something changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import (
    Account,
    AccountExternalId,
    AccountState,
    Change,
    Contact,
    ContactExternalId,
    TimelineEntry,
)
from hub.tenancy.wake import wake

EVALUATE = "evaluate"


def facts_touch(account_ids: Iterable[UUID], *, at: datetime | None = None) -> None:
    """Mark accounts as changed: raise their `fact_version`, leave them dirty, and wake evaluation on commit.

    Takes the account locks in id order, so concurrent callers cannot deadlock.
    """
    at = at or timezone.now()
    with transaction.atomic():
        if locked := states_lock(account_ids):
            AccountState.objects.filter(pk__in=locked).update(fact_version=F("fact_version") + 1, dirty_at=at)
            wake(EVALUATE)


def states_lock(account_ids: Iterable[UUID]) -> list[UUID]:
    """Take the locks of accounts in id order, making state rows that are missing; returns the rows' ids.

    The account's lock comes before any other row of its: the evaluation holds it while it writes milestones, trigger
    states and enrollments, so whoever writes those first and asks for the lock after can deadlock with it.
    """
    ids = sorted(set(account_ids))
    if not ids:
        return []
    states = AccountState.objects.filter(account_id__in=ids).order_by("account_id")
    # Missing rows are made before any lock is held: who waits for another's insert must hold nothing that one wants.
    states_ensure(sorted(set(ids) - set(states.values_list("account_id", flat=True))))
    return list(states.select_for_update().values_list("pk", flat=True))


def facts_touch_free(account_ids: Iterable[UUID], *, at: datetime) -> set[UUID]:
    """`facts_touch` for those who must not wait for a lock: returns the accounts that it could not mark."""
    ids = sorted(set(account_ids))
    if not ids:
        return set()
    with transaction.atomic():
        free = AccountState.objects.select_for_update(skip_locked=True).filter(account_id__in=ids)
        locked = dict(free.order_by("account_id").values_list("pk", "account_id"))
        AccountState.objects.filter(pk__in=locked).update(fact_version=F("fact_version") + 1, dirty_at=at)
        if locked:
            wake(EVALUATE)
    return set(ids) - set(locked.values())


def states_ensure(account_ids: Sequence[UUID]) -> None:
    """Make the state rows that are missing."""
    AccountState.objects.bulk_create(
        [AccountState(account_id=account_id) for account_id in account_ids],
        ignore_conflicts=True,
    )


def change_record(
    *,
    account_id: UUID,
    kind: str,
    key: str,
    occurred_at: datetime,
    object_id: UUID | None = None,
    data: Mapping[str, Any] | None = None,
    origin: str = "",
    depth: int = 0,
    historical: bool = False,
) -> bool:
    """Store that something happened, once per (kind, key), and wake evaluation; False when it was known."""
    with transaction.atomic():
        made = Change.objects.bulk_create(
            [
                Change(
                    account_id=account_id,
                    kind=kind,
                    key=key,
                    object_id=object_id,
                    occurred_at=occurred_at,
                    data=dict(data or {}),
                    origin=origin,
                    depth=depth,
                    historical=historical,
                    handled_at=timezone.now() if historical else None,
                )
            ],
            ignore_conflicts=True,
        )
        stored: bool = Change.objects.filter(pk=made[0].pk).exists()
        if stored:
            facts_touch([account_id])
    return stored


def timeline_record(
    *,
    account_id: UUID,
    kind: str,
    key: str,
    title: str,
    occurred_at: datetime,
    body: str = "",
    url: str = "",
    source: str = "",
    contact_id: UUID | None = None,
    customer_visible: bool = False,
) -> None:
    """Write one timeline entry; the same (kind, key) again changes nothing."""
    timeline_record_many(
        [
            TimelineEntry(
                account_id=account_id,
                kind=kind,
                key=key,
                title=title[:300],
                body=body,
                url=url,
                source=source,
                contact_id=contact_id,
                occurred_at=occurred_at,
                customer_visible=customer_visible,
            )
        ]
    )


def timeline_record_many(entries: Sequence[TimelineEntry]) -> None:
    TimelineEntry.objects.bulk_create(entries, ignore_conflicts=True, batch_size=1000)


ACCOUNT_FIELDS = frozenset(
    {"name", "domain", "industry", "country", "segment", "tier", "seats", "signed_up_on", "source_churned", "timezone"}
)
CONTACT_FIELDS = frozenset({"email", "name", "title", "roles", "status", "timezone"})


@transaction.atomic
def account_upsert(*, source: str, external_id: str, fields: Mapping[str, Any]) -> tuple[Account, str]:
    """Create or update the account that `source` calls `external_id`; say "created", "updated" or "unchanged".

    `fields` may hold the names of `ACCOUNT_FIELDS`, `owner_id` and `attributes` (merged key by key). Unknown names
    raise ValueError.
    """
    values = _checked(fields, ACCOUNT_FIELDS | {"owner_id", "attributes"})
    link = _account_link(source, external_id)
    if link is None:
        try:
            with transaction.atomic():
                return _account_create(source, external_id, values), "created"
        except IntegrityError:
            # Somebody made it at the same moment; now it can be found.
            link = _account_link(source, external_id)
            if link is None:
                raise
    states_lock([link.account_id])
    account = Account.objects.get(pk=link.account_id)
    if "attributes" in values:
        values["attributes"] = {**account.attributes, **values["attributes"]}
    return account, _update(account, values, account.id)


def _account_link(source: str, external_id: str) -> AccountExternalId | None:
    links = AccountExternalId.objects.select_for_update().filter(source=source, value=external_id)
    found: AccountExternalId | None = links.first()
    return found


def _account_create(source: str, external_id: str, values: Mapping[str, Any]) -> Account:
    account: Account = Account.objects.create(**{**values, "name": values.get("name") or external_id})
    AccountExternalId.objects.create(account=account, source=source, value=external_id)
    facts_touch([account.id])
    return account


@transaction.atomic
def contact_upsert(
    *, account: Account, fields: Mapping[str, Any], source: str = "", external_id: str = ""
) -> tuple[Contact, str]:
    """Create or update a contact, found by external id, else by e-mail address at the account."""
    values = _checked(fields, CONTACT_FIELDS)
    if "email" in values:
        values["email"] = values["email"].strip().lower()
    # First the account's lock, then its rows; so two who bring the same person make one contact, too.
    states_lock([account.id])
    contact = _contact_for(account, values.get("email", ""), source, external_id)
    if contact is None:
        contact = Contact.objects.create(account=account, **values)
        outcome = "created"
        facts_touch([account.id])
    else:
        outcome = _update(contact, values, account.id)
    if external_id:
        ContactExternalId.objects.bulk_create(
            [ContactExternalId(account=account, contact=contact, source=source, value=external_id)],
            ignore_conflicts=True,
        )
    return contact, outcome


def _contact_for(account: Account, email: str, source: str, external_id: str) -> Contact | None:
    if external_id:
        link = (
            ContactExternalId.objects.select_related("contact")
            .filter(source=source, value=external_id, account=account)
            .first()
        )
        if link is not None:
            linked: Contact = link.contact
            return linked
    if email:
        found: Contact | None = Contact.objects.filter(account=account, email=email).first()
        return found
    return None


def _checked(fields: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    if unknown := set(fields) - allowed:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}: any of {', '.join(sorted(allowed))}")
    return dict(fields)


def _update(row: Any, values: Mapping[str, Any], account_id: UUID) -> str:
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    if not changed:
        return "unchanged"
    for name in changed:
        setattr(row, name, values[name])
    row.save(update_fields=[*changed, "updated_at"])
    facts_touch([account_id])
    return "updated"
