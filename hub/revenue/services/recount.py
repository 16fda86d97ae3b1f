"""Accounts whose months must be written anew because a rate, a rank or the month changed: rows, for a worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.services import facts_touch, states_lock
from hub.revenue.currency import CurrencyError
from hub.revenue.models import ContractLine, MonthClose, RevenueRecount
from hub.revenue.services.lines import home_values
from hub.revenue.services.months import last_closed, months_refresh
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake

QUEUE = "revenue"
BATCH = 200

ASK = """
INSERT INTO revenue_revenuerecount (tenant_id, id, account_id, asked_at)
SELECT DISTINCT ON (account_id) %(tenant)s::uuid, gen_random_uuid(), account_id, %(now)s::timestamptz
FROM revenue_contractline WHERE tenant_id = %(tenant)s AND {condition}
ON CONFLICT (tenant_id, account_id) DO NOTHING
"""


def recount_product(product: str) -> None:
    """Ask for the months of every account with a line of this product."""
    _ask("product = %(value)s", product)


def recount_currency(currency: str) -> None:
    """Ask for the months of every account with a line in this currency."""
    _ask("billed_currency = %(value)s", currency)


def _ask(condition: str, value: str | date) -> None:
    values: dict[str, Any] = {"tenant": current_tenant_id(), "now": timezone.now(), "value": value}
    with connection.cursor() as cursor:
        cursor.execute(ASK.replace("{condition}", condition), values)
    wake(QUEUE)


def open_month() -> date | None:
    """The last month that has ended, while it has not been counted for everybody; None without any line."""
    last = last_closed(today_of(current_tenant()) - timedelta(days=1))
    if MonthClose.objects.filter(month=last).exists() or not ContractLine.objects.exists():
        return None
    return last


@transaction.atomic
def month_close(month: date) -> bool:
    """Ask for the months of every account with a line that ran in this one or after; False when somebody did."""
    made = MonthClose.objects.bulk_create([MonthClose(month=month, closed_at=timezone.now())], ignore_conflicts=True)
    if not MonthClose.objects.filter(pk=made[0].pk).exists():
        return False
    _ask("(ends_on IS NULL OR ends_on >= %(value)s)", month)
    return True


def backlog() -> datetime | None:
    oldest: datetime | None = RevenueRecount.objects.aggregate(at=Min("asked_at"))["at"]
    return oldest or (timezone.now() if open_month() else None)


def drain(tenant_id: UUID) -> datetime | None:
    """Close the month that has ended, then recount every account that waits, a batch a transaction.

    Twice at once only does the work twice.
    """
    with tenant_context(tenant_id):
        if month := open_month():
            month_close(month)
    while True:
        with tenant_context(tenant_id):
            waiting = RevenueRecount.objects.order_by("account_id").values_list("account_id", flat=True)[:BATCH]
            if not (ids := list(waiting)):
                return None
            recount(ids)


@transaction.atomic
def recount(account_ids: Sequence[UUID]) -> None:
    """Convert the foreign lines of these accounts anew, then rewrite their months; takes them off the list."""
    states_lock(account_ids)
    # Before the work: what is asked for meanwhile waits for the lock of its row, and is asked again.
    RevenueRecount.objects.filter(account_id__in=account_ids).delete()
    foreign = ContractLine.objects.filter(account_id__in=account_ids).exclude(billed_currency="")
    changed = [line for line in foreign if _converted(line)]
    ContractLine.objects.bulk_update(changed, ["mrr_minor", "currency"], batch_size=500)
    months_refresh(account_ids)
    facts_touch(account_ids)


def _converted(line: ContractLine) -> bool:
    try:
        values = home_values({"mrr_minor": line.billed_minor, "currency": line.billed_currency}, line)
    except CurrencyError:
        # The rate it was converted at is gone: the amount it had stands until there is another.
        return False
    before = line.mrr_minor
    line.mrr_minor, line.currency = values["mrr_minor"], values["currency"]
    return line.mrr_minor != before
