"""Identities that one writer remembers, so that users and groups it knows cost it a look-up and no query.

What it remembers is as true as what it would read: every find first asks, inside its own transaction, which identities
may have moved since the snapshot that the tenant was last seen in (`IdentityMove`), and forgets those. A move that
commits after that is one that a read at the same moment would have missed, too. An identity that goes with its account
tells nobody: the rollups' reference to the account refuses the events, and the writer forgets and reads anew.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import transaction

from hub.tenancy.statements import Statement, send
from hub.usage.identities import Key, Known, identities_find

# Identities of all tenants together; some 20 MB.
MOST: Final = 50_000
# A tenant that was not asked about for so long, in seconds, is read anew. Moves are kept for a day (upkeep.py).
LONGEST: Final = 3_600.0

# One statement, one snapshot: a move is told to who saw the one before, or else the one after.
MOVED = """
SELECT pg_current_snapshot()::text, ARRAY(
    SELECT ARRAY[kind::text, key::text] FROM usage_identitymove
    WHERE tenant_id = %(tenant)s AND xact >= pg_snapshot_xmin(%(since)s::pg_snapshot)::text::bigint
        AND NOT pg_visible_in_snapshot(xact::text::xid8, %(since)s::pg_snapshot)
)
"""


@dataclass(slots=True)
class _Tenant:
    """What is remembered of a tenant, as of a snapshot, and when that was."""

    snapshot: str | None = None
    at: float = 0.0
    known: dict[Key, Known] = field(default_factory=dict)


class RememberedIdentities:
    """Identities that have an account, by tenant; those without are read each time. For one thread."""

    def __init__(self) -> None:
        self._tenants: dict[UUID, _Tenant] = {}

    def find(self, keys: Mapping[UUID, Collection[Key]]) -> dict[UUID, dict[Key, Known]]:
        """The identities among each tenant's `keys` that are known, as the open transaction sees them.

        One round trip, and another when something is not remembered. What is read is remembered from the commit on.
        """
        asked = {tenant_id: self._recent(tenant_id) for tenant_id, own in keys.items() if own}
        told = send([Statement(MOVED, {"tenant": pk, "since": own.snapshot}, pk) for pk, own in asked.items()])
        for own, [(snapshot, moved)] in zip(asked.values(), told, strict=True):
            for kind, key in moved:
                own.known.pop((kind, key), None)
            own.snapshot, own.at = snapshot, time.monotonic()
        found = {
            tenant_id: {key: known for key in keys[tenant_id] if (known := own.known.get(key))}
            for tenant_id, own in asked.items()
        }
        missing = {pk: [key for key in keys[pk] if key not in own] for pk, own in found.items()}
        read = identities_find({pk: own for pk, own in missing.items() if own})
        if read:
            transaction.on_commit(lambda: self._remember(asked, read))
        return {tenant_id: found.get(tenant_id, {}) | read.get(tenant_id, {}) for tenant_id in keys}

    def forget(self) -> None:
        """Read everything anew."""
        self._tenants.clear()

    def _recent(self, tenant_id: UUID) -> _Tenant:
        """The tenant's, at the end of the order in which tenants were asked about."""
        own = self._tenants.pop(tenant_id, None)
        if own is None or own.at < time.monotonic() - LONGEST:
            own = _Tenant()
        self._tenants[tenant_id] = own
        return own

    def _remember(self, asked: Mapping[UUID, _Tenant], read: Mapping[UUID, Mapping[Key, Known]]) -> None:
        for tenant_id, own in read.items():
            asked[tenant_id].known |= {key: known for key, known in own.items() if known.account_id is not None}
        while sum(len(own.known) for own in self._tenants.values()) > MOST:
            del self._tenants[next(iter(self._tenants))]
