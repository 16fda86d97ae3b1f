"""Support and survey facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from hub.feedback.measures import ANSWERS, TICKETS, tickets_open
from hub.registry.facts import TODAY, Expression, Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask

REFRESH = """
UPDATE accounts_accountfacts f SET
    open_tickets = x.open, open_urgent_tickets = x.open_urgent, tickets_30d = x.recent,
    csat_90d = x.csat, nps_latest = x.nps, nps_latest_on = x.nps_on
FROM (
    SELECT a.id, t.open, t.open_urgent, t.recent, t.csat, n.score AS nps, n.answered_on AS nps_on
    FROM accounts_account a
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE closed_at IS NULL) AS open,
            count(*) FILTER (WHERE closed_at IS NULL AND priority = 'urgent') AS open_urgent,
            count(*) FILTER (WHERE opened_at::date > %(month)s) AS recent,
            avg(csat) FILTER (WHERE coalesce(closed_at, opened_at)::date > %(quarter)s) AS csat
        FROM feedback_ticket
        WHERE tenant_id = a.tenant_id AND account_id = a.id AND opened_at < %(today)s::date + 1
    ) t
    LEFT JOIN LATERAL (
        SELECT score, answered_at::date AS answered_on FROM feedback_surveyresponse
        WHERE tenant_id = a.tenant_id AND account_id = a.id AND kind = 'nps' AND answered_at < %(today)s::date + 1
        ORDER BY answered_at DESC LIMIT 1
    ) n ON true
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
) x
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
    AND (f.open_tickets, f.open_urgent_tickets, f.tickets_30d, f.csat_90d, f.nps_latest, f.nps_latest_on)
        IS DISTINCT FROM (x.open, x.open_urgent, x.recent, x.csat::float, x.nps, x.nps_on)
"""


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


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    ask(
        REFRESH,
        {
            "tenant": current_tenant_id(),
            "ids": list(account_ids),
            "today": today,
            "month": today - timedelta(days=30),
            "quarter": today - timedelta(days=90),
        },
    )


def register() -> None:
    refreshers.register(FactRefresher("feedback", refresh, order=40, utc=True))

    def fact(name: str, label: str, kind: FactKind = FactKind.NUMBER, unit: str = "", source: str = "support") -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", source, "within seconds", unit, 40, past=PAST[name]))

    fact("open_tickets", "open tickets", unit="tickets")
    fact("open_urgent_tickets", "open urgent tickets", unit="tickets")
    fact("tickets_30d", "tickets in 30 days", unit="tickets")
    fact("csat_90d", "mean CSAT in 90 days")
    fact("nps_latest", "latest NPS answer", source="surveys")
    fact("nps_latest_on", "day of the latest NPS answer", FactKind.DATE, source="surveys")
