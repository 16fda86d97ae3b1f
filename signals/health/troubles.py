"""Red health, as a trouble that keeps back expansion and asks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.registry.troubles import Trouble, troubles
from signals.health.models import HealthBand, HealthScore


def red(account_ids: Sequence[UUID]) -> frozenset[UUID]:
    """The accounts whose health counts as red; what somebody has set by hand goes before the score."""
    rows = HealthScore.objects.filter(account_id__in=list(account_ids), shown_band=HealthBand.RED)
    return frozenset(rows.values_list("account_id", flat=True))


def register() -> None:
    troubles.register(Trouble("red_health", red))
