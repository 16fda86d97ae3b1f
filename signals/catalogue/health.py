"""Health: a score that turned red, and one that fell fast."""

from __future__ import annotations

from signals.catalogue.base import CRITICAL, PAYS, WARNING, computed, every, fact

TRIGGERS = (
    computed(
        "health-red", "Health turned red", "health", CRITICAL, every(PAYS, fact("health_band", "eq", "red")),
        sentence="Health is red at {health_score} of 100 points", tells=("health_score",), cooldown_days=14,
    ),
    computed(
        "health-dropped", "Health dropped", "health", WARNING,
        every(PAYS, fact("health_change", "lte", -15, days=30)), cooldown_days=30,
    ),
)  # fmt: skip
