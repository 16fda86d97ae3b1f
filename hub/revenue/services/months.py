"""What follows from contract lines: months, and the ledger of movements with their types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from hub.accounts.facts import today_of
from hub.registry.handlers import figures_changed
from hub.revenue.services.retention import months_changed
from hub.tenancy.remembering import current_tenant


def last_closed(through: date) -> date:
    """First day of the last month that has ended by the close of `through`."""
    return months_before((through + timedelta(days=1)).replace(day=1), 1)


def months_before(first: date, months: int) -> date:
    """The first day of the month `months` before the one that starts on `first`."""
    year, month0 = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(year, month0 + 1, 1)


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
INSERT INTO revenue_movement
    (tenant_id, id, account_id, month, overlap, kind, type, type_source, amount_minor, currency)
SELECT %(tenant)s, gen_random_uuid(), account_id, month, overlap,
    CASE WHEN before = 0 AND had THEN 'reactivation' WHEN before = 0 THEN 'new' WHEN now = 0 THEN 'churn'
        WHEN now > before THEN 'expansion' ELSE 'contraction' END,
    '', '', abs(now - before), %(currency)s
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


# The types of expansions and contractions, split from the untyped rows above; fast form of revenue/movement_types.py,
# which a test holds equal. A contraction is an expansion read backwards: `then` is the larger end. What a source says
# about an account's month and kind wins, whole.
TYPES = """
INSERT INTO revenue_movement
    (tenant_id, id, account_id, month, overlap, kind, type, type_source, amount_minor, currency)
SELECT m.tenant_id, gen_random_uuid(), m.account_id, m.month, m.overlap, m.kind, coalesce(said.type, part.type),
    coalesce(said.source, ''), coalesce(part.amount, m.amount_minor), m.currency
FROM revenue_movement m
LEFT JOIN LATERAL (
    SELECT type, source FROM revenue_movementclaim
    WHERE tenant_id = m.tenant_id AND account_id = m.account_id AND month = m.month AND kind = m.kind
    ORDER BY source_updated_at DESC NULLS LAST, id DESC LIMIT 1
) said ON true
-- One look-up by index per movement: joined as sets, a batch without statistics would take the square of its time.
LEFT JOIN LATERAL (
    SELECT type, (share + CASE
        WHEN row_number() OVER (ORDER BY remainder DESC, type COLLATE "C") <= m.amount_minor - sum(share) OVER ()
        THEN 1 ELSE 0 END)::bigint AS amount
    FROM (
        SELECT type, div(amount * m.amount_minor, sum(amount) OVER ()) AS share,
            mod(amount * m.amount_minor, sum(amount) OVER ()) AS remainder
        FROM (
            SELECT g.type, sum(g.amount) AS amount FROM (
                SELECT mrr, mrr - coalesce(mrr_then, 0) AS delta, mrr_then IS NULL AS fresh,
                    coalesce(rank > rank_then, false) AS higher, coalesce(tier = tier_then, false) AS same,
                    seats > seats_then AS more, seats - seats_then AS seats_more, seats
                FROM (
                    SELECT sum(l.mrr_minor) FILTER (WHERE l.grown) AS mrr,
                        sum(l.mrr_minor) FILTER (WHERE NOT l.grown) AS mrr_then,
                        sum(l.seats) FILTER (WHERE l.grown) AS seats,
                        sum(l.seats) FILTER (WHERE NOT l.grown) AS seats_then,
                        max(l.rank) FILTER (WHERE l.grown) AS rank,
                        max(l.rank) FILTER (WHERE NOT l.grown) AS rank_then,
                        (array_agg(l.tier ORDER BY l.rank DESC NULLS LAST, l.mrr_minor DESC, l.external_id COLLATE "C")
                            FILTER (WHERE l.grown))[1] AS tier,
                        (array_agg(l.tier ORDER BY l.rank DESC NULLS LAST, l.mrr_minor DESC, l.external_id COLLATE "C")
                            FILTER (WHERE NOT l.grown))[1] AS tier_then
                    FROM (
                        SELECT e.grown, c.product, c.tier, t.rank, c.mrr_minor, coalesce(c.seats, 0) AS seats,
                            c.external_id, row_number() OVER (
                                PARTITION BY e.grown ORDER BY c.starts_on DESC, c.external_id COLLATE "C" DESC
                            ) AS latest
                        FROM (
                            VALUES (m.kind = 'contraction', m.month - 1),
                                (m.kind = 'expansion', (m.month + interval '1 month - 1 day')::date)
                        ) AS e (grown, day)
                        JOIN revenue_contractline c ON c.tenant_id = m.tenant_id AND c.account_id = m.account_id
                            AND NOT c.is_trial AND c.mrr_minor > 0
                            AND c.starts_on <= e.day AND (c.ends_on IS NULL OR c.ends_on > e.day)
                        LEFT JOIN revenue_product p ON p.tenant_id = m.tenant_id AND p.name = c.product
                        LEFT JOIN revenue_tier t ON t.tenant_id = m.tenant_id AND t.product_id = p.id
                            AND t.name = c.tier
                    ) l
                    WHERE m.overlap = 'sum' OR l.latest = 1
                    GROUP BY l.product
                ) held
            ) c
            CROSS JOIN LATERAL (
                SELECT CASE WHEN c.fresh THEN 0
                    WHEN c.higher AND c.more THEN least(div(c.seats_more * c.mrr, c.seats), c.delta)
                    WHEN c.same AND c.more AND NOT c.higher THEN c.delta ELSE 0 END AS seat
            ) s
            CROSS JOIN LATERAL (
                VALUES ('cross_sell', CASE WHEN c.fresh THEN c.delta ELSE 0 END),
                    ('seat', s.seat),
                    ('tier', CASE WHEN c.higher AND NOT c.fresh THEN c.delta - s.seat ELSE 0 END),
                    ('price', CASE WHEN c.fresh OR c.higher OR (c.same AND c.more) THEN 0 ELSE c.delta END)
            ) AS g (type, amount)
            WHERE c.delta > 0 AND g.amount > 0
            GROUP BY g.type
        ) parts
    ) shares
) part ON said.type IS NULL
WHERE m.tenant_id = %(tenant)s AND m.account_id = ANY(%(ids)s) AND m.kind IN ('expansion', 'contraction')
    AND m.type = '' AND coalesce(part.amount, m.amount_minor) > 0
