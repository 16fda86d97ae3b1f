"""Reads of storms."""

from __future__ import annotations

from django.db.models import QuerySet

from signals.models import Storm, StormStatus


def storms() -> QuerySet[Storm]:
    """Storms with their triggers, the latest first."""
    found: QuerySet[Storm] = Storm.objects.select_related("trigger").order_by("-began_at", "-pk")
    return found


def storms_holding() -> list[Storm]:
    """The storms that wait for a decision. One query."""
    return list(storms().filter(status=StormStatus.HOLDING))
