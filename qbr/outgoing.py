"""What other systems are told about QBRs."""

from __future__ import annotations

from datetime import datetime

from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell
from qbr.models import Qbr

SHARED = "qbr.shared"
DATA = ("id", "account_id", "account_name", "quarter", "shared_at")


def register() -> None:
    outgoing_kinds.register(OutgoingKind(SHARED, "A QBR was shared with the customer.", DATA, 80))


def shared(qbr: Qbr, moment: datetime) -> None:
    tell(SHARED, lambda: [_happening(qbr, moment)])


def _happening(qbr: Qbr, moment: datetime) -> Happening:
    data = {
        "id": str(qbr.pk),
        "account_id": str(qbr.account_id),
        "account_name": qbr.account.name,
        "quarter": qbr.quarter,
        "shared_at": moment.isoformat(),
    }
    return Happening(str(qbr.pk), data, moment, qbr.account_id)
