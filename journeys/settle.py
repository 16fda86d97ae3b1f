"""Bring accounts up to date before anything is done to them: a goal met a second ago must stop a step or a message."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F

from hub.accounts.models import AccountState
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts


def settle(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    """Evaluate those of the accounts (locks held by the caller) whose facts have changed since they last were."""
    dirty = list(
        AccountState.objects.filter(account_id__in=list(account_ids), dirty_at__isnull=False)
        .order_by("account_id")
        .values_list("account_id", flat=True)
    )
    if not dirty:
        return
    evaluate_accounts(tenant, dirty)
    AccountState.objects.filter(account_id__in=dirty).update(evaluated_version=F("fact_version"), dirty_at=None)
