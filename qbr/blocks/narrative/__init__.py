"""The story of the quarter in the CSM's words; generation opens it with a sentence from data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.accounts.models import Account
from qbr.blocks import BlockKind, no_data


def opening(account: Account, facts: Mapping[str, Any]) -> str:
    uses, features, users = facts["usage_30d"], facts["features_30d"], facts["active_users_30d"]
    if not uses:
        return f"{account.name} has no recorded use in the last 30 days."
    who = f"{users:,} {'person' if users == 1 else 'people'} at {account.name}" if users else account.name
    what = f"{features} feature{'' if features == 1 else 's'} {uses:,} time{'' if uses == 1 else 's'}"
    return f"In the last 30 days {who} used {what}."


BLOCK = BlockKind("narrative", "This quarter in short", "qbr/blocks/narrative.html", no_data, opening, order=10)
