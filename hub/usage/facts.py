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
WEEKS = """
WITH account AS (
    SELECT a.id, LEAST(a.signed_up_on, (
        SELECT min(u.day) FROM usage_usagedaily u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id
    )) AS first_day
    FROM accounts_account a WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
), week AS (
    SELECT account.id, n, coalesce((
        SELECT sum(u.count) FROM usage_usagedaily u
        WHERE u.tenant_id = %(tenant)s AND u.account_id = account.id
          AND u.day >= %(monday)s::date - 7 * (n + 1) AND u.day < %(monday)s::date - 7 * n
    ), 0) AS total
    FROM account CROSS JOIN generate_series(0, %(weeks)s - 1) AS n
    WHERE account.first_day <= %(monday)s::date - 7 * (n + 1)
), total AS (
    SELECT id,
        max(total) FILTER (WHERE n = 0) AS last_week,
        max(total) FILTER (WHERE n = 1) AS week_before,
        sum(total) FILTER (WHERE n >= 2) AS baseline_sum,
        count(*) FILTER (WHERE n >= 2) AS baseline_weeks
    FROM week GROUP BY id
), now AS (
    SELECT account.id, t.last_week, t.week_before,
        (t.baseline_sum / nullif(t.baseline_weeks, 0))::float AS baseline,
        coalesce(t.baseline_weeks, 0) AS baseline_weeks,
        CASE WHEN t.week_before IS NOT NULL THEN
            (100 * (1 - GREATEST(t.last_week, t.week_before) * t.baseline_weeks / nullif(t.baseline_sum, 0)))::float
        END AS drop_pct
    FROM account LEFT JOIN total t ON t.id = account.id
)
UPDATE accounts_accountfacts f SET
    usage_last_week = now.last_week,
    usage_week_before = now.week_before,
    usage_baseline = now.baseline,
    usage_baseline_weeks = now.baseline_weeks,
    usage_drop_pct = now.drop_pct
FROM now
WHERE f.tenant_id = %(tenant)s AND f.account_id = now.id
    AND (f.usage_last_week, f.usage_week_before, f.usage_baseline, f.usage_baseline_weeks, f.usage_drop_pct)
        IS DISTINCT FROM (now.last_week, now.week_before, now.baseline, now.baseline_weeks, now.drop_pct)
"""

BREADTH = """
UPDATE accounts_accountfacts f SET
    usage_30d = u.uses, features_30d = u.features, last_event_on = u.last_day, active_users_30d = u.users
FROM (
    SELECT a.id,
        (SELECT coalesce(sum(d.count), 0) FROM usage_usagedaily d
          WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id AND d.day > %(since)s AND d.day <= %(today)s) AS uses,
        (SELECT count(DISTINCT d.name) FROM usage_usagedaily d
          WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id AND d.day > %(since)s AND d.day <= %(today)s
        ) AS features,
        (SELECT max(d.day) FROM usage_usagedaily d
          WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id AND d.day <= %(today)s) AS last_day,
        (SELECT count(DISTINCT v.user_key) FROM usage_activeuserdaily v
          WHERE v.tenant_id = a.tenant_id AND v.account_id = a.id AND v.day > %(since)s AND v.day <= %(today)s) AS users
    FROM accounts_account a WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
) u
WHERE f.tenant_id = %(tenant)s AND f.account_id = u.id
    AND (f.usage_30d, f.features_30d, f.last_event_on, f.active_users_30d)
        IS DISTINCT FROM (u.uses, u.features, u.last_day, u.users)
"""


# WEEKS of one account, as of any day.
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
        "weeks": RECENT_WEEKS + BASELINE_WEEKS,
        "since": today - timedelta(days=30),
    }
    ask(WEEKS, values)
    ask(BREADTH, values)


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
