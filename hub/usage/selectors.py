"""Reads of usage for pages: always the daily rollups, never raw events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Sum

from hub.usage.models import UsageDaily


@dataclass(frozen=True)
class WeekOfUse:
    """Uses in the week that starts on the Monday `start`."""

    start: date
    total: int


def weekly_usage(account_id: UUID, *, first: date, last: date) -> list[WeekOfUse]:
    """Uses per week (Monday to Sunday) for every week that touches [first, last], zeros included. One query."""
    monday = first - timedelta(days=first.weekday())
    rows = (
        UsageDaily.objects.filter(account_id=account_id, day__gte=monday, day__lte=last)
        .values_list("day")
        .annotate(total=Sum("count"))
    )
    totals: dict[date, int] = {}
    for day, total in rows:
        week = day - timedelta(days=day.weekday())
        totals[week] = totals.get(week, 0) + total
    count = (last - monday).days // 7 + 1
    return [WeekOfUse(week, totals.get(week, 0)) for week in (monday + timedelta(weeks=n) for n in range(count))]


@dataclass(frozen=True)
class FeatureUse:
    name: str
    total: int


def top_features(account_id: UUID, *, first: date, last: date, limit: int = 5) -> list[FeatureUse]:
    """The features used most in [first, last]. One query."""
    rows = (
        UsageDaily.objects.filter(account_id=account_id, day__gte=first, day__lte=last)
        .values_list("name")
        .annotate(total=Sum("count"))
        .order_by("-total", "name")[:limit]
    )
    return [FeatureUse(name, total) for name, total in rows]
