"""Entries of the timeline that connectors write themselves."""

from __future__ import annotations

from datetime import datetime

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.ingest.connectors.base import Writing


def told(
    writing: Writing, *, kind: str, key: str, title: str, at: datetime, body: str = ""
) -> tuple[TimelineEntry, str]:
    """Tell something once; the entry, and whether it was told now ("created") or before ("unchanged")."""
    known: TimelineEntry | None = TimelineEntry.objects.filter(kind=kind, key=key).first()
    if known is not None:
        return known, "unchanged"
    entry = TimelineEntry(
        account_id=writing.account.pk,
        contact_id=writing.contact.pk if writing.contact else None,
        kind=kind,
        key=key,
        title=title[:300],
        body=body,
        occurred_at=at,
        source=writing.source,
    )
    timeline_record_many([entry])
    return entry, "created"
