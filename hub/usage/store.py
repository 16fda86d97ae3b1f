"""The event store: raw events appended once, the daily rollups moved in the same statement.

Pages and rules read the rollups. What writes and attaches raw events goes through `EventStore`, so that another store
can take their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from hub.accounts.services import facts_touch
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.ids import NUMBERED_ID, uuid7_stem
from hub.tenancy.models import Tenant
from hub.tenancy.statements import Statement, send
from hub.usage.models import ProductIdentity
from hub.usage.rows import COLUMNS, TYPES, EventRow, packed

CHUNK = 5_000
# How far back an id is looked for when its day could not be taken from the client.
LOOK_BACK = timedelta(days=8)


@dataclass(frozen=True)
class StoredEvent:
    """An event as it is read again, with what it says of itself."""

    received_at: datetime
    occurred_at: datetime
    kind: str
    name: str
    user_key: str
    group_key: str
    account_id: UUID | None
    properties: Any


@dataclass(frozen=True)
class Stored:
    """What a write came to: the events that were new, and the accounts whose rollups moved."""

    new: int
    account_ids: frozenset[UUID]

    def __or__(self, other: Stored) -> Stored:
        return Stored(self.new + other.new, self.account_ids | other.account_ids)


NOTHING: Final = Stored(0, frozenset())


class EventStore(Protocol):
    """Where raw events live. Everything happens in the open transaction, and but for `append` in a tenant's context."""

    def prepare(self, days: Iterable[date]) -> None:
        """Make room for events of these days; outside of any tenant."""

    def append(self, rows: Mapping[UUID, Sequence[EventRow]]) -> dict[UUID, Stored]:
        """Store each tenant's rows whose id is new and roll them up; needs an open transaction and no context."""

    def attach(self, identity_ids: Sequence[UUID]) -> Stored:
        """Give the waiting events of these identities (`ProductIdentity`) their account and roll them up."""

    def latest(self, limit: int) -> list[StoredEvent]:
        """The events of the last day that came in last, newest first; those of days gone by are not looked for."""


# Pages and screens say who was active, only track calls say what was used. Sorted by key: two writers meet their rows
# in the same order. The rollups' day is when it happened, the partition's the client's word for it. Ids are made of a
# stem and the row's number: gen_random_uuid() asks the system for each, which was a fifth of a whole flush.
ROLLUPS = """
, at AS (
    SELECT account_id, user_key, kind, name, quantity, (occurred_at AT TIME ZONE 'UTC')::date AS day
    FROM moved WHERE account_id IS NOT NULL
), daily AS (
    INSERT INTO usage_usagedaily AS d (tenant_id, id, account_id, day, name, count)
    SELECT %(tenant)s::uuid, {id}, account_id, day, name, sum(quantity) FROM at WHERE kind = 'track'
    GROUP BY account_id, day, name ORDER BY account_id, day, name
    ON CONFLICT (tenant_id, account_id, day, name) DO UPDATE SET count = d.count + excluded.count
), active AS (
    INSERT INTO usage_activeuserdaily (tenant_id, id, account_id, day, user_key)
    SELECT %(tenant)s::uuid, {id}, account_id, day, user_key FROM at
    WHERE user_key <> '' AND kind IN ('track', 'page', 'screen')
    GROUP BY account_id, day, user_key ORDER BY account_id, day, user_key
    ON CONFLICT (tenant_id, account_id, day, user_key) DO NOTHING
)
SELECT (SELECT count(*) FROM moved), (SELECT array_agg(DISTINCT account_id) FROM at)
""".replace("{id}", NUMBERED_ID)
APPEND = f"""
WITH moved AS (
    INSERT INTO usage_event (tenant_id, {", ".join(COLUMNS)})
    SELECT %(tenant)s::uuid, n.* FROM unnest(
        {", ".join(f"%({name})s::{kind}[]" for name, kind in zip(COLUMNS, TYPES, strict=True))}
    ) AS n
    ON CONFLICT DO NOTHING
    RETURNING account_id, user_key, kind, name, quantity, occurred_at
) {ROLLUPS}"""
ATTACH = f"""
WITH moved AS (
    UPDATE usage_event e SET account_id = p.account_id FROM usage_productidentity p
    WHERE p.tenant_id = %(tenant)s AND p.id = ANY(%(ids)s) AND p.account_id IS NOT NULL
        AND e.tenant_id = %(tenant)s AND e.account_id IS NULL
        AND {{which}} = ANY(%(keys)s)
    RETURNING e.account_id, e.user_key, e.kind, e.name, e.quantity, e.occurred_at
) {ROLLUPS}"""
ATTACH_GROUPS = ATTACH.format(which="p.kind = 'group' AND e.group_key = p.key AND e.group_key <> '' AND e.group_key")
ATTACH_USERS = ATTACH.format(which="p.kind = 'user' AND e.user_key = p.key AND e.group_key = '' AND e.user_key")
# `received_at` has a block range index: the search widens until it has found enough.
LATEST = """
SELECT received_at, occurred_at, kind, name, user_key, group_key, account_id, properties FROM usage_event
WHERE tenant_id = %s AND day >= %s AND received_at > %s ORDER BY received_at DESC, id LIMIT %s
"""
WINDOWS = (timedelta(seconds=10), timedelta(minutes=10), timedelta(hours=24))
EARLIER = """
SELECT id FROM usage_event
WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s::uuid[]) AND day >= %(since)s AND day < %(until)s
"""


