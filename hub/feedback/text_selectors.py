"""Reads over what was read: themes by what they weigh, and the words behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from hub.feedback.models import ReadText
from hub.registry.texts import Text, text_sources
from hub.tenancy.context import current_tenant_id

# Two windows of the same length, the second one ends where the first begins; an account's MRR counts once a theme.
WEIGHED = """
WITH said AS (
    SELECT unnest(themes) AS theme, account_id, feeling, at >= %(first)s AS recent FROM feedback_readtext
    WHERE tenant_id = %(tenant)s AND at >= %(before)s AND at < %(end)s AND (%(kind)s = '' OR kind = %(kind)s)
), per AS (
    SELECT theme, account_id, count(*) FILTER (WHERE recent) AS texts, count(*) FILTER (WHERE NOT recent) AS earlier,
        count(*) FILTER (WHERE recent AND feeling = 'negative') AS negative
    FROM said GROUP BY theme, account_id
)
SELECT per.theme, sum(texts)::bigint, sum(earlier)::bigint, sum(negative)::bigint,
    count(*) FILTER (WHERE texts > 0), coalesce(sum(f.mrr_minor) FILTER (WHERE texts > 0), 0)::bigint
FROM per LEFT JOIN accounts_accountfacts f ON f.tenant_id = %(tenant)s AND f.account_id = per.account_id
GROUP BY per.theme ORDER BY 6 DESC, 2 DESC, 1
"""
BY_MONTH = """
SELECT theme, date_trunc('month', at AT TIME ZONE 'UTC')::date, count(*)
FROM feedback_readtext, unnest(themes) AS theme
WHERE tenant_id = %(tenant)s AND at >= %(first)s AND at < %(end)s AND theme = ANY(%(themes)s)
    AND (%(kind)s = '' OR kind = %(kind)s)
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class ThemeWeight:
    """A theme in a window: texts in it and in the window before, those that sound unhappy, whose, and their MRR.

    `mrr_minor` is today's, in minor units of the tenant's currency.
    """

    key: str
    texts: int
    earlier: int
    negative: int
    accounts: int
    mrr_minor: int


def theme_weights(*, today: date, days: int, kind: str = "") -> Sequence[ThemeWeight]:
    """Themes of the last `days` UTC days, today among them, the most MRR behind them first. One query."""
    end = today + timedelta(days=1)
    first = end - timedelta(days=days)
    named: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "first": first,
        "before": first - timedelta(days=days),
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(WEIGHED, {**named, "kind": kind})
        return [ThemeWeight(*row) for row in cursor.fetchall()]


def texts_by_month(themes: Iterable[str], *, months: Sequence[date], kind: str = "") -> Mapping[str, Sequence[int]]:
    """Theme → texts in each of these months, given by their first days in order. One query."""
    wanted = list(themes)
    end = (months[-1] + timedelta(days=31)).replace(day=1)
    named: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "first": months[0],
        "end": end,
        "themes": wanted,
        "kind": kind,
    }
    counts: dict[str, dict[date, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(BY_MONTH, named | {"tenant": current_tenant_id()})
        for theme, month, count in cursor.fetchall():
            counts[theme][month] = count
    return {theme: [counts[theme].get(month, 0) for month in months] for theme in wanted}


def read_texts() -> QuerySet[ReadText]:
    """What was read, with the account."""
    rows: QuerySet[ReadText] = ReadText.objects.select_related("account")
    return rows


def readings_of(object_ids: Sequence[UUID]) -> Mapping[UUID, ReadText]:
    """What was read in the texts of these objects, by their ids. One query."""
    return {
        row.object_id: row
        for row in ReadText.objects.filter(object_id__in=object_ids, kind__in=list(text_sources.as_mapping()))
    }


@dataclass(frozen=True, slots=True)
class Said:
    """A text with what was read in it."""

    read: ReadText
    text: Text
    source: str


def with_words(rows: Sequence[ReadText]) -> Sequence[Said]:
    """The words of these rows, in their order; those whose text is gone are left out. One query for each kind."""
    wanted: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        wanted[row.kind].append(row.object_id)
    found = {
        (kind, text.object_id): text
        for kind, ids in sorted(wanted.items())
        if kind in text_sources
        for text in text_sources.get(kind).of(ids)
    }
    return [
        Said(row, text, text_sources.get(row.kind).title)
        for row in rows
        if (text := found.get((row.kind, row.object_id))) is not None
    ]


def latest_texts(limit: int) -> Sequence[Said]:
    """The texts written last, newest first."""
    return with_words(list(read_texts().order_by("-at", "-id")[:limit]))
