"""What can be measured of use: uses, days and users in a window, their change, and first times.

Days are the UTC days of the rollups; a window of N days ends with the day of asking, as far as it has come. A day
without rows is a day without use.
"""

from __future__ import annotations

from functools import partial

from hub.registry.facts import TODAY, Expression, FactKind
from hub.registry.measures import Argument, ArgumentError, ArgumentKind, Arguments, Measure, Rows, days, measures, span

EVENT = Argument("event", "which event", ArgumentKind.TEXT, suggest="events")
ANY_EVENT = Argument("event", "which event", ArgumentKind.TEXT, default="", suggest="events")
USES = Rows("usage_usagedaily", "day", (("event", "u.name = %s"),))
USERS = Rows("usage_activeuserdaily", "day")
COUNT, DAYS = "sum(u.count)", "count(DISTINCT u.day)"
# Without rows a sum is missing, and a count is none.
OR_NONE = "coalesce({0}, 0)"
# Fewer weeks than these tell no trend.
LEAST_WEEKS = 4
NAMES, PEOPLE = "count(DISTINCT u.name)", "count(DISTINCT u.user_key)"


def _top_share(given: Arguments) -> Expression:
    by_name = USES.in_window("sum(u.count) AS n")(given)
    grouped = by_name.sql.removesuffix(")") + " GROUP BY u.name)"
    # Its rows are grouped: no aggregate that could be read beside others.
    return Expression(f"(SELECT 100.0 * max(t.n) / nullif(sum(t.n), 0) FROM {grouped} AS t)", by_name.params, utc=True)


def _new_events(given: Arguments) -> Expression:
    """Events of the window that the account had never used before."""
    now = USES.in_window("count(DISTINCT u.name)")(given)
    earlier = (
        "NOT EXISTS (SELECT 1 FROM usage_usagedaily e WHERE e.tenant_id = u.tenant_id AND e.account_id = u.account_id"
        " AND e.name = u.name AND e.day <= %s::date - %s::int)"
    )
    return Expression(f"{now.sql.removesuffix(')')} AND {earlier})", (*now.params, TODAY, given["days"]), utc=True)


# Use in the weeks up to the day of asking that lie wholly after the account's first day; a week without rows is 0.
TREND = """
(SELECT CASE WHEN count(*) >= {least} THEN
    round((100 * regr_slope(w.total::float, -w.n::float) / nullif(avg(w.total::float), 0))::numeric, 2) END
FROM (
    SELECT n, (
        SELECT coalesce(sum(u.count), 0) FROM usage_usagedaily u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id
            AND u.day > %s::date - 7 * (n + 1) AND u.day <= %s::date - 7 * n{which}
    ) AS total
    FROM generate_series(0, %s::int - 1) AS n
    WHERE LEAST(a.signed_up_on, (
        SELECT min(u.day) FROM usage_usagedaily u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id
    )) <= %s::date - 7 * (n + 1) + 1
) AS w)
"""


def _trend(given: Arguments) -> Expression:
    """The slope of the straight line through the weekly uses, in percent of their mean a week."""
    weeks = given["days"] // 7
    if weeks < LEAST_WEEKS:
        raise ArgumentError("days", f"a trend needs at least {7 * LEAST_WEEKS} days")
    event = (given["event"],) if given["event"] else ()
    sql = TREND.format(least=LEAST_WEEKS, which=" AND u.name = %s" if event else "")
    return Expression(" ".join(sql.split()), (TODAY, TODAY, *event, weeks, TODAY), utc=True)


def _of(given: Arguments, what: str) -> str:
    return f"{what} of “{given['event']}”" if given["event"] else what


def _then(given: Arguments) -> str:
    return f"in {span(given)} against the {span(given)} before"


def register() -> None:
    make = partial(Measure, source="product usage", order=20)
    counted, of_event, window = partial(make, kind=FactKind.NUMBER), (ANY_EVENT, days()), (days(),)
    for measure in (
        counted(
            "uses", "uses", arguments=of_event, expression=USES.in_window(COUNT, OR_NONE),
            words=lambda given: f"{_of(given, 'uses')} in {span(given)}",
        ),
        counted(
            "use_days", "days with use", arguments=of_event, expression=USES.in_window(DAYS),
            words=lambda given: f"days with {_of(given, 'use')} in {span(given)}",
        ),
        counted(
            "events_used", "different events used", arguments=window, expression=USES.in_window(NAMES),
            words=lambda given: f"different events used in {span(given)}",
        ),
        counted(
            "new_events", "events used for the first time", arguments=window, expression=_new_events,
            words=lambda given: f"events used for the first time in {span(given)}",
        ),
        counted(
            "users", "active users", arguments=window, expression=USERS.in_window(PEOPLE),
            words=lambda given: f"active users in {span(given)}",
        ),
        counted(
            "uses_change", "change of uses", arguments=of_event, expression=USES.change(COUNT), unit="%",
            words=lambda given: f"change of {_of(given, 'uses')} {_then(given)}",
        ),
        counted(
            "users_change", "change of active users", arguments=window, expression=USERS.change(PEOPLE), unit="%",
            words=lambda given: f"change of active users {_then(given)}",
        ),
        counted(
            "use_days_change", "change of days with use", arguments=of_event, expression=USES.change(DAYS), unit="%",
            words=lambda given: f"change of days with {_of(given, 'use')} {_then(given)}",
        ),
        counted(
            "uses_trend", "trend of uses", arguments=(ANY_EVENT, days(56)), expression=_trend, unit="% a week",
            words=lambda given: f"trend of {_of(given, 'uses')} over {given['days'] // 7} weeks",
        ),
        counted(
            "top_event_share", "share of the event used most", arguments=window, expression=_top_share, unit="%",
            words=lambda given: f"share of the event used most in {span(given)}",
        ),
        make(
            "first_use", "first use", kind=FactKind.DATE, arguments=(EVENT,), expression=USES.so_far("min(u.day)"),
            words=lambda given: f"first use of “{given['event']}”",
        ),
        make(
            "latest_use", "latest use", kind=FactKind.DATE, arguments=(EVENT,), expression=USES.so_far("max(u.day)"),
            words=lambda given: f"latest use of “{given['event']}”",
        ),
    ):  # fmt: skip
        measures.register(measure)