class PostgresEvents:
    """Events in PostgreSQL, partitioned by day."""

    def __init__(self) -> None:
        self._days: set[date] = set()

    def prepare(self, days: Iterable[date]) -> None:
        missing = sorted(set(days) - self._days)
        with connection.cursor() as cursor:
            for day in missing:
                cursor.execute("SELECT usage_event_partition(%s)", [day])
        # Inside a transaction the new partition may yet be taken back.
        if not connection.in_atomic_block:
            self._days.update(missing)

    def append(self, rows: Mapping[UUID, Sequence[EventRow]]) -> dict[UUID, Stored]:
        fresh = {tenant_id: found for tenant_id, found in _fresh(rows).items() if found}
        if not fresh:
            return {}
        told = send([Statement(APPEND, _values(tenant_id, own), tenant_id) for tenant_id, own in fresh.items()])
        return {tenant_id: _as_stored(found) for tenant_id, [found] in zip(fresh, told, strict=True)}

    def attach(self, identity_ids: Sequence[UUID]) -> Stored:
        # The keys are in the statement too: they lead to the events by index, whatever the planner knows.
        keys = ProductIdentity.objects.filter(pk__in=identity_ids).values_list("key", flat=True)
        values = {"tenant": current_tenant_id(), "ids": list(identity_ids), "keys": list(keys), "stem": uuid7_stem()}
        with connection.cursor() as cursor:
            return _stored(cursor, ATTACH_GROUPS, values) | _stored(cursor, ATTACH_USERS, values)

    def latest(self, limit: int) -> list[StoredEvent]:
        now = timezone.now()
        found: list[StoredEvent] = []
        for window in WINDOWS:
            values: list[Any] = [current_tenant_id(), (now - timedelta(days=2)).date(), now - window, limit]
            with connection.cursor() as cursor:
                cursor.execute(LATEST, values)
                found = [_stored_event(*row) for row in cursor.fetchall()]
            if len(found) == limit:
                break
        return found


@cache
def events_store() -> EventStore:
    """The event store of this installation."""
    return PostgresEvents()


def write_events(tenant: Tenant, events: Iterable[EventRow]) -> Stored:
    """Append events of known accounts in transactions of their own and mark the accounts; for programs of ours.

    Rows that are all `historical` leave the accounts unmarked: the caller refreshes their facts.
    """
    store, total, rest = events_store(), NOTHING, iter(events)
    while chunk := list(islice(rest, CHUNK)):
        store.prepare(row.day for row in chunk)
        with tenant_context(tenant), transaction.atomic():
            stored = store.append({tenant.pk: chunk}).get(tenant.pk, NOTHING)
            if not all(row.historical for row in chunk):
                facts_touch(stored.account_ids)
        total |= stored
    return total


def _stored_event(*row: Any) -> StoredEvent:
    # Django leaves jsonb of plain SQL as text.
    return StoredEvent(*[*row[:-1], msgspec.json.decode(row[-1])])


def _fresh(rows: Mapping[UUID, Sequence[EventRow]]) -> dict[UUID, list[EventRow]]:
    """The rows of each tenant once, first come first served, without those that are stored under an earlier day."""
    unique = {tenant_id: {row.id: row for row in reversed(own)} for tenant_id, own in rows.items()}
    asked = {
        tenant_id: dated for tenant_id, own in unique.items() if (dated := [r for r in own.values() if r.look_back])
    }
    found = send([_earlier(tenant_id, dated) for tenant_id, dated in asked.items()])
    for tenant_id, earlier in zip(asked, found, strict=True):
        for (known,) in earlier:
            unique[tenant_id].pop(known.hex, None)
    return {tenant_id: list(reversed(own.values())) for tenant_id, own in unique.items()}


def _earlier(tenant_id: UUID, rows: Sequence[EventRow]) -> Statement:
    days = [row.day for row in rows]
    since, until = min(days) - LOOK_BACK, max(days)
    values = {"tenant": tenant_id, "ids": [row.id for row in rows], "since": since, "until": until}
    return Statement(EARLIER, values, tenant_id)


def _values(tenant_id: UUID, rows: Sequence[EventRow]) -> dict[str, Any]:
    return {"tenant": tenant_id, "stem": uuid7_stem(), **packed(rows)}


def _as_stored(row: Sequence[Any]) -> Stored:
    new, account_ids = row
    return Stored(new, frozenset(account_ids or ()))


def _stored(cursor: Any, statement: str, values: dict[str, Any]) -> Stored:
    cursor.execute(statement, values)
    return _as_stored(cursor.fetchone())


EVENTS_SINCE = """
SELECT account_id, name, min(occurred_at) AS at FROM usage_event
WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s::uuid[]) AND name = ANY(%(names)s::text[])
  AND occurred_at >= %(since)s AND day >= %(day)s AND NOT historical AND kind = 'track'
GROUP BY account_id, name ORDER BY at, name
"""
EVENTS_EVER = """
SELECT account_id, name, min(day)::timestamp AT TIME ZONE 'UTC' AS at FROM usage_usagedaily
WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s::uuid[]) AND name = ANY(%(names)s::text[])
GROUP BY account_id, name ORDER BY at, name
"""


def events_since(
    account_ids: Sequence[UUID], names: Sequence[str], since: datetime | None
) -> list[tuple[UUID, str, datetime]]:
    """The first event of each name of each account since then, earliest first; None asks the daily counts for ever.

    Only `track` calls, and since a time none that came as history. One query.
    """
    named: dict[str, Any] = {"tenant": current_tenant_id(), "ids": list(account_ids), "names": list(names)}
    with connection.cursor() as cursor:
        if since is None:
            cursor.execute(EVENTS_EVER, named)
        else:
            # The partition's day is the client's word for the time, which may be a day behind the corrected one.
            cursor.execute(EVENTS_SINCE, named | {"since": since, "day": since.date() - timedelta(days=1)})
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]
