"""Bands that people set against the score: they end by themselves, and what happened to them is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from hub.people.audit import SYSTEM, Actor, audit
from hub.rules.compile import Clock
from hub.tenancy.prepared import Places, Prepared
from signals.health.models import HealthOverride


def overrides_standing(account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, str]:
    """The bands that people have set at these accounts; ends those whose last day is over."""
    found = {}
    for override in _standing(accounts=list(account_ids)):
        if override.until < clock.today:
            override_close(override, clock.now, actor=SYSTEM, words="has run out")
        else:
            found[override.account_id] = override.band
    return found


@Prepared[HealthOverride]
def _standing(the: Places) -> Any:
    return HealthOverride.objects.filter(account_id__in=the.uuids("accounts"), ended_at__isnull=True).order_by("pk")


def override_close(override: HealthOverride, at: datetime, *, actor: Actor, words: str) -> None:
    """Write that an override counts no more, in the caller's transaction and under the account's lock."""
    HealthOverride.objects.filter(pk=override.pk).update(ended_at=at)
    audit(actor, "health.override_end", override, account=str(override.account_id))
    title = f"Health set to {override.get_band_display().lower()} by hand {words}"
    tell(override.account_id, f"override-ended:{override.pk}", title, at, actor)


def tell(account_id: UUID, key: str, title: str, at: datetime, actor: Actor, body: str = "") -> None:
    """A line in the account's timeline."""
    entry = TimelineEntry(
        account_id=account_id, kind="health", key=key, title=title[:300], body=body, source=actor.label, occurred_at=at
    )
    timeline_record_many([entry])
