"""Onboarding: the milestones of the account's plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.accounts.models import Account
from hub.plans.selectors import plan_progress
from qbr.blocks import BlockKind, Data, Period


def show(account: Account, period: Period) -> Data:
    return {"progress": plan_progress(account.pk, period.today)}


def opening(account: Account, facts: Mapping[str, Any]) -> str:
    done, required = facts["milestones_done"], facts["milestones_required"]
    if not required:
        return ""
    if facts["activated_on"]:
        return f"Every required milestone is done; the account was activated on {facts['activated_on']:%-d %B %Y}."
    left = required - done
    return f"{left} required milestone{' is' if left == 1 else 's are'} still to be done."


BLOCK = BlockKind("milestones", "Milestones", "qbr/blocks/milestones.html", show, opening, order=30)
