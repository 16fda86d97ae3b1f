"""Support and survey facts."""

from __future__ import annotations

from collections.abc import Mapping

from hub.feedback.measures import ANSWERS, TICKETS, tickets_open
from hub.registry.facts import TODAY, Expression, Fact, FactColumns, FactKind, fact_columns, facts

TABLES = """
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE closed_at IS NULL) AS open,
        count(*) FILTER (WHERE closed_at IS NULL AND priority = 'urgent') AS urgent,
        count(*) FILTER (WHERE opened_at::date > %(month)s::date) AS recent,
        avg(csat) FILTER (WHERE coalesce(closed_at, opened_at)::date > %(quarter)s::date) AS csat
    FROM feedback_ticket
    WHERE tenant_id = a.tenant_id AND account_id = a.id AND opened_at < %(until)s::date + 1
) tickets
LEFT JOIN LATERAL (
    SELECT score, answered_at::date AS answered_on FROM feedback_surveyresponse
    WHERE tenant_id = a.tenant_id AND account_id = a.id AND kind = 'nps' AND answered_at < %(until)s::date + 1
    ORDER BY answered_at DESC LIMIT 1
) nps ON true
"""
COLUMNS = {
    "open_tickets": "tickets.open",
    "open_urgent_tickets": "tickets.urgent",
    "tickets_30d": "tickets.recent",
    "csat_90d": "tickets.csat::float",
    "nps_latest": "nps.score",
    "nps_latest_on": "nps.answered_on",
}


_OF_ACCOUNT = "u.tenant_id = a.tenant_id AND u.account_id = a.id"
# A ticket that was closed later was an open one on that day.
_SETTLED = "CASE WHEN u.closed_at < %s::date + 1 THEN u.closed_at ELSE u.opened_at END"


def _latest_nps(what: str) -> Expression:
    answers = ANSWERS.so_far(what)({"survey": "nps"})
    return Expression(answers.sql.removesuffix(")") + " ORDER BY u.answered_at DESC LIMIT 1)", answers.params, utc=True)


# What each was at the end of an earlier day; a test holds these equal to the columns.
PAST: Mapping[str, Expression] = {
    "open_tickets": tickets_open({}),
    "open_urgent_tickets": tickets_open({"priority": "urgent"}),
    "tickets_30d": TICKETS.in_window("count(*)")({"days": 30}),
    "csat_90d": Expression(
        f"(SELECT avg(u.csat)::float FROM feedback_ticket u WHERE {_OF_ACCOUNT} AND {_SETTLED} >= %s::date - 89"
        f" AND {_SETTLED} < %s::date + 1)",
        (TODAY,) * 4,
        utc=True,
    ),
    "nps_latest": _latest_nps("u.score"),
    "nps_latest_on": _latest_nps("u.answered_at::date"),
}


def register() -> None:
    fact_columns.register(FactColumns("feedback", COLUMNS, TABLES, order=40))

    def fact(name: str, label: str, kind: FactKind = FactKind.NUMBER, unit: str = "", source: str = "support") -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", source, "within seconds", unit, 40, past=PAST[name]))

    fact("open_tickets", "open tickets", unit="tickets")
    fact("open_urgent_tickets", "open urgent tickets", unit="tickets")
    fact("tickets_30d", "tickets in 30 days", unit="tickets")
    fact("csat_90d", "mean CSAT in 90 days")
    fact("nps_latest", "latest NPS answer", source="surveys")
    fact("nps_latest_on", "day of the latest NPS answer", FactKind.DATE, source="surveys")
