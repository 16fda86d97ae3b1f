"""The account's lock, and saying that its facts changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.registry.handlers import figures_changed
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import Statement, send
from hub.tenancy.wake import wake, wake_all

EVALUATE = "evaluate"
# What figures of revenue are split by, and what is compared with the lines; the stage is announced by whoever sets it.
FIGURE_FIELDS = frozenset({"industry", "country", "segment", "tier", "source_churned"})
# Who is dirty already and free is dirty until this commits: its evaluation begins with the lock that we hold.
# One look-up by index for each account: prepared statements are planned before anybody knows how large a tenant grows.
MARK_FREE = """
WITH free AS MATERIALIZED (
    SELECT s.id, s.account_id, s.dirty_at FROM unnest(%(ids)s::uuid[]) AS asked (account_id) CROSS JOIN LATERAL (
        SELECT id, account_id, dirty_at FROM accounts_accountstate
        WHERE tenant_id = %(tenant)s AND account_id = asked.account_id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS s
), marked AS (
    UPDATE accounts_accountstate SET fact_version = fact_version + 1, dirty_at = %(at)s
    WHERE tenant_id = %(tenant)s AND id = ANY(ARRAY(SELECT id FROM free WHERE dirty_at IS NULL))
)
SELECT account_id FROM free
"""


def facts_touch(account_ids: Iterable[UUID], *, at: datetime | None = None) -> None:
    """Mark accounts as changed: raise their `fact_version`, leave them dirty, and wake evaluation on commit.

    Takes the account locks in id order, so concurrent callers cannot deadlock.
    """
    at = at or timezone.now()
    with transaction.atomic():
        if locked := states_lock(account_ids):
            AccountState.objects.filter(pk__in=locked).update(fact_version=F("fact_version") + 1, dirty_at=at)
            wake(EVALUATE)


def states_lock(account_ids: Iterable[UUID]) -> list[UUID]:
    """Take the locks of accounts in id order, making state rows that are missing; returns the rows' ids.

    The account's lock comes before any other row of its: the evaluation holds it while it writes milestones, trigger
    states and enrollments, so whoever writes those first and asks for the lock after can deadlock with it.
    """
    ids = sorted(set(account_ids))
    if not ids:
        return []
    states = AccountState.objects.filter(account_id__in=ids).order_by("account_id")
    # Missing rows are made before any lock is held: who waits for another's insert must hold nothing that one wants.
    states_ensure(sorted(set(ids) - set(states.values_list("account_id", flat=True))))
    return list(states.select_for_update().values_list("pk", flat=True))


def facts_touch_free(account_ids: Mapping[UUID, Collection[UUID]], *, at: datetime) -> dict[UUID, set[UUID]]:
    """`facts_touch` for those who must not wait for a lock, for accounts by tenant, in the open transaction.

    Returns the accounts that could not be marked, of the tenants that have any. One round trip.
    """
    asked = {tenant_id: sorted(set(ids)) for tenant_id, ids in account_ids.items() if ids}
    if not asked:
        return {}
    found = send([Statement(MARK_FREE, {"tenant": pk, "ids": ids, "at": at}, pk) for pk, ids in asked.items()])
    free = {tenant_id: {pk for (pk,) in rows} for tenant_id, rows in zip(asked, found, strict=True)}
    wake_all(EVALUATE, [tenant_id for tenant_id, ids in free.items() if ids])
    return {tenant_id: missed for tenant_id, ids in asked.items() if (missed := set(ids) - free[tenant_id])}


def figures_touch(account_ids: Collection[UUID], fields: Iterable[str]) -> None:
    """Announce that these fields of accounts changed, when any of them is one that figures of revenue are split by."""
    if account_ids and FIGURE_FIELDS.intersection(fields):
        figures_changed(current_tenant_id(), list(account_ids))


def states_ensure(account_ids: Sequence[UUID]) -> None:
    """Make the state rows that are missing."""
    AccountState.objects.bulk_create(
        [AccountState(account_id=account_id) for account_id in account_ids],
        ignore_conflicts=True,
    )
