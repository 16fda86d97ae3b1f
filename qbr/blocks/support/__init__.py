"""Support in the quarter: tickets opened and closed, how fast, how happy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.accounts.models import Account
from hub.feedback.selectors import support_summary
from qbr.blocks import BlockKind, Data, Period


def show(account: Account, period: Period) -> Data:
    return {"support": support_summary(account.pk, first=period.starts_on, end=period.ends_on)}


def opening(account: Account, facts: Mapping[str, Any]) -> str:
    waiting = facts["open_tickets"]
    if not waiting:
        return "No ticket is open."
    urgent = facts["open_urgent_tickets"]
    return f"{waiting} ticket{'s are' if waiting != 1 else ' is'} open" + (
        f", {urgent} of them urgent." if urgent else "."
    )


BLOCK = BlockKind("support", "Support", "qbr/blocks/support.html", show, opening, order=50)
