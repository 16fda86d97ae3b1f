"""What follows from new identities: accounts for groups, accounts and contacts for users, events that had waited.

Runs in a worker right after the events are committed, so that no door ever waits for an account's lock. Identities are
read, slow work is done with none of them locked, and only short statements write them, in the doors' own order. An
identity stays due until the last step is done, and every step may run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Min
from django.utils import timezone

from hub.accounts.models import Account, AccountExternalId
from hub.accounts.services import account_upsert, contact_upsert, facts_touch, states_lock
from hub.ingest.models import TouchedAccounts
from hub.ingest.resolution import GROUP, USER
from hub.ingest.services import SOURCE, accounts_by_external_id, accounts_mark
from hub.ingest.traits import account_fields, contact_fields
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.usage.identities import Known, identities_find
from hub.usage.models import IdentityKind, ProductIdentity
from hub.usage.store import events_store

BATCH = 200
# Commits whose accounts are marked at once.
TOUCHES = 100
CREATE, WAIT = "create", "wait"
# First half of the advisory lock; the second is the tenant.
LOCK = 7462

# Statements name rows by `= ANY(ids)` that they have locked in a statement before: joined to a locking sub-select, a
# planner without statistics of a new tenant scans it once per row.
WRITE = """
UPDATE usage_productidentity p SET {column} = n.value
FROM unnest(%(ids)s::uuid[], %(values)s::uuid[]) AS n (id, value)
WHERE p.tenant_id = %(tenant)s AND p.id = ANY(%(ids)s) AND p.id = n.id
"""
WRITE_ACCOUNTS = WRITE.format(column="account_id")
WRITE_CONTACTS = WRITE.format(column="contact_id")
# Groups that a source has named since: a CRM import, for a tenant that waits for it.
NAMED_SINCE = """
SELECT p.id FROM usage_productidentity p
WHERE p.tenant_id = %(tenant)s AND p.kind = 'group' AND p.account_id IS NULL AND p.waiting AND EXISTS (
    SELECT 1 FROM accounts_accountexternalid x WHERE x.tenant_id = p.tenant_id AND x.value = p.key
) LIMIT %(limit)s
"""


def backlog() -> datetime | None:
    """When the oldest identity or mark became due; now when a waiting group has been named by another source."""
    due = ProductIdentity.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    touched = TouchedAccounts.objects.aggregate(at=Min("touched_at"))["at"]
    if due is None and touched is None and _named_since():
        return timezone.now()
    return min((at for at in (due, touched) if at), default=None)


class Busy(Exception):
    """Another worker follows up the same tenant."""


def drain(tenant_id: UUID) -> datetime | None:
    """Follow up everything that is due for the tenant; a moment later when another worker is at it."""
    tenant = Tenant.objects.get(pk=tenant_id)
    with tenant_context(tenant):
        ProductIdentity.objects.filter(pk__in=_named_since()).update(due_at=timezone.now())
    try:
        while sum(_step(tenant, step) for step in (_touch, _groups, _users)):
            pass
    except Busy:
        return timezone.now() + timedelta(seconds=1)
    return None


def _step(tenant: Tenant, step: Callable[[Tenant], bool]) -> bool:
    try:
        return step(tenant)
    except IntegrityError:
        # An import, a person or another program made the same row at the same moment; now it can be found.
        return step(tenant)


def _touch(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        marks = list(TouchedAccounts.objects.select_for_update(skip_locked=True)[:TOUCHES])
        touched = {account_id for mark in marks for account_id in mark.account_ids}
        facts_touch(Account.objects.filter(pk__in=touched).values_list("pk", flat=True))
        TouchedAccounts.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
    return bool(marks)


def _groups(tenant: Tenant) -> bool:
    """Find or make the accounts of due groups, and let their members know."""
    with tenant_context(tenant):
        groups = _due(IdentityKind.GROUP)
        named = accounts_by_external_id({group.key for group in groups if group.account_id is None})
        # All locks at once and in order: taken one by one they would cross those of an import.
        states_lock([*named.values(), *(group.account_id for group in groups if group.account_id)])
        for group in groups:
            account_id = group.account_id or named.get(group.key)
            if account_id or _policy(tenant) == CREATE:
                group.account_id = _account(account_id, group).pk
    known = {group.pk: group.account_id for group in groups if group.account_id}
    with tenant_context(tenant):
        homeless = [row.pk for row in _locked(pk__in=known) if row.account_id is None]
        _write(WRITE_ACCOUNTS, {pk: known[pk] for pk in homeless})
        _notify(group_key__in=[group.key for group in groups if group.account_id])
    _finish(tenant, groups, {})
    return bool(groups)


def _account(account_id: UUID | None, group: ProductIdentity) -> Account:
    """The group's account, made or found; what the product says of it fills what nobody has filled."""
    fields = account_fields(group.key, group.traits)
    if account_id is None:
        return account_upsert(source=SOURCE, external_id=group.key, fields=fields)[0]
    account: Account = Account.objects.get(pk=account_id)
    AccountExternalId.objects.bulk_create(
        [AccountExternalId(account=account, source=SOURCE, value=group.key)], ignore_conflicts=True
    )
    blank = {name: value for name, value in fields.items() if not getattr(account, name)}
    if blank:
        account_upsert(source=SOURCE, external_id=group.key, fields=blank)
    return account


