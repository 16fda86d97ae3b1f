"""The worker's part: accounts are decided about, what was chosen is carried out, and what came of it is read.

Every batch is a transaction under the locks of its accounts. An effect is written in the same transaction as the word
that it was done, under the choice's own key: a worker that dies has done all of it or nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, Min, OuterRef, QuerySet
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.carrying import carry_out
from journeys.decisions.choosing import choose
from journeys.decisions.models import TO_REVIEW, Choice, ChoiceStatus, DecisionTurn
from journeys.decisions.outcomes import settle_outcomes
from journeys.settle import settle

log = logging.getLogger(__name__)

BATCH: Final = 200
SLICE_SECONDS: Final = 15.0
MAX_ATTEMPTS: Final = 5
BACK_OFF: Final = timedelta(minutes=1)

Work = Callable[[Tenant, Sequence[UUID]], None]


def backlog() -> datetime | None:
    """When the next account is to be decided about, a choice carried out, or an outcome read; None when none is."""
    times = [DecisionTurn.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]]
    for name in ("due_at", "checks_at", "expires_at"):
        waiting = Choice.objects.filter(**{f"{name}__isnull": False})
        times.append(waiting.aggregate(at=Min(name))["at"])
    return min((at for at in times if at is not None), default=None)


def drain(tenant_id: UUID) -> datetime | None:
    """Do what is due until the slice is over; two at once share it."""
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and _step(tenant):
        pass
    with tenant_context(tenant):
        return backlog()


def _step(tenant: Tenant) -> bool:
    """A batch of each kind of work, what people wait for first; False when nothing was due."""
    done = [
        _batch(tenant, _lapsing, _lapse, _ignore),
        _batch(tenant, _carried, carry_out, _fail_choices),
        _batch(tenant, _turns, _decide, _fail_turns),
        _batch(tenant, _checked, settle_outcomes, _ignore),
    ]
    return any(done)


def _batch(
    tenant: Tenant,
    due: Callable[[datetime], QuerySet[Any]],
    work: Work,
    failed: Callable[[UUID, str], None],
) -> int:
    """Claim up to `BATCH` accounts of which something is due and work on them; one that cannot is set aside alone."""
    ids: list[UUID] = []
    try:
        with tenant_context(tenant):
            ids = _claim(due)
            if ids:
                work(tenant, ids)
    except Exception:
        if not ids:
            raise
        log.exception("%s: deciding about %d accounts failed; trying them one by one", tenant.slug, len(ids))
        for account_id in ids:
            _alone(tenant, account_id, work, failed)
    return len(ids)


def _claim(due: Callable[[datetime], QuerySet[Any]]) -> list[UUID]:
    mine = due(timezone.now()).filter(account_id=OuterRef("account_id"))
    states = AccountState.objects.select_for_update(skip_locked=True, of=("self",)).filter(Exists(mine))
    return list(states.order_by("account_id").values_list("account_id", flat=True)[:BATCH])


def _alone(tenant: Tenant, account_id: UUID, work: Work, failed: Callable[[UUID, str], None]) -> None:
    try:
        with tenant_context(tenant):
            if AccountState.objects.select_for_update(skip_locked=True).filter(account_id=account_id).first():
                work(tenant, [account_id])
    except Exception as error:
        log.exception("%s: account %s cannot be decided about", tenant.slug, account_id)
        with tenant_context(tenant):
            failed(account_id, f"{type(error).__name__}: {error}"[:300])


# --- Kinds of work ------------------------------------------------------------------------------------------------


def _turns(now: datetime) -> QuerySet[Any]:
    found: QuerySet[DecisionTurn] = DecisionTurn.objects.filter(due_at__lte=now)
    return found


def _carried(now: datetime) -> QuerySet[Any]:
    found: QuerySet[Choice] = Choice.objects.filter(due_at__lte=now, status=ChoiceStatus.SCHEDULED)
    return found


def _checked(now: datetime) -> QuerySet[Any]:
    found: QuerySet[Choice] = Choice.objects.filter(checks_at__lte=now)
    return found


def _lapsing(now: datetime) -> QuerySet[Any]:
    found: QuerySet[Choice] = Choice.objects.filter(expires_at__lte=now)
    return found


def _lapse(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    """What nobody has reviewed in time is over."""
    due = _lapsing(timezone.now()).filter(account_id__in=list(account_ids))
    due.filter(status__in=TO_REVIEW).update(status=ChoiceStatus.LAPSED, reason="expired")
    due.update(expires_at=None)


def _decide(tenant: Tenant, account_ids: Sequence[UUID]) -> None:
    settle(tenant, account_ids)
    turns = DecisionTurn.objects.filter(account_id__in=list(account_ids))
    causes = dict(turns.values_list("account_id", "cause"))
    choose(tenant, account_ids, causes)
    turns.update(due_at=None, attempts=0, error="")


# --- What fails ---------------------------------------------------------------------------------------------------


def _ignore(account_id: UUID, error: str) -> None:
    """What is only put off is tried with the next look at the account."""
    now = timezone.now()
    for name in ("checks_at", "expires_at"):
        due = Choice.objects.filter(account_id=account_id, **{f"{name}__lte": now})
        due.update(**{name: now + timedelta(hours=1)})


@transaction.atomic
def _fail_turns(account_id: UUID, error: str) -> None:
    """Try again later, up to five times; then the account waits for its next day, and the row says why."""
    for turn in DecisionTurn.objects.filter(account_id=account_id, due_at__isnull=False):
        _put_off(turn, error, {"due_at": None})


@transaction.atomic
def _fail_choices(account_id: UUID, error: str) -> None:
    """Try again later, up to five times; then it could not be done, and the choice says why."""
    for choice in _carried(timezone.now()).filter(account_id=account_id):
        given_up = {"status": ChoiceStatus.REFUSED, "reason": "error", "result": error[:300], "due_at": None}
        _put_off(choice, "", given_up)


def _put_off(row: models.Model, error: str, given_up: dict[str, Any]) -> None:
    attempts = getattr(row, "attempts", 0) + 1
    changes: dict[str, Any] = {"attempts": attempts}
    if error:
        changes["error"] = error
    if attempts >= MAX_ATTEMPTS:
        changes |= given_up
    else:
        changes["due_at"] = timezone.now() + BACK_OFF * 2 ** (attempts - 1)
    type(row)._default_manager.filter(pk=row.pk).update(**changes)
