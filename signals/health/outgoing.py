"""What other systems are told of health."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell
from signals.health.models import HealthScore

HEALTH = "account.health_changed"


def register() -> None:
    data = ("account_id", "account_name", "score", "band", "worst")
    outgoing_kinds.register(OutgoingKind(HEALTH, "An account's health score or band changed.", data, 45))


def health_changed(ids: Sequence[UUID], moment: datetime) -> None:
    """Tell the health of these accounts."""
    tell(HEALTH, lambda: [_happening(row, moment) for row in _rows(ids)])


def _rows(ids: Sequence[UUID]) -> list[HealthScore]:
    return list(HealthScore.objects.select_related("account").filter(account_id__in=ids).order_by("account_id"))


def _happening(row: HealthScore, moment: datetime) -> Happening:
    data = {
        "account_id": str(row.account_id),
        "account_name": row.account.name,
        "score": row.score,
        "band": row.shown_band,
        "worst": row.worst,
    }
    return Happening(f"{row.account_id}:{moment.isoformat()}", data, moment, row.account_id)
