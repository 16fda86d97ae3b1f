"""NRR by SQL: the fast form of metrics/methodology.py, straight from contract lines and account months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Max

from hub.revenue.models import MonthsChanged, RetentionMonth
from hub.revenue.services import retention
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from metrics.methodology import Methodology, MovementKind, Overlap, Window, months_back

SEGMENTS: Final = {"industry": "industry", "country": "country", "segment": "segment", "tier": "tier", "stage": "stage"}
UNKNOWN = "not stated"

_PAID = "NOT l.is_trial AND l.mrr_minor > 0"


def live_sql(day: str, method: Methodology) -> str:
    comparison = ">=" if method.end == "inclusive" else ">"
    return f"l.starts_on <= {day} AND (l.ends_on IS NULL OR l.ends_on {comparison} {day})"


def _mrr(day: str, method: Methodology) -> str:
    """SQL of an account's MRR on a day over its lines `l`."""
    live = live_sql(day, method)
    if method.overlap == "latest":
        # Python orders text by code point, as the C collation does.
        order = 'l.starts_on DESC, l.external_id COLLATE "C" DESC'
        return f"coalesce((array_agg(l.mrr_minor ORDER BY {order}) FILTER (WHERE {live}))[1], 0)"
    return f"coalesce(sum(l.mrr_minor) FILTER (WHERE {live}), 0)::bigint"


def accounts_sql(method: Methodology) -> str:
    """One row per account with paid lines: MRR at both ends of the window and the kind of its movement."""
    had = "l.ends_on >= l.starts_on" if method.end == "inclusive" else "l.ends_on > l.starts_on"
    return f"""
        SELECT account_id, opening, closing, CASE
            WHEN opening = closing THEN NULL
            WHEN opening = 0 AND had THEN 'reactivation' WHEN opening = 0 THEN 'new'
            WHEN closing = 0 THEN 'churn' WHEN closing > opening THEN 'expansion' ELSE 'contraction'
        END AS kind
        FROM (
            SELECT l.account_id, {_mrr("%(start)s", method)} AS opening, {_mrr("%(end)s", method)} AS closing,
                bool_or(l.starts_on < %(start)s AND (l.ends_on IS NULL OR {had})) AS had
            FROM revenue_contractline l WHERE l.tenant_id = %(tenant)s AND {_PAID} AND l.starts_on <= %(end)s
            GROUP BY l.account_id
        ) ends"""


@dataclass(frozen=True)
class NrrReport:
    """Retention between two days, in all and by segment; money in minor units of `currency`."""

    start: date
    as_of: date
    method: Methodology
    currency: str
    total: Window
    segments: dict[str, Window]
    segment_by: str


def nrr_report(*, as_of: date, months: int, method: Methodology, segment_by: str = "") -> NrrReport:
    """Retention of the window of `months` that ends on `as_of`. One query; raises ValueError for an unknown segment."""
    if segment_by and segment_by not in SEGMENTS:
        raise ValueError(f"unknown segment {segment_by!r}: one of {', '.join(SEGMENTS)}")
    segment = f"coalesce(nullif(a.{SEGMENTS[segment_by]}, ''), '{UNKNOWN}')" if segment_by else "''"
    start = months_back(as_of, months)
    statement = f"""
        SELECT grouping(segment) = 1, segment, {SUMS} FROM (
            SELECT {segment} AS segment, x.* FROM ({accounts_sql(method)}) x
            JOIN accounts_account a ON a.tenant_id = %(tenant)s AND a.id = x.account_id
        ) y GROUP BY GROUPING SETS ((), (segment)) ORDER BY 1 DESC, 3 DESC, 2"""
    total, segments = Window(0, 0, 0, 0, 0, 0, 0, 0, 0), {}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "start": start, "end": as_of})
        for is_total, name, *sums in cursor.fetchall():
            window = Window(*(int(value or 0) for value in sums))
            if is_total:
                total = window
            elif segment_by:
                segments[name] = window
    return NrrReport(start, as_of, method, _currency(), total, segments, segment_by)


# In the order of Window's fields.
SUMS = """sum(opening),
    sum(closing - opening) FILTER (WHERE kind = 'new'),
    sum(closing - opening) FILTER (WHERE kind = 'expansion'),
    sum(opening - closing) FILTER (WHERE kind = 'contraction'),
    sum(opening - closing) FILTER (WHERE kind = 'churn'),
    sum(closing - opening) FILTER (WHERE kind = 'reactivation'),
    sum(closing), count(*) FILTER (WHERE opening > 0), count(*) FILTER (WHERE opening > 0 AND closing > 0)"""


