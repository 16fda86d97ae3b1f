"""One act on every signal that the inbox's address leaves: some hundreds at once, more by a worker, batch by batch.

Meant are the signals that are there when it is asked for; those that come later are not touched. Each batch is a
transaction that moves `after` on, so what a crash interrupts is done by the next worker.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from hub.people.audit import Actor, audit
from hub.people.models import User
from hub.tenancy.context import tenant_context
from hub.tenancy.wake import wake
from signals.inbox.acting import Act, act_check, act_of, signals_act
from signals.inbox.query import InboxQuery, selection
from signals.models import BulkStatus, Signal, SignalBulk

log = logging.getLogger(__name__)

QUEUE: Final = "signal_bulk"
BATCH: Final = 200
# So many are changed while somebody waits; more is a worker's.
AT_ONCE: Final = 200
MOST_CHOSEN: Final = 500
SLICE_SECONDS: Final = 15.0
MAX_ATTEMPTS: Final = 5
BACK_OFF: Final = timedelta(seconds=20)


@transaction.atomic
def bulk_start(
    *, query: InboxQuery, act: Act, actor: Actor, owner_id: UUID | None = None, user: User | None = None
) -> SignalBulk:
    """Act on every signal that the query leaves, of an owner's accounts or of all. Raises ValidationError."""
    act_check(act)
    now = timezone.now()
    bulk = SignalBulk(
        action=act.action,
        values=act.as_json(),
        query=query.params(),
        owner=owner_id,
        asked_by=user,
        asked_label=actor.label[:200],
        created_at=now,
        due_at=now,
    )
    bulk.total = _meant(bulk).count()
    bulk.save(force_insert=True)
    audit(actor, f"signals.{act.action}_all", bulk, **bulk.values, query=bulk.query, signals=bulk.total)
    if bulk.total <= AT_ONCE:
        while _step(bulk):
            pass
    else:
        wake(QUEUE)
    return bulk


@transaction.atomic
def bulk_cancel(*, bulk: SignalBulk, actor: Actor) -> bool:
    """Stop it; what is done by then stays. False when it had ended."""
    stopped = SignalBulk.objects.filter(pk=bulk.pk, status=BulkStatus.RUNNING).update(
        status=BulkStatus.CANCELLED, due_at=None, finished_at=timezone.now()
    )
    if stopped:
        audit(actor, "signals.bulk_cancel", bulk)
    return bool(stopped)


def _meant(bulk: SignalBulk) -> QuerySet[Signal]:
    """The signals that are left to deal with, in the order of their ids."""
    found = selection(InboxQuery.read(bulk.query), owner_id=bulk.owner, user_id=bulk.asked_by_id)
    found = found.filter(recorded_at__lte=bulk.created_at).order_by("pk")
    return found.filter(pk__gt=bulk.after) if bulk.after else found


def _step(bulk: SignalBulk) -> bool:
    """Deal with the next signals; False when none is left."""
    ids = list(_meant(bulk).values_list("pk", flat=True)[:BATCH])
    if not ids:
        bulk.status, bulk.due_at, bulk.finished_at, bulk.reason = BulkStatus.DONE, None, timezone.now(), ""
        bulk.save(update_fields=["status", "due_at", "finished_at", "reason"])
        return False
    actor = Actor("user", str(bulk.asked_by_id or ""), bulk.asked_label)
    changed = signals_act(ids=ids, act=act_of(bulk.action, bulk.values), actor=actor, user=bulk.asked_by)
    bulk.changed += len(changed)
    bulk.left += len(ids) - len(changed)
    bulk.after, bulk.attempts = ids[-1], 0
    bulk.save(update_fields=["changed", "left", "after", "attempts"])
    return True


# --- The worker's part --------------------------------------------------------------------------------------------


def backlog() -> datetime | None:
    """When the earliest act is due that is not through; None when all are."""
    earliest: datetime | None = SignalBulk.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    return earliest


def drain(tenant_id: UUID) -> datetime | None:
    """Work through what is due until the slice is over; returns when more will be."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and _next(tenant_id):
        pass
    with tenant_context(tenant_id):
        return backlog()


def _next(tenant_id: UUID) -> bool:
    """One batch of what is due first; False when nothing is, or another worker has it."""
    with tenant_context(tenant_id):
        due = SignalBulk.objects.filter(due_at__lte=timezone.now(), status=BulkStatus.RUNNING)
        bulk = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "id").first()
        if bulk is None:
            return False
        try:
            with transaction.atomic():
                _step(bulk)
        except Exception as error:
            log.exception("act %s on many signals failed", bulk.pk)
            _put_off(bulk.pk, bulk.attempts + 1, error)
    return True


def _put_off(pk: UUID, attempts: int, error: Exception) -> None:
    """Try again later; after some tries say why not. What is done by then stays."""
    reason = f"{type(error).__name__}: {error}"[:300]
    now = timezone.now()
    if attempts < MAX_ATTEMPTS:
        changes = {"attempts": attempts, "reason": reason, "due_at": now + BACK_OFF}
    else:
        changes = {"status": BulkStatus.FAILED, "reason": reason, "due_at": None, "finished_at": now}
    SignalBulk.objects.filter(pk=pk).update(**changes)
