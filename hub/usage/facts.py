"""Usage facts: weekly totals against what was usual, breadth of features and users over 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hub.registry.facts import TODAY, Expression, Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask
from hub.usage.measures import COUNT, NAMES, OR_NONE, PEOPLE, USERS, USES

RECENT_WEEKS = 2
BASELINE_WEEKS = 8

# Fast form of signals/decline.py (a test holds the two equal). Week 0 is the last complete one; a week counts when it
# lies wholly after the account's first day: sign-up, or the first use seen. A day without rows is zero use.
#
# Everything is read account by account, by index, and once: the statement is planned once for one account and for a
# thousand, and a join of two sums might walk one of them again for every row of the other.
REFRESH = """
WITH now AS MATERIALIZED (
    SELECT a.id, d.last_day, p.users, u.uses, u.features, w.baseline_weeks,
        CASE WHEN w.whole >= 1 THEN coalesce(u.last_week, 0) END AS last_week,
        CASE WHEN w.whole >= 2 THEN coalesce(u.week_before, 0) END AS week_before,
        CASE WHEN w.whole > 2 THEN coalesce(u.before, 0) END AS baseline_sum
    FROM accounts_account a
    CROSS JOIN LATERAL (
        SELECT min(day) AS first_day FROM usage_usagedaily WHERE tenant_id = a.tenant_id AND account_id = a.id
    ) b
    CROSS JOIN LATERAL (
        SELECT max(day) AS last_day FROM usage_usagedaily
        WHERE tenant_id = a.tenant_id AND account_id = a.id AND day <= %(today)s
    ) d
    CROSS JOIN LATERAL (
        SELECT whole, GREATEST(whole - %(recent)s::int, 0) AS baseline_weeks, %(monday)s::date - 7 * whole AS since
        FROM (
            SELECT coalesce(GREATEST(LEAST(
                (%(monday)s::date - LEAST(a.signed_up_on, b.first_day)) / 7, %(weeks)s::int), 0), 0) AS whole
        ) weeks OFFSET 0
    ) w
    CROSS JOIN LATERAL (
        SELECT
            sum(count) FILTER (WHERE day >= %(monday)s::date - 7 AND day < %(monday)s::date) AS last_week,
            sum(count) FILTER (WHERE day >= %(monday)s::date - 14 AND day < %(monday)s::date - 7) AS week_before,
            sum(count) FILTER (WHERE day >= w.since AND day < %(monday)s::date - 14) AS before,
            coalesce(sum(count) FILTER (WHERE day > %(month)s::date), 0) AS uses,
            count(DISTINCT name) FILTER (WHERE day > %(month)s::date) AS features
        FROM usage_usagedaily
        WHERE tenant_id = a.tenant_id AND account_id = a.id
            AND day >= %(monday)s::date - 7 * %(weeks)s::int AND day <= %(today)s::date
    ) u
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT user_key) AS users FROM usage_activeuserdaily
        WHERE tenant_id = a.tenant_id AND account_id = a.id AND day > %(month)s::date AND day <= %(today)s::date
    ) p
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
), figures AS MATERIALIZED (
    SELECT id, last_week, week_before, baseline_weeks, uses, features, last_day, users,
        (baseline_sum / nullif(baseline_weeks, 0))::float AS baseline,
        CASE WHEN week_before IS NOT NULL THEN
            (100 * (1 - GREATEST(last_week, week_before) * baseline_weeks / nullif(baseline_sum, 0)))::float
        END AS drop_pct
    FROM now
)
UPDATE accounts_accountfacts f SET
    usage_last_week = x.last_week, usage_week_before = x.week_before, usage_baseline = x.baseline,
    usage_baseline_weeks = x.baseline_weeks, usage_drop_pct = x.drop_pct,
    usage_30d = x.uses, features_30d = x.features, last_event_on = x.last_day, active_users_30d = x.users
FROM figures x
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
    AND (f.usage_last_week, f.usage_week_before, f.usage_baseline, f.usage_baseline_weeks, f.usage_drop_pct,
         f.usage_30d, f.features_30d, f.last_event_on, f.active_users_30d)
        IS DISTINCT FROM (x.last_week, x.week_before, x.baseline, x.baseline_weeks, x.drop_pct,
                          x.uses, x.features, x.last_day, x.users)
"""


# The weeks of one account, as of any day.
_TOTALS = """
(SELECT {what} FROM (
    SELECT n, (
        SELECT coalesce(sum(u.count), 0) FROM usage_usagedaily u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id
            AND u.day >= began.monday - 7 * (n + 1) AND u.day < began.monday - 7 * n
    ) AS total
    FROM (
        SELECT date_trunc('week', %s::date)::date AS monday, LEAST(a.signed_up_on, (
            SELECT min(u.day) FROM usage_usagedaily u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id
        )) AS first_day
    ) AS began CROSS JOIN generate_series(0, 9) AS n WHERE began.first_day <= began.monday - 7 * (n + 1)
) AS week)
"""
_LAST, _BEFORE = "max(total) FILTER (WHERE n = 0)", "max(total) FILTER (WHERE n = 1)"
_BASE, _BASE_WEEKS = "sum(total) FILTER (WHERE n >= 2)", "count(*) FILTER (WHERE n >= 2)"
_DROP = f"(100 * (1 - GREATEST({_LAST}, {_BEFORE}) * {_BASE_WEEKS} / nullif({_BASE}, 0)))::float"


def _weeks(what: str) -> Expression:
    return Expression(" ".join(_TOTALS.format(what=what).split()), (TODAY,), utc=True)


MONTH = {"days": 30}
# What each was at the end of an earlier day; a test holds these equal to the columns.
PAST: Mapping[str, Expression] = {
    "usage_drop_pct": _weeks(f"CASE WHEN {_BEFORE} IS NOT NULL THEN {_DROP} END"),
    "usage_baseline_weeks": _weeks(_BASE_WEEKS),
    "usage_last_week": _weeks(_LAST),
    "usage_30d": USES.in_window(COUNT, OR_NONE)(MONTH),
    "features_30d": USES.in_window(NAMES)(MONTH),
    "active_users_30d": USERS.in_window(PEOPLE)(MONTH),
    "last_event_on": USES.so_far("max(u.day)")({}),
}


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    """Recompute the usage columns as of `today` (the day of rows; weeks run Monday to Sunday)."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "ids": list(account_ids),
        "today": today,
        "monday": today - timedelta(days=today.weekday()),
        "recent": RECENT_WEEKS,
        "weeks": RECENT_WEEKS + BASELINE_WEEKS,
        "month": today - timedelta(days=30),
    }
    ask(REFRESH, values)


def register() -> None:
    refreshers.register(FactRefresher("usage", refresh, order=20, utc=True))

    def fact(name: str, label: str, kind: FactKind, unit: str = "", column: str = "") -> None:
        facts.register(
            Fact(
                name,
                label,
                kind,
                f"f.{column or name}",
                source="product usage",
                freshness="within seconds",
                unit=unit,
                order=20,
                past=PAST[name],
            )
        )

    fact("usage_drop_pct", "usage drop against the 8-week mean", FactKind.NUMBER, "%")
    fact("usage_baseline_weeks", "complete weeks of usage history", FactKind.NUMBER, "weeks")
    fact("usage_last_week", "uses last week", FactKind.NUMBER, "uses")
    fact("usage_30d", "uses in 30 days", FactKind.NUMBER, "uses")
    fact("features_30d", "features used in 30 days", FactKind.NUMBER, "features")
    fact("active_users_30d", "active users in 30 days", FactKind.NUMBER, "users")
    fact("last_event_on", "last use", FactKind.DATE)
