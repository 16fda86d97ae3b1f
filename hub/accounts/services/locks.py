"""The account's lock, and saying that its facts changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.tenancy.wake import wake

EVALUATE = "evaluate"


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


def facts_touch_free(account_ids: Iterable[UUID], *, at: datetime) -> set[UUID]:
    """`facts_touch` for those who must not wait for a lock: returns the accounts that it could not mark."""
    ids = sorted(set(account_ids))
    if not ids:
        return set()
    with transaction.atomic():
        free = AccountState.objects.select_for_update(skip_locked=True).filter(account_id__in=ids)
        locked = dict(free.order_by("account_id").values_list("pk", "account_id"))
        # Who is dirty already and free is dirty until this commits: its evaluation begins with the lock that we hold.
        clean = AccountState.objects.filter(pk__in=locked, dirty_at=None)
        clean.update(fact_version=F("fact_version") + 1, dirty_at=at)
        if locked:
            wake(EVALUATE)
    return set(ids) - set(locked.values())


def states_ensure(account_ids: Sequence[UUID]) -> None:
    """Make the state rows that are missing."""
    AccountState.objects.bulk_create(
        [AccountState(account_id=account_id) for account_id in account_ids],
        ignore_conflicts=True,
    )
