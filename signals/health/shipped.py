"""The scorecard that every tenant begins with: seven measures, from what every record holds."""

from __future__ import annotations

from typing import Any, Final

KEY: Final = "default"
NAME: Final = "All accounts"
NOTE: Final = "Shipped with Tandem"


def _measure(
    key: str, label: str, fact: str, worst: int, best: int, weight: int, *, stale: int | None = None, **given: Any
) -> dict[str, Any]:
    missing = given.pop("missing_as", None)
    return {
        "key": key,
        "label": label,
        "fact": fact,
        "with": given,
        "worst": worst,
        "best": best,
        "weight": weight,
        "stale_after": stale,
        "missing_as": missing,
    }


MEASURES: Final = (
    _measure("feature-breadth", "Feature breadth", "events_used", 0, 8, 15, stale=14, days=30),
    _measure("user-breadth", "User breadth", "seats_used", 0, 80, 15, stale=14, days=30),
    _measure("frequency", "Frequency", "use_days", 0, 20, 20, stale=14, days=30),
    _measure("support", "Support", "tickets", 6, 0, 15, days=30),
    _measure("billing", "Billing", "days_overdue", 45, 0, 10, missing_as=0),
    _measure("champion-strength", "Champion strength", "days_unseen", 90, 14, 15, role="champion"),
    _measure("executive-sponsorship", "Executive sponsorship", "days_unseen", 180, 30, 10, role="executive_sponsor"),
)