@dataclass(frozen=True)
class AccountMove:
    """What an account contributes to a figure; minor units."""

    account_id: UUID
    name: str
    segment: str
    opening: int
    closing: int
    kind: str

    @property
    def change(self) -> int:
        return self.closing - self.opening


def nrr_accounts(
    *,
    as_of: date,
    months: int,
    method: Methodology,
    kind: str = "",
    segment_by: str = "",
    segment: str = "",
    limit: int = 100,
    offset: int = 0,
) -> list[AccountMove]:
    """The accounts behind a figure, largest change first; `kind` is a movement kind, "cohort" or "" (all of them)."""
    column = SEGMENTS.get(segment_by, "industry")
    wanted = {"": "opening > 0 OR closing > 0", "cohort": "opening > 0"}.get(kind, "kind = %(kind)s")
    if kind not in ("", "cohort", *MovementKind):
        raise ValueError(f"unknown kind {kind!r}: cohort or one of {', '.join(MovementKind)}")
    statement = f"""
        SELECT a.id, a.name, coalesce(nullif(a.{column}, ''), '{UNKNOWN}'), opening, closing, coalesce(kind, '')
        FROM ({accounts_sql(method)}) x
        JOIN accounts_account a ON a.tenant_id = %(tenant)s AND a.id = x.account_id
        WHERE ({wanted})
            AND (%(segment)s = '' OR coalesce(nullif(a.{column}, ''), '{UNKNOWN}') = %(segment)s)
        ORDER BY abs(closing - opening) DESC, a.name, a.id LIMIT %(limit)s OFFSET %(offset)s"""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "start": months_back(as_of, months),
        "end": as_of,
        "kind": kind,
        "segment": segment,
        "limit": limit,
        "offset": offset,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [AccountMove(*row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class TrendPoint:
    """Retention of the window that ends with `month` (its first day); ratios are None without opening MRR."""

    month: date
    opening: int
    nrr: float | None
    grr: float | None
    closing: int


def nrr_trend(*, as_of: date, points: int, window: int, overlap: Overlap) -> list[TrendPoint]:
    """Rolling NRR and GRR for the `points` month ends up to `as_of`.

    From the sums that a worker keeps, while they are of now; else from account months, in one query. Where there are
    so many accounts that this takes long, sums that are seconds old stand in for it.
    """
    last = last_closed_month(as_of)
    if window == retention.WINDOW and (kept := _kept_trend(months_back(last, points - 1), last, overlap)):
        return kept
    # One pass over the months of both ends, grouped twice: no join that a planner without statistics could turn round.
    statement = """
        SELECT m.month::date, coalesce(w.opening, 0), w.retained, w.kept, coalesce(w.closing, 0)
        FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 month') AS m (month)
        LEFT JOIN (
            SELECT month, sum(before) AS opening, sum(now) FILTER (WHERE before > 0) AS retained,
                sum(least(before, now)) AS kept, sum(now) AS closing
            FROM (
                SELECT account_id, month, sum(before) AS before, sum(now) AS now FROM (
                    SELECT account_id, (month + make_interval(months => %(window)s))::date AS month,
                        mrr_minor AS before, 0 AS now
                    FROM revenue_accountmonth WHERE tenant_id = %(tenant)s AND overlap = %(overlap)s
                        AND month >= (%(first)s::timestamp - make_interval(months => %(window)s))::date
                        AND month <= (%(last)s::timestamp - make_interval(months => %(window)s))::date
                    UNION ALL
                    SELECT account_id, month, 0, mrr_minor FROM revenue_accountmonth
                    WHERE tenant_id = %(tenant)s AND overlap = %(overlap)s AND month >= %(first)s AND month <= %(last)s
                ) ends GROUP BY account_id, month
            ) accounts GROUP BY month
        ) w ON w.month = m.month::date
        ORDER BY 1"""
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "tenant": current_tenant_id(),
                "first": months_back(last, points - 1),
                "last": last,
                "window": window,
                "overlap": overlap,
            },
        )
        return [
            TrendPoint(
                month,
                int(opening),
                float(retained / opening) if opening else None,
                float(kept / opening) if opening else None,
                int(closing),
            )
            for month, opening, retained, kept, closing in cursor.fetchall()
        ]


