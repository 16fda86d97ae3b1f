"""Revenue facts: what the account pays today and when its contract comes up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import connection

from hub.registry.facts import Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id

REFRESH = """
UPDATE accounts_accountfacts f SET mrr_minor = x.mrr, renews_on = x.renews_on, tier = coalesce(x.tier, '')
FROM (
    SELECT a.id, coalesce(sum(l.mrr_minor), 0) AS mrr, min(coalesce(l.renews_on, l.ends_on)) AS renews_on,
        (array_agg(l.tier ORDER BY l.mrr_minor DESC, l.external_id))[1] AS tier
    FROM accounts_account a
    LEFT JOIN revenue_contractline l ON l.tenant_id = a.tenant_id AND l.account_id = a.id AND NOT l.is_trial
        AND l.starts_on <= %(today)s AND (l.ends_on IS NULL OR l.ends_on > %(today)s)
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
    GROUP BY a.id
) x
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
"""


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, {"tenant": current_tenant_id(), "ids": list(account_ids), "today": today})


def register() -> None:
    refreshers.register(FactRefresher("revenue", refresh, order=30))

    def fact(name: str, label: str, kind: FactKind) -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", "contract lines", "at once", "", 30))

    fact("mrr_minor", "MRR", FactKind.MONEY)
    fact("renews_on", "renewal date", FactKind.DATE)
    fact("tier", "plan tier", FactKind.TEXT)