ON CONFLICT (tenant_id, account_id, overlap, month, kind, type) DO NOTHING
"""

UNTYPED = """
DELETE FROM revenue_movement WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s)
    AND kind IN ('expansion', 'contraction') AND type = ''
"""

# Whether a customer chose to leave: what a source says, else the last cause open around the month, else unknown.
CHURN = """
UPDATE revenue_movement m SET type = x.type, type_source = x.source
FROM (
    SELECT m.id, coalesce(said.type, CASE cause.reason WHEN 'payment_failure' THEN 'involuntary' ELSE
            CASE WHEN cause.reason IS NULL THEN 'unknown' ELSE 'voluntary' END END) AS type,
        coalesce(said.source, cause.source, '') AS source
    FROM revenue_movement m
    LEFT JOIN LATERAL (
        SELECT type, source FROM (
            SELECT type, source, 1 AS weight, source_updated_at AS at, id FROM revenue_movementclaim
            WHERE tenant_id = %(tenant)s AND account_id = m.account_id AND month = m.month AND kind = 'churn'
            UNION ALL
            SELECT churn_type, source, 2, claimed_on::timestamptz, id FROM revenue_churnclaim
            WHERE tenant_id = %(tenant)s AND account_id = m.account_id AND churn_type <> ''
                AND claimed_on BETWEEN m.month - %(before)s AND m.month + %(after)s
        ) s ORDER BY weight, at DESC NULLS LAST, id DESC LIMIT 1
    ) said ON true
    LEFT JOIN LATERAL (
        SELECT reason, source FROM (
            SELECT reason, source, claimed_on AS day, id FROM revenue_churnclaim
            WHERE tenant_id = %(tenant)s AND account_id = m.account_id AND reason NOT IN ('', 'unknown')
                AND claimed_on BETWEEN m.month - %(before)s AND m.month + %(after)s
            UNION ALL
            SELECT 'payment_failure', source, coalesce(due_on, issued_on), id FROM revenue_invoice
            WHERE tenant_id = %(tenant)s AND account_id = m.account_id AND status IN ('open', 'uncollectible')
                AND attempts > 0 AND coalesce(due_on, issued_on) BETWEEN m.month - %(before)s AND m.month + %(after)s
        ) c ORDER BY day DESC, id DESC LIMIT 1
    ) cause ON true
    WHERE m.tenant_id = %(tenant)s AND m.account_id = ANY(%(ids)s) AND m.kind = 'churn'
) x WHERE m.tenant_id = %(tenant)s AND m.id = x.id
"""
# A cause belongs to a churn from this many days before the month it is counted in to this many after its first day.
CAUSE_BEFORE, CAUSE_AFTER = 92, 62


@transaction.atomic
def months_refresh(account_ids: Sequence[UUID], *, through: date | None = None) -> None:
    """Rewrite months and movements of these accounts from their contract lines, up to `through` (default: today)."""
    ids = sorted(set(account_ids))
    tenant = current_tenant()
    through = through or today_of(tenant)
    values: dict[str, Any] = {
        "tenant": tenant.id,
        "ids": ids,
        "currency": tenant.currency,
        "before": CAUSE_BEFORE,
        "after": CAUSE_AFTER,
        # First day of the last month that has ended.
        "last": last_closed(through),
    }
    with connection.cursor() as cursor:
        for table in ("revenue_accountmonth", "revenue_movement"):
            cursor.execute(f"DELETE FROM {table} WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s)", values)
        cursor.execute(MONTHS, values)
        cursor.execute(MOVEMENTS, values)
        cursor.execute(TYPES, values)
        cursor.execute(UNTYPED, values)
        cursor.execute(CHURN, values)
    months_changed()
    figures_changed(tenant.id, ids)
