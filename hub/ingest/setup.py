"""What the set-up asks of the doors: that something came in by one."""

from __future__ import annotations

from hub.accounts.models import Account
from hub.registry.setup import SetupState, SetupStep, setup_steps


def brought_in() -> SetupState:
    """An account is there, by whatever door it came."""
    there = Account.objects.exists()
    return SetupState(int(there), 1, "accounts are there" if there else "there is no account yet")


def register() -> None:
    setup_steps.register(
        SetupStep(
            "data-in", "guide", "Bring in your accounts", "Everything else reads them: import a file, connect a system,"
            " or let your product send events.", brought_in, "imports:new", "Import files", "imports.run", 5,
        )
    )  # fmt: skip
