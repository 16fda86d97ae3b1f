"""What other systems are told about accounts."""

from __future__ import annotations

from django.utils import timezone

from hub.accounts.models import Account
from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell

CREATED, UPDATED = "account.created", "account.updated"
DATA = ("account_id", "account_name", "domain", "segment", "industry", "stage", "attributes")


def register() -> None:
    outgoing_kinds.register(OutgoingKind(CREATED, "An account was made, by whatever door it came.", DATA, 30))
    outgoing_kinds.register(OutgoingKind(UPDATED, "A source or a person changed an account's fields.", DATA, 35))


def account_told(account: Account, outcome: str) -> None:
    """Tell of an upsert whose outcome is created or updated; another outcome is nothing to tell."""
    if outcome in ("created", "updated"):
        tell(f"account.{outcome}", lambda: [_happening(account)])


def _happening(account: Account) -> Happening:
    now = timezone.now()
    data = {
        "account_id": str(account.pk),
        "account_name": account.name,
        "domain": account.domain,
        "segment": account.segment,
        "industry": account.industry,
        "stage": account.stage,
        "attributes": account.attributes,
    }
    return Happening(f"{account.pk}:{now.isoformat()}", data, now, account.pk)
