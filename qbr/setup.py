"""What the set-up asks of reviews."""

from __future__ import annotations

from django.utils import timezone

from hub.accounts.models import Account
from hub.registry.setup import SetupState, SetupStep, setup_steps
from qbr.models import Qbr
from qbr.services import quarter_of


def covered() -> SetupState:
    """Every account has a review of this quarter that it can read."""
    quarter = quarter_of(timezone.localdate()).name
    shared = Qbr.objects.filter(quarter=quarter, shared_at__isnull=False).count()
    accounts = Account.objects.count()
    return SetupState(min(shared, accounts) if accounts else 0, max(accounts, 1), f"{shared} of {accounts} shared")


def register() -> None:
    setup_steps.register(
        SetupStep(
            "reviews", "routine", "A review for every account", "Living reviews replace the slides of a few.", covered,
            "qbr:list", "QBRs", "qbr.view", 10,
        )
    )  # fmt: skip
