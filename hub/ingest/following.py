"""What follows from new identities: accounts for groups, accounts and contacts for users, events that had waited.

Runs in a worker right after the events are committed, so that no door ever waits for an account's lock. Each step is a
transaction of its own; an identity stays due until the last of them is done, and every step may run twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Min
from django.utils import timezone

from hub.accounts.models import Account, AccountExternalId
from hub.accounts.services import account_upsert, contact_upsert, facts_touch
from hub.ingest.models import TouchedAccount
from hub.ingest.services import SOURCE, accounts_by_external_id, accounts_mark
from hub.ingest.traits import account_fields, contact_fields
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import IdentityKind, ProductIdentity
from hub.usage.store import events_store

BATCH = 200
TOUCHES = 2_000
CREATE, WAIT = "create", "wait"

# Everybody locks identities in the order of kind and key, as the doors do.
FOLLOW = """
UPDATE usage_productidentity p SET account_id = f.account_id
FROM (
    SELECT u.id, coalesce(g.account_id, s.account_id) AS account_id
    FROM usage_productidentity u
    LEFT JOIN usage_productidentity g ON g.tenant_id = u.tenant_id AND g.kind = 'group' AND g.key = u.group_key
    LEFT JOIN usage_productidentity s ON s.tenant_id = u.tenant_id AND s.kind = 'user' AND s.key = u.same_as
    WHERE u.tenant_id = %(tenant)s AND u.id = ANY(%(ids)s) AND u.account_id IS NULL
    ORDER BY u.kind, u.key FOR UPDATE OF u
) f WHERE p.tenant_id = %(tenant)s AND p.id = f.id AND f.account_id IS NOT NULL
"""
# Those who depend on an identity whose account has become known: members of the group, other keys of the person.
DEPENDENTS = """
UPDATE usage_productidentity p SET due_at = %(at)s
FROM (
    SELECT u.id FROM usage_productidentity u
    WHERE u.tenant_id = %(tenant)s AND u.kind = 'user' AND u.account_id IS NULL AND {which} = ANY(%(keys)s)
    ORDER BY u.kind, u.key FOR UPDATE
) d WHERE p.tenant_id = %(tenant)s AND p.id = d.id
"""
MEMBERS = DEPENDENTS.format(which="u.group_key <> '' AND u.group_key")
SAME = DEPENDENTS.format(which="u.same_as <> '' AND u.same_as")
# Unless something new has come in meanwhile.
DONE = """
UPDATE usage_productidentity p SET due_at = NULL
FROM (
    SELECT u.id FROM usage_productidentity u
    JOIN unnest(%(ids)s::uuid[], %(seen)s::timestamptz[]) AS d (id, due_at) ON d.id = u.id AND d.due_at = u.due_at
    WHERE u.tenant_id = %(tenant)s ORDER BY u.kind, u.key FOR UPDATE OF u
) d WHERE p.tenant_id = %(tenant)s AND p.id = d.id
"""
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
    touched = TouchedAccount.objects.aggregate(at=Min("touched_at"))["at"]
    if due is None and touched is None and _named_since():
        return timezone.now()
    return min((at for at in (due, touched) if at), default=None)


def drain(tenant_id: UUID) -> datetime | None:
    """Follow up everything that is due for the tenant."""
    tenant = Tenant.objects.get(pk=tenant_id)
    steps = (_touch, _groups, _users)
    with tenant_context(tenant):
        ProductIdentity.objects.filter(pk__in=_named_since()).update(due_at=timezone.now())
    while sum(_step(tenant, step) for step in steps):
        pass
    return None


def _step(tenant: Tenant, step: Any) -> bool:
    try:
        return bool(step(tenant))
    except IntegrityError:
        # Another worker, an import or a person made the same row at the same moment; now it can be found.
        return bool(step(tenant))


def _touch(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        marks = list(TouchedAccount.objects.select_for_update(skip_locked=True)[:TOUCHES])
        facts_touch(mark.account_id for mark in marks)
        TouchedAccount.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
    return bool(marks)


def _groups(tenant: Tenant) -> bool:
    """Find or make the accounts of due groups, and let their members know."""
    with tenant_context(tenant):
        groups = _claim(IdentityKind.GROUP)
        named = accounts_by_external_id({group.key for group in groups if group.account_id is None})
        for group in groups:
            account_id = group.account_id or named.get(group.key)
            if account_id or _policy(tenant) == CREATE:
                group.account_id = _account(account_id, group).pk
                ProductIdentity.objects.filter(pk=group.pk).update(account_id=group.account_id)
        known = [group for group in groups if group.account_id]
        _execute(MEMBERS, keys=[group.key for group in known])
        _attach(groups)
        _execute(DONE, ids=[group.pk for group in groups], seen=[group.due_at for group in groups])
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
        users = _claim(IdentityKind.USER)
        _execute(FOLLOW, ids=[user.pk for user in users])
        for user in users:
            user.refresh_from_db(fields=["account"])
            if user.account_id and user.traits:
                _contact(user, create=_policy(tenant) == CREATE)
        _attach(users)
    # Other keys of these people may be locked by a door that waits for ours: only now, with nothing held.
    with tenant_context(tenant):
        _execute(SAME, keys=[user.key for user in users if user.account_id])
    with tenant_context(tenant):
        _execute(DONE, ids=[user.pk for user in users], seen=[user.due_at for user in users])
    return bool(users)


def _claim(kind: str) -> list[ProductIdentity]:
    due = ProductIdentity.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        due_at__isnull=False, kind=kind
    )
    return list(due.order_by("key")[:BATCH])


def _contact(user: ProductIdentity, *, create: bool) -> None:
    """The contact of an identified user: by the product's id, else by address; blank fields are filled."""
    account: Account = Account.objects.get(pk=user.account_id)
    fields = contact_fields(user.key, user.traits)
    found = account.contacts.filter(email=fields.get("email") or None).exists() or user.contact_id
    if not (create or found):
        return
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
    ProductIdentity.objects.filter(pk=user.pk).update(contact=contact)


def _attach(identities: Sequence[ProductIdentity]) -> None:
    """Attach the events that waited for these identities, which the caller has locked."""
    waited = [identity.pk for identity in identities if identity.account_id and identity.waiting]
    if waited:
        accounts_mark(events_store().attach(waited).account_ids, at=timezone.now())
        ProductIdentity.objects.filter(pk__in=waited).update(waiting=False)


def _named_since() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(NAMED_SINCE, {"tenant": current_tenant_id(), "limit": BATCH})
        return [pk for (pk,) in cursor.fetchall()]


def _policy(tenant: Tenant) -> str:
    """What unknown groups and users become: accounts and contacts (default), or nothing until the CRM names them."""
    ingest: Mapping[str, Any] = tenant.settings.get("ingest") or {}
    return WAIT if ingest.get("unknown_ids") == WAIT else CREATE


def _execute(statement: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "at": timezone.now(), **values})
