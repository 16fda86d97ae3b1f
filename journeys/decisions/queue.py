"""The name of the queue of decisions, and how long what was decided can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

QUEUE: Final = "decisions"
USUAL_UNDO: Final = 10
REVIEW_FOR: Final = timedelta(days=14)
"""What nobody has reviewed by then lapses."""


def undo_window(settings: Mapping[str, Any]) -> timedelta:
    """How long before its effect begins a decision can be undone: ``undo_minutes`` of the tenant's ``decisions``."""
    raw = (settings.get("decisions") or {}).get("undo_minutes", USUAL_UNDO)
    minutes = raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= 24 * 60 else USUAL_UNDO
    return timedelta(minutes=minutes)
