"""Revenue facts: what the account pays today, when its contract comes up, and what it owes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from hub.registry.facts import (
    TODAY,
    Expression,
    Fact,
    FactColumns,
    FactKind,
    FactRefresher,
    fact_columns,
    facts,
    refreshers,
)
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask

TABLES = """
CROSS JOIN LATERAL (
    SELECT coalesce(sum(mrr_minor), 0) AS mrr, min(coalesce(renews_on, ends_on)) AS renews_on,
        (array_agg(tier ORDER BY mrr_minor DESC, external_id))[1] AS tier
    FROM revenue_contractline
    WHERE tenant_id = a.tenant_id AND account_id = a.id AND NOT is_trial
        AND starts_on <= %(today)s::date AND (ends_on IS NULL OR ends_on > %(today)s::date)
) paid
"""
COLUMNS = {"mrr_minor": "paid.mrr", "renews_on": "paid.renews_on", "tier": "coalesce(paid.tier, '')"}

# Only accounts with something late or failed have a row, so that a rule finds them without asking the others. What is
# charged automatically has no due day: it is late from the day it was issued once a charge has failed.
STANDING = """
WITH late AS (
    SELECT account_id, count(*) AS invoices, %(today)s::date - min(due) AS days
    FROM (
        SELECT account_id, coalesce(due_on, CASE WHEN attempts > 0 THEN issued_on END) AS due FROM revenue_invoice
        WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s) AND status = 'open' AND total_minor > paid_minor
    ) i WHERE due < %(today)s GROUP BY account_id
), failed AS (
    SELECT p.account_id, max((p.occurred_at AT TIME ZONE 'UTC')::date) AS day
    FROM revenue_payment p LEFT JOIN revenue_invoice i ON i.tenant_id = p.tenant_id AND i.id = p.invoice_id
    WHERE p.tenant_id = %(tenant)s AND p.account_id = ANY(%(ids)s) AND p.status = 'failed'
        AND coalesce(i.status, 'open') NOT IN ('paid', 'void')
        AND NOT EXISTS (
            SELECT 1 FROM revenue_payment good
            WHERE good.tenant_id = p.tenant_id AND good.account_id = p.account_id AND good.status = 'succeeded'
                AND good.occurred_at >= p.occurred_at AND (p.invoice_id IS NULL OR good.invoice_id = p.invoice_id)
        )
    GROUP BY p.account_id
), stands AS (
    SELECT account_id, late.invoices, late.days, failed.day FROM late FULL JOIN failed USING (account_id)
), gone AS (
    DELETE FROM revenue_billingstanding WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s)
        AND account_id NOT IN (SELECT account_id FROM stands)
)
INSERT INTO revenue_billingstanding
    (tenant_id, id, account_id, overdue_invoices, days_overdue, payment_failed_on)
SELECT %(tenant)s, gen_random_uuid(), account_id, invoices, days, day FROM stands
ON CONFLICT (tenant_id, account_id) DO UPDATE SET overdue_invoices = excluded.overdue_invoices,
    days_overdue = excluded.days_overdue, payment_failed_on = excluded.payment_failed_on
"""


# The paid lines that were live at the end of an earlier day, as they are known today.
_LIVE = (
    "FROM revenue_contractline u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id AND NOT u.is_trial"
    " AND u.starts_on <= %s::date AND (u.ends_on IS NULL OR u.ends_on > %s::date)"
)
PAST: Mapping[str, Expression] = {
    "mrr_minor": Expression(f"(SELECT coalesce(sum(u.mrr_minor), 0)::bigint {_LIVE})", (TODAY, TODAY)),
    "renews_on": Expression(f"(SELECT min(coalesce(u.renews_on, u.ends_on)) {_LIVE})", (TODAY, TODAY)),
    "tier": Expression(
        f"(SELECT coalesce((array_agg(u.tier ORDER BY u.mrr_minor DESC, u.external_id))[1], '') {_LIVE})",
        (TODAY, TODAY),
    ),
}


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    values: dict[str, Any] = {"tenant": current_tenant_id(), "ids": list(account_ids), "today": today}
    ask(STANDING, values)


def register() -> None:
    refreshers.register(FactRefresher("revenue", refresh, order=30))
    fact_columns.register(FactColumns("revenue", COLUMNS, TABLES, order=30))

    def fact(name: str, label: str, kind: FactKind) -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", "contract lines", "at once", "", 30, past=PAST[name]))

    fact("mrr_minor", "MRR", FactKind.MONEY)
    fact("renews_on", "renewal date", FactKind.DATE)
    fact("tier", "plan tier", FactKind.TEXT)

    def owed(name: str, label: str, kind: FactKind, unit: str = "") -> None:
        table = "revenue_billingstanding v"
        value = f"SELECT v.{name} FROM {table} WHERE v.tenant_id = a.tenant_id AND v.account_id = a.id"
        members = f"SELECT v.tenant_id, v.account_id FROM {table} WHERE v.{name} IS NOT NULL"
        facts.register(
            Fact(name, label, kind, f"({value})", "bills", "at once", unit, 35, members=members, member_sql=f"v.{name}")
        )

    owed("days_overdue", "days an invoice is overdue", FactKind.NUMBER, "days")
    owed("overdue_invoices", "overdue invoices", FactKind.NUMBER, "invoices")
    owed("payment_failed_on", "day a payment failed, not made good", FactKind.DATE)
