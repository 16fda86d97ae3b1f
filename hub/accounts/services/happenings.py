"""What happened at an account: changes that may start something, and the timeline that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.models import Change, TimelineEntry
from hub.accounts.services.locks import facts_touch


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


def timeline_sql(rows: str) -> str:
    """SQL that writes an entry for each of `rows`, a relation of the statement it becomes part of.

    For statements that write many things at once. The relation has the columns id, tenant_id, account_id, contact_id,
    kind, key, title, source and occurred_at; what is written already stays as it is.
    """
    columns = "id, tenant_id, account_id, contact_id, kind, key, title, source, occurred_at"
    return (
        f"INSERT INTO accounts_timelineentry ({columns}, body, url, customer_visible, created_at)"
        f" SELECT {columns}, '', '', false, now() FROM {rows} ON CONFLICT DO NOTHING"
    )
