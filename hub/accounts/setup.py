"""What the set-up asks of the account record."""

from __future__ import annotations

from hub.accounts.models import Account
from hub.registry.setup import SetupState, SetupStep, setup_steps


def owned() -> SetupState:
    """At least four accounts in five have an owner."""
    accounts, owners = Account.objects.count(), Account.objects.filter(owner__isnull=False).count()
    wanted = max((accounts * 4 + 4) // 5, 1)
    return SetupState(min(owners, wanted), wanted, f"{owners} of {accounts} accounts have an owner")


def register() -> None:
    setup_steps.register(
        SetupStep(
            "accounts", "data", "Accounts with owners", "A signal without an owner is nobody's.", owned,
            "accounts:list", "Accounts", "accounts.view", 10,
        )
    )  # fmt: skip