def trend_behind() -> datetime | None:
    """As of when the kept sums of the trend hold, while something has changed since; None while they are of now."""
    if not MonthsChanged.objects.exists():
        return None
    found: datetime | None = RetentionMonth.objects.aggregate(at=Max("computed_at"))["at"]
    return found


# With fewer accounts than this, reading every account month is quick enough to do it for the sake of the last seconds.
MANY_ACCOUNTS: Final = 5_000


def _kept_trend(first: date, last: date, overlap: Overlap) -> list[TrendPoint]:
    """The trend from the kept sums; nothing when there are none, or when they are behind and few accounts make them."""
    sums = {row.month: row for row in RetentionMonth.objects.filter(overlap=overlap, month__range=(first, last))}
    behind = not sums or MonthsChanged.objects.exists()
    if behind and max((row.accounts for row in sums.values()), default=0) < MANY_ACCOUNTS:
        return []
    months = [months_back(last, back) for back in range(_months_between(first, last), -1, -1)]
    return [_kept_point(month, sums.get(month)) for month in months]


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _kept_point(month: date, row: RetentionMonth | None) -> TrendPoint:
    if row is None or not row.opening:
        return TrendPoint(month, 0, None, None, row.closing if row else 0)
    return TrendPoint(month, row.opening, row.retained / row.opening, row.kept / row.opening, row.closing)


def last_closed_month(day: date) -> date:
    """First day of the last month that has ended by the close of `day`."""
    return months_back((day + timedelta(days=1)).replace(day=1), 1)


@dataclass(frozen=True)
class MonthMovements:
    """The ledger of a month: opening + new + reactivation + expansion − contraction − churn = closing."""

    month: date
    amounts: dict[str, int]


def monthly_ledger(*, first: date, last: date, overlap: Overlap) -> list[MonthMovements]:
    """Movements summed by month and kind, months from `first` to `last` (first days), empty months included."""
    statement = """
        SELECT m.month::date, v.kind, sum(v.amount_minor)
        FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 month') AS m (month)
        LEFT JOIN revenue_movement v ON v.tenant_id = %(tenant)s AND v.overlap = %(overlap)s AND v.month = m.month::date
        GROUP BY 1, 2 ORDER BY 1, 2"""
    months: dict[date, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "first": first, "last": last, "overlap": overlap})
        for month, kind, amount in cursor.fetchall():
            amounts = months.setdefault(month, dict.fromkeys(MovementKind, 0))
            if kind:
                amounts[kind] = int(amount)
    return [MonthMovements(month, amounts) for month, amounts in months.items()]


@dataclass(frozen=True)
class Contradictions:
    """Where a source's churn flag, its churn events and the live lines say different things, in accounts."""

    flagged_but_live: int
    unflagged_but_gone: int
    claimed_but_live: int
    claimed_not_flagged: int
    flagged_not_claimed: int
    line_flagged_but_open: int

    @property
    def any(self) -> bool:
        return any(vars(self).values())


def contradictions(*, as_of: date) -> Contradictions:
    """Count the contradictions on a day; nothing is picked, both sides are shown. One query."""
    statement = f"""
        SELECT count(*) FILTER (WHERE a.source_churned AND live),
            count(*) FILTER (WHERE a.source_churned IS FALSE AND NOT live AND had),
            count(*) FILTER (WHERE claimed AND live),
            count(*) FILTER (WHERE claimed AND a.source_churned IS FALSE),
            count(*) FILTER (WHERE a.source_churned AND NOT claimed),
            count(*) FILTER (WHERE flagged_open)
        FROM accounts_account a
        CROSS JOIN LATERAL (
            SELECT coalesce(bool_or({live_sql("%(day)s", Methodology())}), false) AS live,
                count(*) > 0 AS had
            FROM revenue_contractline l WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id AND {_PAID}
        ) lines
        CROSS JOIN LATERAL (
            SELECT count(*) > 0 AS claimed FROM revenue_churnclaim c
            WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id AND c.claimed_on <= %(day)s
        ) claims
        CROSS JOIN LATERAL (
            SELECT count(*) > 0 AS flagged_open FROM revenue_contractline l
            WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id AND l.source_churned AND l.ends_on IS NULL
        ) flags
        WHERE a.tenant_id = %(tenant)s"""
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "day": as_of})
        return Contradictions(*cursor.fetchone())


def _currency() -> str:
    return str(Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id()))
