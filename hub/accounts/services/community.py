from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.accounts.models import Account, CommunityActivity, TimelineEntry
from hub.accounts.services.sourced import Noun, sourced_upsert
from hub.people.audit import Actor


def _timeline(row: CommunityActivity) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            account_id=row.account_id,
            contact_id=row.contact_id,
            kind="community",
            key=f"activity:{row.pk}",
            title=f"{row.get_kind_display()}: {row.title}"[:300] if row.title else row.get_kind_display(),
            url=row.url,
            source=row.source,
            occurred_at=row.occurred_at,
        )
    ]


COMMUNITY_ACTIVITY = Noun(
    "community_activity",
    CommunityActivity,
    frozenset({"contact", "kind", "title", "url", "occurred_at"}),
    required=frozenset({"kind", "occurred_at"}),
    timeline=_timeline,
)


def community_activity_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[CommunityActivity, str]:
    """Create or update an act in a community; a new one needs `kind` (ActivityKind) and `occurred_at`."""
    return sourced_upsert(
        COMMUNITY_ACTIVITY,
        account=account,
        source=source,
        external_id=external_id,
        fields=fields,
        as_of=as_of,
        actor=actor,
    )
