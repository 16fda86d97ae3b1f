"""The worker's part of the evaluation: changed accounts, batch by batch, whatever becomes of one of them."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.remembering import current_tenant, remembering
from hub.tenancy.statements import ask
from signals.engine import BATCH, evaluate_batch

log = logging.getLogger(__name__)

# When thousands wait (an import, the close of a day) nobody waits for one of them, and larger batches cost less.
MANY: Final = 2_000
LARGE_BATCH: Final = 1_000
BACK_OFF: Final = timedelta(minutes=5)
# The database is gone, or somebody was waited for too long: that lies with no account.
AWAY: Final = (OperationalError, InterfaceError)


OLDEST: Final = "SELECT min(dirty_at) FROM accounts_accountstate WHERE tenant_id = %s AND dirty_at IS NOT NULL"


def backlog() -> datetime | None:
    """When the oldest dirty account became so; None when none is."""
    oldest: datetime | None = ask(OLDEST, [current_tenant_id()])[0][0]
    return oldest


def drain(tenant_id: UUID) -> datetime | None:
    """Evaluate the accounts that are dirty now, batch by batch; two drains share the work.

    Accounts that become dirty meanwhile are for the next drain: a stream of events never lets this one end. Of a batch
    that fails, each account is evaluated by itself: one that cannot be holds nobody else up.
    """
    began, limit = timezone.now(), BATCH
    while True:
        try:
            with tenant_context(tenant_id), remembering():
                if evaluate_batch(current_tenant(), limit=limit, since=began) < limit:
                    return backlog()
                limit = _limit()
        except AWAY:
            raise
        except Exception:
            log.exception("a batch of accounts cannot be evaluated; they are taken one by one")
            _singly(tenant_id, began)


def _singly(tenant_id: UUID, since: datetime) -> None:
    """Evaluate the next accounts one by one; one that fails is tried again in some minutes."""
    with tenant_context(tenant_id):
        dirty = AccountState.objects.filter(dirty_at__lte=since).order_by("account_id")[:LARGE_BATCH]
        ids = list(dirty.values_list("account_id", flat=True))
    for pk in ids:
        try:
            with tenant_context(tenant_id), remembering():
                evaluate_batch(current_tenant(), limit=1, since=since, only=pk)
        except AWAY:
            raise
        except Exception:
            log.exception("account %s cannot be evaluated; it is tried again in %s", pk, BACK_OFF)
            with tenant_context(tenant_id):
                AccountState.objects.filter(account_id=pk, dirty_at__lte=since).update(
                    dirty_at=timezone.now() + BACK_OFF
                )


def _limit() -> int:
    dirty = AccountState.objects.filter(dirty_at__isnull=False).order_by("dirty_at")
    return LARGE_BATCH if dirty[MANY : MANY + 1].exists() else BATCH
