"""What a segment amounts to: accounts, ARR, health bands, and NRR of its members over the last twelve months.

Everything is of those who are in it on the day of asking; so NRR is that of the accounts that the teams work with now.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.tenancy.context import current_tenant_id
from metrics.methodology import Methodology, Window, months_back
from metrics.selectors import SUMS, accounts_sql

MONTHS: Final = 12
# As COUNTED selects them.
NAMES: Final = ("accounts", "arr_minor", "green", "yellow", "red", "unscored")
COUNTED: Final = """
SELECT m.segment_id, count(*), (coalesce(sum(f.mrr_minor), 0) * 12)::bigint,
    count(*) FILTER (WHERE f.health_band = 'green'), count(*) FILTER (WHERE f.health_band = 'yellow'),
    count(*) FILTER (WHERE f.health_band = 'red'),
    count(*) FILTER (WHERE coalesce(f.health_band, '') = '')
FROM signals_segmentmember m
LEFT JOIN accounts_accountfacts f ON f.tenant_id = m.tenant_id AND f.account_id = m.account_id
WHERE m.tenant_id = %(tenant)s AND m.segment_id = ANY(%(ids)s) AND m.left_on IS NULL
GROUP BY m.segment_id
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a segment on a day; ARR in minor units, `nrr` 1.0 for all of it, None without opening MRR."""

    as_of: str = ""
    accounts: int = 0
    arr_minor: int = 0
    green: int = 0
    yellow: int = 0
    red: int = 0
    unscored: int = 0
    nrr: float | None = None

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Figures:
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


def figures_of(segment_ids: Collection[UUID], as_of: date) -> dict[UUID, Figures]:
    """The figures of segments; one without members has none but zeroes. Two queries."""
    if not segment_ids:
        return {}
    method = Methodology()
    values: dict[str, Any] = {
        "tenant": current_tenant_id(), "ids": list(segment_ids), "start": months_back(as_of, MONTHS), "end": as_of,
    }  # fmt: skip
    retained = f"""
        SELECT segment_id, {SUMS} FROM (
            SELECT m.segment_id, x.* FROM ({accounts_sql(method)}) x
            JOIN signals_segmentmember m ON m.tenant_id = %(tenant)s AND m.account_id = x.account_id
                AND m.left_on IS NULL AND m.segment_id = ANY(%(ids)s)
        ) y GROUP BY segment_id"""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, values)
        counted = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(retained, values)
        windows = {pk: Window(*(int(value or 0) for value in sums)) for pk, *sums in cursor.fetchall()}
    found = {}
    for pk in segment_ids:
        window = windows.get(pk)
        nrr = window.nrr if window else None
        kept = dict(zip(NAMES, counted.get(pk, (0,) * len(NAMES)), strict=True))
        found[pk] = Figures(as_of=as_of.isoformat(), nrr=None if nrr is None else round(float(nrr), 6), **kept)
    return found
