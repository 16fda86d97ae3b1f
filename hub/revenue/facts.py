"""Revenue facts: what the account pays today and when its contract comes up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import connection

from hub.registry.facts import Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id

# One look-up by index per account: without statistics (a tenant's first import) joins go astray.
REFRESH = """
UPDATE accounts_accountfacts f SET mrr_minor = x.mrr, renews_on = x.renews_on, tier = coalesce(x.tier, '')
FROM (
    SELECT a.id, l.mrr, l.renews_on, l.tier
    FROM accounts_account a
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(mrr_minor), 0) AS mrr, min(coalesce(renews_on, ends_on)) AS renews_on,
            (array_agg(tier ORDER BY mrr_minor DESC, external_id))[1] AS tier
        FROM revenue_contractline
        WHERE tenant_id = a.tenant_id AND account_id = a.id AND NOT is_trial
            AND starts_on <= %(today)s AND (ends_on IS NULL OR ends_on > %(today)s)
    ) l
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
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
