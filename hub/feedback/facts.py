"""Support and survey facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from django.db import connection

from hub.registry.facts import Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id

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
        FROM feedback_ticket WHERE tenant_id = a.tenant_id AND account_id = a.id
    ) t
    LEFT JOIN LATERAL (
        SELECT score, answered_at::date AS answered_on FROM feedback_surveyresponse
        WHERE tenant_id = a.tenant_id AND account_id = a.id AND kind = 'nps' ORDER BY answered_at DESC LIMIT 1
    ) n ON true
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
) x
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
"""


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            REFRESH,
            {
                "tenant": current_tenant_id(),
                "ids": list(account_ids),
                "month": today - timedelta(days=30),
                "quarter": today - timedelta(days=90),
            },
        )


def register() -> None:
    refreshers.register(FactRefresher("feedback", refresh, order=40))

    def fact(name: str, label: str, kind: FactKind = FactKind.NUMBER, unit: str = "", source: str = "support") -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", source, "within seconds", unit, 40))

    fact("open_tickets", "open tickets", unit="tickets")
    fact("open_urgent_tickets", "open urgent tickets", unit="tickets")
    fact("tickets_30d", "tickets in 30 days", unit="tickets")
    fact("csat_90d", "mean CSAT in 90 days")
    fact("nps_latest", "latest NPS answer", source="surveys")
    fact("nps_latest_on", "day of the latest NPS answer", FactKind.DATE, source="surveys")
