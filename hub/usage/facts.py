"""Usage facts: weekly totals against what was usual, breadth of features and users over 30 days."""

from __future__ import annotations

from collections.abc import Mapping

from hub.registry.facts import TODAY, Expression, Fact, FactColumns, FactKind, fact_columns, facts
from hub.usage.measures import COUNT, NAMES, OR_NONE, PEOPLE, USERS, USES

RECENT_WEEKS = 2
BASELINE_WEEKS = 8
WEEKS = RECENT_WEEKS + BASELINE_WEEKS

# Fast form of signals/decline.py (a test holds the two equal). Week 0 is the last complete one; a week counts when it
# lies wholly after the account's first day: sign-up, or the first use seen. A day without rows is zero use.
#
TABLES = f"""
CROSS JOIN LATERAL (
    SELECT whole, GREATEST(whole - {RECENT_WEEKS}, 0) AS baseline FROM (
        SELECT coalesce(GREATEST(LEAST((%(monday)s::date - first_day) / 7, {WEEKS}), 0), 0) AS whole FROM (
            SELECT CASE WHEN a.signed_up_on <= %(monday)s::date - {7 * WEEKS} THEN a.signed_up_on
                ELSE LEAST(a.signed_up_on, (
                    SELECT min(day) FROM usage_usagedaily WHERE tenant_id = a.tenant_id AND account_id = a.id
                )) END AS first_day
        ) began
    ) counted OFFSET 0
) weeks
CROSS JOIN LATERAL (
    SELECT uses, features, last_day,
        CASE WHEN weeks.whole >= 1 THEN coalesce(last_week, 0) END AS last_week,
        CASE WHEN weeks.whole >= 2 THEN coalesce(week_before, 0) END AS week_before,
        CASE WHEN weeks.baseline > 0 THEN coalesce(before, 0) END AS before
    FROM (
        SELECT
            sum(count) FILTER (WHERE day >= %(monday)s::date - 7 AND day < %(monday)s::date) AS last_week,
            sum(count) FILTER (WHERE day >= %(monday)s::date - 14 AND day < %(monday)s::date - 7) AS week_before,
            sum(count) FILTER (WHERE day >= %(monday)s::date - 7 * weeks.whole AND day < %(monday)s::date - 14)
                AS before,
            coalesce(sum(count) FILTER (WHERE day > %(month)s::date), 0) AS uses,
            count(DISTINCT name) FILTER (WHERE day > %(month)s::date) AS features,
            max(day) AS last_day
        FROM usage_usagedaily
        WHERE tenant_id = a.tenant_id AND account_id = a.id
            AND day >= %(monday)s::date - {7 * WEEKS} AND day <= %(until)s::date
    ) summed
) usage
CROSS JOIN LATERAL (
    SELECT count(DISTINCT user_key) AS users FROM usage_activeuserdaily
    WHERE tenant_id = a.tenant_id AND account_id = a.id AND day > %(month)s::date AND day <= %(until)s::date
) active
"""
COLUMNS = {
    "usage_last_week": "usage.last_week",
    "usage_week_before": "usage.week_before",
    "usage_baseline": "(usage.before / nullif(weeks.baseline, 0))::float",
    "usage_baseline_weeks": "weeks.baseline",
    "usage_drop_pct": "CASE WHEN usage.week_before IS NOT NULL THEN (100 * (1 - GREATEST(usage.last_week,"
    " usage.week_before) * weeks.baseline / nullif(usage.before, 0)))::float END",
    "usage_30d": "usage.uses",
    "features_30d": "usage.features",
    # Few have used nothing for so long that it has to be looked for.
    "last_event_on": "coalesce(usage.last_day, (SELECT max(day) FROM usage_usagedaily WHERE tenant_id = a.tenant_id"
    " AND account_id = a.id AND day <= %(until)s::date))",
    "active_users_30d": "active.users",
}


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


def register() -> None:
    fact_columns.register(FactColumns("usage", COLUMNS, TABLES, order=20))

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
