"""The sums of twelve-month windows over all accounts, kept up by a worker after months were written anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from hub.revenue.models import MonthsChanged, RetentionMonth
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.wake import wake

QUEUE = "retention"
WINDOW = 12

# How many accounts are summed at most in a second: so often, and no oftener, are many accounts summed anew.
PACE = 1000

# One walk along the index of account months; who is gone at the end of a window counts in its opening alone.
SUMS = """
INSERT INTO revenue_retentionmonth
    (tenant_id, id, overlap, month, opening, retained, kept, closing, accounts, computed_at)
SELECT %(tenant)s, gen_random_uuid(), overlap, month, coalesce(opening, 0), coalesce(retained, 0), coalesce(kept, 0),
    coalesce(closing, 0), coalesce(accounts, 0), %(at)s::timestamptz
FROM (
    SELECT overlap, month, sum(mrr) AS closing, sum(mrr) FILTER (WHERE before IS NOT NULL) AS retained,
        sum(least(before, mrr)) FILTER (WHERE before IS NOT NULL) AS kept, count(*) AS accounts
    FROM (
        SELECT overlap, month, mrr_minor AS mrr, sum(mrr_minor) OVER (
            PARTITION BY account_id, overlap ORDER BY month
            RANGE BETWEEN interval '12 months' PRECEDING AND interval '12 months' PRECEDING
        ) AS before
        FROM revenue_accountmonth WHERE tenant_id = %(tenant)s
    ) months GROUP BY overlap, month
) closed
FULL JOIN (
    SELECT overlap, (month + interval '12 months')::date AS month, sum(mrr_minor) AS opening
    FROM revenue_accountmonth WHERE tenant_id = %(tenant)s GROUP BY overlap, month
) opened USING (overlap, month)
ON CONFLICT (tenant_id, overlap, month) DO UPDATE SET opening = excluded.opening, retained = excluded.retained,
    kept = excluded.kept, closing = excluded.closing, accounts = excluded.accounts, computed_at = excluded.computed_at
"""


def months_changed() -> None:
    """Say, in the writer's transaction, that months of some accounts are new."""
    MonthsChanged.objects.create(at=timezone.now())
    wake(QUEUE)


def backlog() -> datetime | None:
    """When the sums may be made anew: at once, or where there are many accounts, some time after the last."""
    if not MonthsChanged.objects.exists():
        return None
    last = RetentionMonth.objects.aggregate(at=Max("computed_at"), accounts=Max("accounts"))
    rest = timedelta(seconds=(last["accounts"] or 0) // PACE)
    return max(timezone.now(), last["at"] + rest) if last["at"] else timezone.now()


def drain(tenant_id: UUID) -> datetime | None:
    """Sum the windows anew when something has changed and enough time has passed; else say when that will be.

    The rows that say so are locked first: a second drain waits for the one before, and then sums what is newer.
    """
    with tenant_context(tenant_id):
        due = backlog()
        if due is None or due > timezone.now():
            return due
        told = MonthsChanged.objects.select_for_update().order_by("id")
        if ids := list(told.values_list("pk", flat=True)):
            MonthsChanged.objects.filter(pk__in=ids).delete()
            RetentionMonth.objects.all().delete()
            with connection.cursor() as cursor:
                cursor.execute(SUMS, {"tenant": current_tenant_id(), "at": timezone.now()})
    return None
