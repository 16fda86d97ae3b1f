"""Identities of the customer's product: read for a set of keys, written for a set of keys, one statement each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from hub.tenancy.context import current_tenant_id
from hub.tenancy.ids import uuid7

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


FIND = """
SELECT kind, key, account_id, group_key, same_as FROM usage_productidentity
WHERE tenant_id = %(tenant)s AND kind = 'group' AND key = ANY(%(group)s)
UNION ALL
SELECT kind, key, account_id, group_key, same_as FROM usage_productidentity
WHERE tenant_id = %(tenant)s AND kind = 'user' AND key = ANY(%(user)s)
"""
# The row's lock makes "nobody knows the account yet, so this event waits" true until the event is committed. A user
# who names another group belongs there, even before that group's account is known.
UPSERT = """
INSERT INTO usage_productidentity AS p
    (tenant_id, id, kind, key, account_id, group_key, same_as, traits, waiting, due_at, seen_at)
SELECT %(tenant)s, id, kind, key, account_id, group_key, same_as, traits, waiting, due_at, %(at)s FROM unnest(
    %(id)s::uuid[], %(kind)s::text[], %(key)s::text[], %(account_id)s::uuid[], %(group_key)s::text[],
    %(same_as)s::text[], %(traits)s::jsonb[], %(waiting)s::boolean[], %(due_at)s::timestamptz[]
) AS n (id, kind, key, account_id, group_key, same_as, traits, waiting, due_at)
ORDER BY kind, key
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


def identities_find(keys: Collection[Key]) -> dict[Key, Known]:
    """The identities among `keys` that are known. One query."""
    if not keys:
        return {}
    names = {kind: [name for of, name in keys if of == kind] for kind in ("group", "user")}
    with connection.cursor() as cursor:
        cursor.execute(FIND, {"tenant": current_tenant_id(), **names})
        return {(kind, key): Known(*rest) for kind, key, *rest in cursor.fetchall()}


def identities_upsert(changes: Mapping[Key, IdentityChange], *, at: datetime) -> dict[Key, UUID | None]:
    """Write what came in and lock the rows; returns each identity's account as it is now. One query."""
    if not changes:
        return {}
    rows = [
        (uuid7(), *key, c.account_id, c.group_key, c.same_as, Jsonb(c.traits), c.waiting, at if c.due else None)
        for key, c in changes.items()
    ]
    names = ("id", "kind", "key", "account_id", "group_key", "same_as", "traits", "waiting", "due_at")
    values = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(UPSERT, {"tenant": current_tenant_id(), "at": at, **values})
        return {(kind, key): account_id for kind, key, account_id in cursor.fetchall()}
