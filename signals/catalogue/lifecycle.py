"""From one lifecycle stage to the next."""

from __future__ import annotations

from signals.catalogue.base import INFO, told
from signals.stages.refresh import CHANGED

TRIGGERS = (
    told(
        "stage-changed",
        "Lifecycle stage changed",
        "lifecycle",
        INFO,
        CHANGED,
        "Stage {before_label} → {stage_label}: {reason}",
    ),
)
