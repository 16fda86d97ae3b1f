"""What signals led to by way of next best action, for the pages of signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from hub.registry.effects import Effect, EffectTeller, effect_tellers
from journeys.decisions.models import Choice


def effects_of(signal_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Effect]]:
    """One query."""
    rows = Choice.objects.filter(signal_id__in=signal_ids, play__isnull=False).order_by("at", "id")
    found: dict[UUID, list[Effect]] = {}
    for choice in rows.select_related("play").defer("given", "verdicts"):
        assert choice.play is not None
        words = f"Decision “{choice.play.name}”, {choice.get_status_display().lower()}"
        found.setdefault(choice.signal_id, []).append(Effect(words, "decisions:choice", {"choice_id": choice.pk}))
    return found


def register() -> None:
    effect_tellers.register(EffectTeller("decisions", effects_of, order=90))
