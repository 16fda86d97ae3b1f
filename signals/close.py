"""The passage of time: once a day every account is evaluated, whether or not something happened to it.

A week without use, a renewal that has come near, a contract that has run out: nothing is written when they become true.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.accounts.services import facts_touch
from hub.people.audit import SYSTEM
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import current_tenant
from signals import reopening
from signals.backtest.services import backtests_due
from signals.health.pruning import health_prune
from signals.health.services import scorecards_install
from signals.models import DayClose
from signals.prediction.services import models_due
from signals.services import triggers_install

QUEUE: Final = reopening.QUEUE
BATCH: Final = 1_000
KEPT: Final = timedelta(days=90)


def backlog() -> datetime | None:
    """Now while the tenant's day has not been closed for every account, else None."""
    today = today_of(current_tenant())
    closed = DayClose.objects.filter(day=today, done_at__isnull=False).exists()
    return None if closed or not Account.objects.exists() else timezone.now()


def drain(tenant_id: UUID) -> datetime:
    """Mark every account as changed, a batch a transaction; returns when the tenant's next day begins.

    Two at once take turns at what a release ships, and mark twice.
    """
    tenant = Tenant.objects.get(pk=tenant_id)
    today = today_of(tenant)
    with tenant_context(tenant):
        DayClose.objects.bulk_create([DayClose(day=today)], ignore_conflicts=True)
        DayClose.objects.select_for_update().get(day=today)
        # What a new release ships reaches tenants that were there before, as baseline.
        triggers_install(actor=SYSTEM)
        scorecards_install(actor=SYSTEM)
        backtests_due()
        models_due()
    while True:
        with tenant_context(tenant):
            # Locked, or a day that is opened again meanwhile would go on where this batch ends.
            if not close_batch(DayClose.objects.select_for_update().get(day=today)):
                return datetime.combine(today + timedelta(days=1), time(), tenant.zone)


@transaction.atomic
def close_batch(close: DayClose) -> bool:
    """Mark the next accounts; False when there are none left, which closes the day."""
    if close.done_at:
        return False
    accounts = Account.objects.order_by("pk")
    if close.after:
        accounts = accounts.filter(pk__gt=close.after)
    ids = list(accounts.values_list("pk", flat=True)[:BATCH])
    if ids:
        facts_touch(ids)
        health_prune(ids, close.day)
        DayClose.objects.filter(pk=close.pk).update(after=ids[-1])
    else:
        DayClose.objects.filter(pk=close.pk).update(done_at=timezone.now())
        DayClose.objects.filter(day__lt=close.day - KEPT).delete()
    return bool(ids)
