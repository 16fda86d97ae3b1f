"""What an NRR hypothesis says: each part is a text. A programme is published with all of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

HYPOTHESIS: Final = {
    "input": "Input that it moves (churn, contraction, expansion …)",
    "accounts": "Accounts",
    "baseline": "Baseline",
    "expected_change": "Expected change",
    "by_when": "By when",
    "measure": "Measure",
    "comparison": "Compared with",
}


def missing(hypothesis: Mapping[str, Any]) -> list[str]:
    """The parts that are not said yet."""
    return [name for name in HYPOTHESIS if not str(hypothesis.get(name, "")).strip()]
