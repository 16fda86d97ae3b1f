"""What came in by an event door, written: identities, events with their rollups, and what was wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.models import AccountExternalId
from hub.accounts.services import facts_touch_free
from hub.ingest.models import QuarantinedEvent
from hub.ingest.resolution import GROUP, accounts_of, changes_of, keys_of, traits_of
from hub.ingest.segment import Call, Event, Rejection
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.statements import Statement, send
from hub.tenancy.wake import wake_all
from hub.usage.identities import Key, Known, identities_upsert
from hub.usage.remembered import RememberedIdentities
from hub.usage.rows import EventRow
from hub.usage.store import events_store

SOURCE = "segment"
QUEUE = "ingest"

TOUCH = """
INSERT INTO ingest_touchedaccounts (tenant_id, id, account_ids, touched_at)
VALUES (%(tenant)s, %(id)s, %(accounts)s::uuid[], %(at)s)
"""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One tenant's calls, ready to store, and what was wrong with the others."""

    events: Sequence[Event]
    rejections: Sequence[Rejection] = ()


def events_record(
    incoming: Mapping[UUID, Incoming], *, received_at: datetime, remembered: RememberedIdentities
) -> None:
    """Store calls by tenant in the open transaction; calls that are known by their message id change nothing.

    A handful of round trips whatever the number of tenants. `remembered` is the caller's alone. Accounts and contacts
    that the calls name for the first time are made right after, by a worker (following.py). The partitions of the
    events' days must exist (`events_store().prepare`).
    """
    known = _known({tenant_id: keys_of(own.events) for tenant_id, own in incoming.items()}, remembered)
    changes = {tenant_id: changes_of(own.events, known[tenant_id]) for tenant_id, own in incoming.items()}
    written = identities_upsert(changes, at=received_at)
    rows = {}
    for tenant_id, own in incoming.items():
        accounts = accounts_of(own.events, known[tenant_id], written[tenant_id])
        rows[tenant_id] = [_row(*pair, received_at) for pair in zip(own.events, accounts, strict=True)]
    stored = events_store().append(rows)
    for tenant_id, own in incoming.items():
        quarantine(tenant_id, own.rejections, received_at=received_at)
    accounts_mark({tenant_id: own.account_ids for tenant_id, own in stored.items()}, at=received_at)
    wake_all(QUEUE, [tenant_id for tenant_id, own in changes.items() if any(change.due for change in own.values())])


def accounts_mark(account_ids: Mapping[UUID, Collection[UUID]], *, at: datetime) -> None:
    """Mark tenants' accounts as changed without waiting for a lock: a worker marks those that are locked, soon."""
    missed = facts_touch_free(account_ids, at=at)
    send([Statement(TOUCH, _touched(tenant_id, own, at), tenant_id) for tenant_id, own in missed.items()])
    wake_all(QUEUE, missed)


def _touched(tenant_id: UUID, account_ids: Collection[UUID], at: datetime) -> dict[str, Any]:
    return {"tenant": tenant_id, "id": uuid7(), "accounts": list(account_ids), "at": at}


def _known(keys: Mapping[UUID, Collection[Key]], remembered: RememberedIdentities) -> dict[UUID, dict[Key, Known]]:
    """What is known of the users and groups; a group may be known by what another source calls the account."""
    known = remembered.find(keys)
    for tenant_id, own in known.items():
        homeless = {name for kind, name in keys[tenant_id] if kind == GROUP and not _has_account(own, name)}
        if homeless:
            with tenant_context(tenant_id):
                own |= {(GROUP, name): Known(pk) for name, pk in accounts_by_external_id(homeless).items()}
    return known


def _has_account(known: Mapping[Key, Known], group: str) -> bool:
    return (GROUP, group) in known and known[GROUP, group].account_id is not None


def accounts_by_external_id(names: Collection[str]) -> dict[str, UUID]:
    """Accounts that a source calls so: the event doors' own ids first, then any source's if it means one account."""
    found: dict[str, dict[str, UUID]] = {}
    if names:
        links = AccountExternalId.objects.filter(value__in=names).values_list("value", "source", "account_id")
        for name, source, account_id in links:
            found.setdefault(name, {})[source] = account_id
    return {name: pk for name, by_source in found.items() if (pk := _chosen(by_source))}


def _chosen(by_source: Mapping[str, UUID]) -> UUID | None:
    if SOURCE in by_source:
        return by_source[SOURCE]
    accounts = set(by_source.values())
    return accounts.pop() if len(accounts) == 1 else None


def _row(event: Event, account_id: UUID | None, received_at: datetime) -> EventRow:
    described = event.call in (Call.IDENTIFY, Call.GROUP)
    return EventRow(
        id=event.id,
        day=event.day,
        kind=event.call.value,
        name=event.name,
        occurred_at=event.occurred_at,
        received_at=received_at,
        message_id=event.message_id,
        source=SOURCE,
        account_id=account_id,
        user_key=event.user_id or event.anonymous_id,
        group_key=event.group_id,
        properties=traits_of(event) if described else event.properties,
        # A client whose clock runs ahead may have been stored under the day of receipt the first time.
        look_back=event.day_from_receipt or event.day > received_at.date(),
    )


def quarantine(tenant_id: UUID, rejections: Sequence[Rejection], *, received_at: datetime) -> None:
    """Keep calls that cannot be stored; the same call again adds nothing."""
    if not rejections:
        return
    with tenant_context(tenant_id):
        rows = [
            QuarantinedEvent(
                received_at=received_at,
                reason=rejection.reason,
                detail=_text(rejection.detail),
                raw=_text(rejection.raw.decode(errors="replace")),
                digest=hashlib.blake2b(rejection.reason.encode() + rejection.raw, digest_size=16).hexdigest(),
                source=SOURCE,
            )
            for rejection in rejections
        ]
        QuarantinedEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _text(value: str) -> str:
    # The one character that PostgreSQL does not store, and halves of characters that UTF-8 cannot say.
    return value.replace("\x00", "\ufffd").encode(errors="replace").decode()
