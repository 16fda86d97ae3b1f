"""A signal in its account's timeline."""

from __future__ import annotations

from collections.abc import Iterable

from hub.accounts.models import TimelineEntry
from hub.accounts.services import timeline_record_many
from signals.models import Signal


def timeline_tell(signals: Iterable[Signal]) -> None:
    """Write each signal into the timeline of its account, once; the triggers are read already."""
    timeline_record_many(
        [
            TimelineEntry(
                account_id=signal.account_id,
                kind="signal",
                key=str(signal.pk),
                title=signal.sentence[:300],
                source=signal.trigger.name,
                occurred_at=signal.occurred_at,
            )
            for signal in signals
        ]
    )
