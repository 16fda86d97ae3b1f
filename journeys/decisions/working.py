"""The worker's part: accounts are decided about, what was chosen is carried out, and what came of it is read.

Every batch is a transaction under the locks of its accounts. An effect is written in the same transaction as the word
that it was done, under the choice's own key: a worker that dies has done all of it or nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from hub.accounts.models import AccountState
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.statements import ask
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
DUE_TIMES: Final = """
SELECT (SELECT min(expires_at) FROM journeys_choice WHERE tenant_id = %(tenant)s AND expires_at IS NOT NULL),
    (SELECT min(due_at) FROM journeys_choice WHERE tenant_id = %(tenant)s AND due_at IS NOT NULL),
    (SELECT min(due_at) FROM journeys_decisionturn WHERE tenant_id = %(tenant)s AND due_at IS NOT NULL),
    (SELECT min(checks_at) FROM journeys_choice WHERE tenant_id = %(tenant)s AND checks_at IS NOT NULL)
"""

Work = Callable[[Tenant, Sequence[UUID]], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work: accounts of which something is due, locked; what is done to them, and to one that cannot."""

    claim: Prepared[UUID]
    work: Work
    failed: Callable[[UUID, str], None]


def backlog() -> datetime | None:
    """When the next account is to be decided about, a choice carried out, or an outcome read; None when none is."""
    return min((at for at in _due_times() if at is not None), default=None)


def _due_times() -> Sequence[datetime | None]:
    """When each kind of work is due next, in the order of `_kinds`: asked far more often than anything is."""
    [times] = ask(DUE_TIMES, {"tenant": current_tenant_id()})
    return times


def drain(tenant_id: UUID) -> datetime | None:
    """Do what is due until the slice is over; two at once share it."""
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + SLICE_SECONDS
    while True:
        with tenant_context(tenant):
            times = _due_times()
        over = time.monotonic() >= end
        if over or not _step(tenant, times):
            return min((at for at in times if at is not None), default=None)


def _step(tenant: Tenant, times: Sequence[datetime | None]) -> bool:
    """A batch of each kind of work that is due, what people wait for first; False when nothing was, or nothing free."""
    now = timezone.now()
    done = [_batch(tenant, kind) for kind, at in zip(_kinds(), times, strict=True) if at is not None and at <= now]
    return any(done)


def _batch(tenant: Tenant, kind: Kind) -> int:
    """Claim up to `BATCH` accounts of which something is due and work on them; one that cannot is set aside alone."""
    ids: list[UUID] = []
    try:
        with tenant_context(tenant):
            ids = kind.claim(now=timezone.now())
            if ids:
                kind.work(tenant, ids)
    except Exception:
        if not ids:
            raise
        log.exception("%s: deciding about %d accounts failed; trying them one by one", tenant.slug, len(ids))
        for account_id in ids:
            _alone(tenant, account_id, kind.work, kind.failed)
    return len(ids)


def _claim(due: Callable[[datetime], QuerySet[Any]]) -> Prepared[UUID]:
    @Prepared[UUID]
    def free(the: Places) -> Any:
        mine = due(the.moment("now")).filter(account_id=OuterRef("account_id"))
        states = AccountState.objects.select_for_update(skip_locked=True, of=("self",)).filter(Exists(mine))
        return states.order_by("account_id").values_list("account_id", flat=True)[:BATCH]

    return free


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


@cache
def _kinds() -> tuple[Kind, ...]:
    return (
        Kind(_claim(_lapsing), _lapse, _ignore),
        Kind(_claim(_carried), carry_out, _fail_choices),
        Kind(_claim(_turns), _decide, _fail_turns),
        Kind(_claim(_checked), settle_outcomes, _ignore),
    )


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
