"""What came in by an event door, written: identities, events with their rollups, and what was wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from hub.accounts.models import AccountExternalId
from hub.accounts.services import facts_touch_free
from hub.ingest.models import QuarantinedEvent, TouchedAccount
from hub.ingest.resolution import GROUP, accounts_of, changes_of, keys_of, traits_of
from hub.ingest.segment import Call, Event, Rejection
from hub.tenancy.wake import wake
from hub.usage.identities import Key, Known, identities_find, identities_upsert
from hub.usage.store import EventRow, events_store

SOURCE = "segment"
QUEUE = "ingest"


@transaction.atomic
def events_record(
    *, events: Sequence[Event], rejections: Sequence[Rejection] = (), received_at: datetime, historical: bool = False
) -> None:
    """Store calls of the tenant in context; calls that are known by their message id change nothing.

    Accounts and contacts that the calls name for the first time are made right after, by a worker (following.py).
    The partitions of the events' days must exist (`events_store().prepare`).
    """
    known = _known(events)
    changes = changes_of(events, known)
    written = identities_upsert(changes, at=received_at)
    accounts = accounts_of(events, known, written)
    rows = [_row(event, account, received_at, historical) for event, account in zip(events, accounts, strict=True)]
    stored = events_store().append(rows)
    quarantine(rejections, received_at=received_at)
    if not historical:
        accounts_mark(stored.account_ids, at=received_at)
    if any(change.due for change in changes.values()):
        wake(QUEUE)


def accounts_mark(account_ids: Collection[UUID], *, at: datetime) -> None:
    """Mark accounts as changed without waiting for a lock: those that are locked are marked by a worker, soon."""
    missed = facts_touch_free(account_ids, at=at)
    if missed:
        TouchedAccount.objects.bulk_create([TouchedAccount(account_id=pk, touched_at=at) for pk in missed])
        wake(QUEUE)


def _known(events: Sequence[Event]) -> dict[Key, Known]:
    """What is known of the users and groups; a group may be known by what another source calls the account."""
    keys = keys_of(events)
    known = identities_find(keys)
    homeless = {key for kind, key in keys if kind == GROUP and not known.get((kind, key), Known()).account_id}
    for name, account_id in accounts_by_external_id(homeless).items():
        known[GROUP, name] = Known(account_id)
    return known


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


def _row(event: Event, account_id: UUID | None, received_at: datetime, historical: bool) -> EventRow:
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
        historical=historical,
        properties=traits_of(event) if described else event.properties,
        # A client whose clock runs ahead may have been stored under the day of receipt the first time.
        look_back=event.day_from_receipt or event.day > received_at.date(),
    )


def quarantine(rejections: Sequence[Rejection], *, received_at: datetime) -> None:
    """Keep calls that cannot be stored; the same call again adds nothing."""
    QuarantinedEvent.objects.bulk_create(
        [
            QuarantinedEvent(
                received_at=received_at,
                reason=rejection.reason,
                detail=_text(rejection.detail),
                raw=_text(rejection.raw.decode(errors="replace")),
                digest=hashlib.blake2b(rejection.reason.encode() + rejection.raw, digest_size=16).hexdigest(),
                source=SOURCE,
            )
            for rejection in rejections
        ],
        ignore_conflicts=True,
    )


def _text(value: str) -> str:
    # The one character that PostgreSQL does not store, and halves of characters that UTF-8 cannot say.
    return value.replace("\x00", "\ufffd").encode(errors="replace").decode()
