"""The customer's own objectives: where they began, where they stand, where they want to be."""

from __future__ import annotations

from hub.accounts.models import Account
from hub.plans.models import Objective
from qbr.blocks import BlockKind, Data, Period, no_opening


def show(account: Account, period: Period) -> Data:
    return {"objectives": list(Objective.objects.filter(account=account).order_by("due_on", "created_at"))}


BLOCK = BlockKind("goals", "Your goals", "qbr/blocks/goals.html", show, no_opening, order=40)
