"""Reads of usage for pages: always the daily rollups, never raw events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from hub.tenancy.context import current_tenant_id
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
    return _by_week(rows, monday, last)


def _by_week(rows: Iterable[tuple[date, int]], monday: date, last: date) -> list[WeekOfUse]:
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


# One walk over the account's rows for its weeks and its features; a total of a day has no name, and the other way.
PANEL: Final = """
SELECT day, name, sum(count)::bigint, coalesce(sum(count) FILTER (WHERE day >= %(since)s), 0)::bigint
FROM usage_usagedaily
WHERE tenant_id = %(tenant)s AND account_id = %(account)s AND day >= %(first)s AND day <= %(today)s
GROUP BY GROUPING SETS ((day), (name))
"""


def weeks_and_features(
    account_id: UUID, *, weeks: int, today: date, days: int = 30, limit: int = 5
) -> tuple[list[WeekOfUse], list[FeatureUse]]:
    """The last complete weeks, and the features used most in the last ``days``. One query."""
    last = today - timedelta(days=today.weekday() + 1)
    first = last - timedelta(days=7 * weeks - 1)
    since = today - timedelta(days=days - 1)
    values: dict[str, Any] = {
        "tenant": current_tenant_id(), "account": account_id, "first": min(first, since), "since": since,
        "today": today,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(PANEL, values)
        rows = cursor.fetchall()
    by_day = [(day, total) for day, _, total, _ in rows if day is not None and first <= day <= last]
    by_name = [FeatureUse(name, lately) for _, name, _, lately in rows if name is not None and lately]
    by_name.sort(key=lambda feature: (-feature.total, feature.name))
    return _by_week(by_day, first, last), by_name[:limit]
