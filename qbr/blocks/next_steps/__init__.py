"""What both sides will do next: lines that can be ticked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.accounts.models import Account
from qbr.blocks import BlockKind, no_data


def opening(account: Account, facts: Mapping[str, Any]) -> str:
    if facts["milestones_overdue"]:
        return "Finish the overdue onboarding milestones together."
    if facts["open_urgent_tickets"]:
        return "Close the urgent tickets and tell you how."
    return "Agree on the goals of the next quarter."


BLOCK = BlockKind("next_steps", "Next steps", "qbr/blocks/next_steps.html", no_data, opening, order=60)
