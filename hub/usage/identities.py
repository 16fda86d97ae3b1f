"""Identities of the customer's product: read and written for sets of keys of several tenants, a statement for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from hub.tenancy.ids import uuid7
from hub.tenancy.statements import Statement, send

Key = tuple[str, str]
"""Kind ("group", "user") and what the product calls it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an identity; `account_id` None = its events wait."""

    account_id: UUID | None = None
    group_key: str = ""
    same_as: str = ""


@dataclass(slots=True)
class IdentityChange:
    """What came in about an identity. `waiting`: events may be stored that wait for it; `due`: follow it up."""

    account_id: UUID | None = None
    group_key: str = ""
    same_as: str = ""
    traits: dict[str, Any] = field(default_factory=dict)
    waiting: bool = False
    due: bool = False


# A look-up by the unique index for each key: whatever the planner knows of the table, and it may know nothing yet.
FIND = """
SELECT p.kind, p.key, p.account_id, p.group_key, p.same_as
FROM unnest(%(kinds)s::text[], %(keys)s::text[]) AS asked (kind, key) CROSS JOIN LATERAL (
    SELECT kind, key, account_id, group_key, same_as FROM usage_productidentity
    WHERE tenant_id = %(tenant)s AND kind = asked.kind AND key = asked.key LIMIT 1
) AS p
"""
# The row's lock makes "nobody knows the account yet, so this event waits" true until the event is committed. A user
# who names another group belongs there, even before that group's account is known. Who may have moved is told to those
# that remember identities, whatever stood there before: nobody can say that without the lock.
UPSERT = """
WITH n AS MATERIALIZED (
    SELECT * FROM unnest(
        %(id)s::uuid[], %(kind)s::text[], %(key)s::text[], %(account_id)s::uuid[], %(group_key)s::text[],
        %(same_as)s::text[], %(traits)s::jsonb[], %(waiting)s::boolean[], %(due_at)s::timestamptz[]
    ) AS n (id, kind, key, account_id, group_key, same_as, traits, waiting, due_at)
), moved AS (
    INSERT INTO usage_identitymove (tenant_id, id, kind, key, xact, moved_at)
    SELECT %(tenant)s::uuid, id, kind, key, pg_current_xact_id()::text::bigint, now() FROM n
    WHERE group_key <> '' OR same_as <> ''
)
INSERT INTO usage_productidentity AS p
    (tenant_id, id, kind, key, account_id, group_key, same_as, traits, waiting, due_at, seen_at)
SELECT %(tenant)s::uuid, id, kind, key, account_id, group_key, same_as, traits, waiting, due_at, %(at)s::timestamptz
FROM n ORDER BY kind, key
ON CONFLICT (tenant_id, kind, key) DO UPDATE SET
    account_id = CASE WHEN excluded.group_key <> '' AND excluded.group_key <> p.group_key
        THEN excluded.account_id ELSE coalesce(p.account_id, excluded.account_id) END,
    group_key = coalesce(nullif(excluded.group_key, ''), p.group_key),
    same_as = coalesce(nullif(excluded.same_as, ''), p.same_as),
    traits = p.traits || excluded.traits,
    waiting = p.waiting OR excluded.waiting,
    due_at = coalesce(excluded.due_at, p.due_at),
    seen_at = excluded.seen_at
RETURNING kind, key, account_id
"""


def identities_find(keys: Mapping[UUID, Collection[Key]]) -> dict[UUID, dict[Key, Known]]:
    """The identities among each tenant's `keys` that are known. One round trip."""
    asked = {tenant_id: own for tenant_id, own in keys.items() if own}
    found = send([Statement(FIND, _asked(pk, own), pk) for pk, own in asked.items()])
    rows = dict(zip(asked, found, strict=True))
    return {
        tenant_id: {(kind, key): Known(*rest) for kind, key, *rest in rows.get(tenant_id, ())} for tenant_id in keys
    }


def _asked(tenant_id: UUID, keys: Collection[Key]) -> dict[str, Any]:
    return {"tenant": tenant_id, "kinds": [kind for kind, _ in keys], "keys": [name for _, name in keys]}


def identities_upsert(
    changes: Mapping[UUID, Mapping[Key, IdentityChange]], *, at: datetime
) -> dict[UUID, dict[Key, UUID | None]]:
    """Write what came in and lock the rows; returns each identity's account as it is now. One round trip."""
    changed = {tenant_id: own for tenant_id, own in changes.items() if own}
    written = send([Statement(UPSERT, _values(pk, own, at), pk) for pk, own in changed.items()])
    rows = dict(zip(changed, written, strict=True))
    return {
        tenant_id: {(kind, key): account_id for kind, key, account_id in rows.get(tenant_id, ())}
        for tenant_id in changes
    }


def _values(tenant_id: UUID, changes: Mapping[Key, IdentityChange], at: datetime) -> dict[str, Any]:
    rows = [
        (uuid7(), *key, c.account_id, c.group_key, c.same_as, Jsonb(c.traits), c.waiting, at if c.due else None)
        for key, c in changes.items()
    ]
    names = ("id", "kind", "key", "account_id", "group_key", "same_as", "traits", "waiting", "due_at")
    return {"tenant": tenant_id, "at": at, **dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))}
