"""What signals started, for the pages of signals: journeys with their messages and tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Count

from hub.outbox.models import Message
from hub.registry.effects import Effect, EffectTeller, effect_tellers
from journeys.models import Enrollment, StepRun


def effects_of(signal_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Effect]]:
    """Three queries."""
    found: dict[UUID, list[Effect]] = {}
    enrollments = list(
        Enrollment.objects.select_related("journey").filter(signal_id__in=signal_ids).order_by("entered_at", "id")
    )
    if not enrollments:
        return found
    ids = [enrollment.pk for enrollment in enrollments]
    sent = dict(Message.objects.filter(cause_id__in=ids).order_by().values_list("cause_id").annotate(n=Count("pk")))
    runs = StepRun.objects.filter(enrollment_id__in=ids, kind="task").order_by()
    tasks = dict(runs.values_list("enrollment_id").annotate(n=Count("pk")))
    for enrollment in enrollments:
        told = _words(enrollment, sent.get(enrollment.pk, 0), tasks.get(enrollment.pk, 0))
        effect = Effect(told, "journeys:why", {"account_id": enrollment.account_id})
        found.setdefault(enrollment.signal_id, []).append(effect)
    return found


def _words(enrollment: Enrollment, messages: int, tasks: int) -> str:
    counts = [(messages, "message"), (tasks, "task")]
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n]
    state = enrollment.get_status_display().lower()
    return " · ".join([f"Journey “{enrollment.journey.name}”, {state}", *parts])


def register() -> None:
    effect_tellers.register(EffectTeller("journeys", effects_of))