def _users(tenant: Tenant) -> bool:
    """Give due users the account of their group or of their other key, then their contact and their events."""
    with tenant_context(tenant):
        users = _due(IdentityKind.USER)
    with tenant_context(tenant):
        _write(WRITE_ACCOUNTS, _accounts_of(_locked(pk__in=[user.pk for user in users], account__isnull=True)))
    with tenant_context(tenant):
        users = _with_accounts(users)
        _notify(same_as__in=[user.key for user in users if user.account_id])
    with tenant_context(tenant):
        _alone()
        described = [user for user in users if user.account_id and user.traits]
        states_lock([user.account_id for user in described if user.account_id])
        contacts = {user.pk: _contact(user, create=_policy(tenant) == CREATE) for user in described}
    _finish(tenant, users, contacts)
    return bool(users)


def _accounts_of(users: Sequence[ProductIdentity]) -> dict[UUID, UUID]:
    """The accounts that users without one have got by their group, or else by another key of the same person."""
    wanted = {(GROUP, user.group_key) for user in users} | {(USER, user.same_as) for user in users}
    tenant_id = current_tenant_id()
    known = identities_find({tenant_id: {key for key in wanted if key[1]}})[tenant_id]
    found: dict[UUID, UUID] = {}
    for user in users:
        by_group = known.get((GROUP, user.group_key), Known()).account_id
        if account_id := by_group or known.get((USER, user.same_as), Known()).account_id:
            found[user.pk] = account_id
    return found


def _with_accounts(users: list[ProductIdentity]) -> list[ProductIdentity]:
    stored = dict(ProductIdentity.objects.filter(pk__in=[u.pk for u in users]).values_list("pk", "account_id"))
    for user in users:
        user.account_id = stored[user.pk]
    return users


def _due(kind: str) -> list[ProductIdentity]:
    _alone()
    return list(ProductIdentity.objects.filter(due_at__isnull=False, kind=kind).order_by("due_at", "key")[:BATCH])


def _alone() -> None:
    """Keep other workers from the slow work of this tenant until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [LOCK, str(current_tenant_id())])
        if not cursor.fetchone()[0]:
            raise Busy


def _contact(user: ProductIdentity, *, create: bool) -> UUID | None:
    """The contact of an identified user: by the product's id, else by address; blank fields are filled."""
    account: Account = Account.objects.get(pk=user.account_id)
    fields = contact_fields(user.key, user.traits)
    found = account.contacts.filter(email=fields.get("email") or None).exists() or user.contact_id
    if not (create or found):
        return None
    email = {"email": fields["email"]} if "email" in fields else {}
    try:
        with transaction.atomic():
            contact, _ = contact_upsert(account=account, fields=email, source=SOURCE, external_id=user.key)
    except IntegrityError:
        # The address belongs to another contact of the account: the person keeps the one we know.
        contact, _ = contact_upsert(account=account, fields={}, source=SOURCE, external_id=user.key)
    blank = {name: value for name, value in fields.items() if not getattr(contact, name)}
    if blank:
        contact_upsert(account=account, fields=blank, source=SOURCE, external_id=user.key)
    return contact.pk


def _finish(tenant: Tenant, identities: Sequence[ProductIdentity], contacts: Mapping[UUID, UUID | None]) -> None:
    """Attach what waited for identities whose account is committed by now, then take them off the list.

    A door that stored an event as waiting held the identity's row until its commit: whoever has written the account
    since sees all of those events, and later ones do not wait.
    """
    ids = [identity.pk for identity in identities]
    seen = {identity.pk: identity.due_at for identity in identities}
    with tenant_context(tenant):
        waited = ProductIdentity.objects.filter(pk__in=ids, account__isnull=False, waiting=True)
        if pks := list(waited.values_list("pk", flat=True)):
            accounts_mark({tenant.pk: events_store().attach(pks).account_ids}, at=timezone.now())
    with tenant_context(tenant):
        rows = _locked(pk__in=ids)
        _write(WRITE_CONTACTS, {row.pk: found for row in rows if (found := contacts.get(row.pk))})
        # Something new may have come in meanwhile.
        done = ProductIdentity.objects.filter(pk__in=[row.pk for row in rows if row.due_at == seen[row.pk]])
        done.filter(account__isnull=False).update(waiting=False)
        done.update(due_at=None)


def _locked(**which: Any) -> list[ProductIdentity]:
    """Identities, locked in the order that everybody keeps."""
    rows = ProductIdentity.objects.select_for_update(of=("self",)).filter(**which)
    return list(rows.order_by("kind", "key"))


def _notify(**which: Any) -> None:
    """Make users due who depend on an identity whose account has become known."""
    rows = _locked(kind=IdentityKind.USER, account__isnull=True, **which)
    ProductIdentity.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=timezone.now())


def _write(statement: str, values: Mapping[UUID, UUID]) -> None:
    with connection.cursor() as cursor:
        named = {"ids": list(values), "values": list(values.values())}
        cursor.execute(statement, {"tenant": current_tenant_id(), **named})


def _named_since() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(NAMED_SINCE, {"tenant": current_tenant_id(), "limit": BATCH})
        return [pk for (pk,) in cursor.fetchall()]


def _policy(tenant: Tenant) -> str:
    """What unknown groups and users become: accounts and contacts (default), or nothing until the CRM names them."""
    ingest: Mapping[str, Any] = tenant.settings.get("ingest") or {}
    return WAIT if ingest.get("unknown_ids") == WAIT else CREATE
