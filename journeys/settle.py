"""Bring accounts up to date before anything is done to them: a goal met a second ago must stop a step or a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import F

from hub.accounts.models import AccountState
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant
from hub.tenancy.statements import ask
from signals.engine import evaluate_accounts

DIRTY: Final = (
    "SELECT account_id FROM accounts_accountstate WHERE tenant_id = %s AND account_id = ANY(%s)"
    " AND dirty_at IS NOT NULL ORDER BY account_id"
)


def settle(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    """Evaluate those of the accounts (locks held by the caller) whose facts have changed since they last were."""
    dirty = [pk for (pk,) in ask(DIRTY, [current_tenant_id(), list(account_ids)])]
    if not dirty:
        return
    evaluate_accounts(tenant, dirty)
    AccountState.objects.filter(account_id__in=dirty).update(evaluated_version=F("fact_version"), dirty_at=None)
