"""Writes of contract lines, and the months and movements that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.accounts.services import facts_touch, timeline_record
from hub.revenue.models import ContractLine
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

LINE_FIELDS = frozenset(
    {
        "product",
        "tier",
        "seats",
        "mrr_minor",
        "currency",
        "starts_on",
        "ends_on",
        "renews_on",
        "notice_days",
        "is_trial",
        "auto_renew",
        "billing_period",
        "source_churned",
    }
)


class CurrencyError(ValueError):
    """A line in a currency other than the tenant's: summing it would need dated rates."""


@transaction.atomic
def contract_line_upsert(
    *, account: Account, source: str, external_id: str, fields: Mapping[str, Any]
) -> tuple[ContractLine, str]:
    """Create or update a contract line; say "created", "updated" or "unchanged". Months follow in the same transaction.

    `mrr_minor` is minor units a month. Raises CurrencyError, ValueError for unknown fields.
    """
    if unknown := set(fields) - LINE_FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}: any of {', '.join(sorted(LINE_FIELDS))}")
    check_currency(fields.get("currency", ""))
    line = ContractLine.objects.select_for_update().filter(source=source, external_id=external_id).first()
    if line is None:
        line = ContractLine.objects.create(account=account, source=source, external_id=external_id, **fields)
        outcome = "created"
        timeline_record(
            account_id=account.id,
            kind="contract",
            key=f"line:{line.id}",
            title=f"Contract line {external_id} starts {line.starts_on}",
            occurred_at=line.created_at,
            source=source,
        )
    else:
        changed = [name for name, value in fields.items() if getattr(line, name) != value]
        if not changed:
            return line, "unchanged"
        for name in changed:
            setattr(line, name, fields[name])
        line.save(update_fields=[*changed, "updated_at"])
        outcome = "updated"
    months_refresh([account.id])
    facts_touch([account.id])
    return line, outcome


def months_before(first: date, months: int) -> date:
    """The first day of the month `months` before the one that starts on `first`."""
    year, month0 = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(year, month0 + 1, 1)


def check_currency(currency: str) -> None:
    """Raise CurrencyError unless `currency` is empty or the tenant's."""
    home = Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id())
    if currency and currency != home:
        raise CurrencyError(f"currency {currency} differs from the tenant's {home}")


# MRR on the last day of each month up to `last` (the last month that has ended): `sum` adds the live paid lines,
# `latest` takes the one with the latest start (ties: greatest external id). Fast form of metrics.methodology, which a
# test holds equal. Each line is spread over its own months, so the cost follows the lines, not accounts × calendar.
MONTHS = """
WITH live AS MATERIALIZED (
    SELECT l.account_id, m.month::date AS month, l.mrr_minor, l.starts_on, l.external_id
    FROM revenue_contractline l
    CROSS JOIN LATERAL generate_series(
        date_trunc('month', l.starts_on::timestamp),
        least(%(last)s::timestamp, date_trunc('month', l.ends_on::timestamp)), interval '1 month'
    ) AS m (month)
    WHERE l.tenant_id = %(tenant)s AND l.account_id = ANY(%(ids)s) AND NOT l.is_trial AND l.mrr_minor > 0
        AND (l.ends_on IS NULL OR l.ends_on > (m.month + interval '1 month - 1 day')::date)
)
INSERT INTO revenue_accountmonth (tenant_id, id, account_id, month, overlap, mrr_minor, currency)
SELECT %(tenant)s, gen_random_uuid(), account_id, month, overlap, mrr, %(currency)s
FROM (
    SELECT account_id, month, 'sum' AS overlap, sum(mrr_minor) AS mrr FROM live GROUP BY account_id, month
    UNION ALL
    SELECT * FROM (
        SELECT DISTINCT ON (account_id, month) account_id, month, 'latest', mrr_minor
        FROM live ORDER BY account_id, month, starts_on DESC, external_id COLLATE "C" DESC
    ) latest
) x
ON CONFLICT (tenant_id, overlap, month, account_id) DO NOTHING
"""

# The ledger: what changed between two month ends, netted per account. "Had MRR before" counts every day up to the
# month's start, not only month ends.
MOVEMENTS = """
INSERT INTO revenue_movement (tenant_id, id, account_id, month, overlap, kind, type, amount_minor, currency)
SELECT %(tenant)s, gen_random_uuid(), account_id, month, overlap,
    CASE WHEN before = 0 AND had THEN 'reactivation' WHEN before = 0 THEN 'new' WHEN now = 0 THEN 'churn'
        WHEN now > before THEN 'expansion' ELSE 'contraction' END,
    '', abs(now - before), %(currency)s
FROM (
    SELECT c.account_id, c.month::date AS month, o.overlap,
        coalesce(m.mrr_minor, 0) AS now,
        coalesce(lag(m.mrr_minor) OVER (PARTITION BY c.account_id, o.overlap ORDER BY c.month), 0) AS before,
        c.first_paid_on < c.month::date AS had
    FROM (
        SELECT s.account_id, s.first_paid_on, month FROM (
            SELECT account_id, min(starts_on) AS first_paid_on FROM revenue_contractline
            WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s) AND NOT is_trial AND mrr_minor > 0
                AND (ends_on IS NULL OR ends_on > starts_on)
            GROUP BY account_id
        ) s CROSS JOIN LATERAL generate_series(
            date_trunc('month', s.first_paid_on::timestamp), %(last)s::timestamp, interval '1 month'
        ) AS month
    ) c
    CROSS JOIN (VALUES ('sum'), ('latest')) AS o (overlap)
    LEFT JOIN revenue_accountmonth m ON m.tenant_id = %(tenant)s AND m.account_id = c.account_id
        AND m.month = c.month::date AND m.overlap = o.overlap
) step WHERE now <> before
ON CONFLICT (tenant_id, account_id, overlap, month, kind, type) DO NOTHING
"""


@transaction.atomic
def months_refresh(account_ids: Sequence[UUID], *, through: date | None = None) -> None:
    """Rewrite months and movements of these accounts from their contract lines, up to `through` (default: today)."""
    ids = sorted(set(account_ids))
    tenant = Tenant.objects.get(pk=current_tenant_id())
    through = through or today_of(tenant)
    values: dict[str, Any] = {
        "tenant": tenant.id,
        "ids": ids,
        "currency": tenant.currency,
        # First day of the last month that has ended.
        "last": months_before((through + timedelta(days=1)).replace(day=1), 1),
    }
    with connection.cursor() as cursor:
        for table in ("revenue_accountmonth", "revenue_movement"):
            cursor.execute(f"DELETE FROM {table} WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s)", values)
        cursor.execute(MONTHS, values)
        cursor.execute(MOVEMENTS, values)
