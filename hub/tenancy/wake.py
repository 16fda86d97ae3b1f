"""Wake-ups: how committed work gets a worker's attention, quickly, once, and never only in Redis.

The row that is due is the truth. `wake(queue)` leaves a mark in `TenantWork` inside the caller's transaction and, after
the commit, sends one Celery message per tenant and queue. A message that gets lost costs seconds: the clock looks for
marks that are due, and, slowly, asks every queue of every tenant for its backlog.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import TenantWork
from hub.tenancy.statements import Statement, send

# A wake-up that was queued longer ago than this is taken as lost, and another may be sent.
LOST_AFTER = timedelta(seconds=15)
# While a drain runs its mark says "look again then": a worker that dies mid-way leaves work that is found.
LEASE = timedelta(seconds=20)
# A wake-up that comes while the same work is being done joins it when it takes longer than this.
JOIN_AFTER = timedelta(milliseconds=250)
LONGEST_REST = timedelta(seconds=0.3)

# Locks a row only when it brings the time forward; under load nearly every caller finds an earlier one.
MARK_ALL = """
INSERT INTO tenancy_tenantwork AS w (tenant_id, queue, next_due_at)
SELECT t, %(queue)s::text, %(due)s::timestamptz FROM unnest(%(tenants)s::uuid[]) AS t WHERE NOT EXISTS (
    SELECT 1 FROM tenancy_tenantwork f
    WHERE f.tenant_id = t AND f.queue = %(queue)s::text AND f.next_due_at <= %(due)s::timestamptz
) ORDER BY t
ON CONFLICT (tenant_id, queue) DO UPDATE SET next_due_at = excluded.next_due_at
WHERE w.next_due_at IS NULL OR w.next_due_at > excluded.next_due_at
"""
CLAIM_ALL = """
UPDATE tenancy_tenantwork SET queued_at = %(now)s
WHERE queue = %(queue)s AND tenant_id = ANY(%(tenants)s::uuid[]) AND (queued_at IS NULL OR queued_at <= %(lost)s)
RETURNING tenant_id
"""

Drain = Callable[[UUID], datetime | None]
Backlog = Callable[[], datetime | None]


@dataclass(frozen=True)
class Queue:
    """A kind of background work.

    `drain_for(tenant_id)` does what is due for one tenant, in short transactions of its own, and returns when more will
    be due (None = nothing waits); it may run twice at once and must claim with SKIP LOCKED. `backlog()`, called inside
    the tenant's context, tells when the next row is due and does nothing. `lane` is the Celery queue, and so the
    workers, that it shares with others of its kind.

    After a drain the queue rests `rest` times as long as the drain took, at most 0.3 seconds: under a stream of events
    what is done once for many of them takes its share of the machine, and no more. Alone, an event never waits.
    """

    name: str
    drain_for: Drain
    backlog: Backlog
    lane: str
    rest: float = 0.0


queues: dict[str, Queue] = {}


def register_queue(name: str, *, drain: Drain, backlog: Backlog, lane: str = "", rest: float = 0.0) -> None:
    """Register the work of a queue at start-up; without a `lane` (config/celery.py) it has workers of its own name."""
    if name in queues:
        raise ValueError(f"queue {name!r} is registered twice")
    queues[name] = Queue(name, drain, backlog, lane or name, rest)


def wake(queue: str, *, due_at: datetime | None = None) -> None:
    """Say that `queue` has something due (now, or at `due_at`) for the tenant in context."""
    now = timezone.now()
    due = due_at or now
    tenant_id = current_tenant_id()
    _mark(tenant_id, queue, due)
    if due <= now:
        transaction.on_commit(lambda: send_wake_up(tenant_id, queue))


def wake_all(queue: str, tenant_ids: Collection[UUID]) -> None:
    """Say that `queue` has something due now for each of these tenants, inside or outside of a context."""
    if not tenant_ids:
        return
    named = {"queue": queue, "tenants": sorted(set(tenant_ids))}
    send([Statement(MARK_ALL, named | {"due": timezone.now()})])
    transaction.on_commit(lambda: _send_all(queue, named))


def _send_all(queue: str, named: Mapping[str, Any]) -> None:
    now = timezone.now()
    with transaction.atomic():
        [claimed] = send([Statement(CLAIM_ALL, {**named, "now": now, "lost": now - LOST_AFTER})])
    for (tenant_id,) in claimed:
        _send(tenant_id, queue)


def _mark(tenant_id: UUID, queue: str, due: datetime) -> None:
    # Locks the row only when it brings the time forward; under load nearly every caller finds an earlier one.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM tenancy_tenantwork WHERE tenant_id = %s AND queue = %s AND next_due_at <= %s",
            [tenant_id, queue, due],
        )
        if cursor.fetchone():
            return
        cursor.execute(
            "INSERT INTO tenancy_tenantwork (tenant_id, queue, next_due_at) VALUES (%s, %s, %s) "
            "ON CONFLICT (tenant_id, queue) DO UPDATE SET next_due_at = excluded.next_due_at "
            "WHERE tenancy_tenantwork.next_due_at IS NULL OR tenancy_tenantwork.next_due_at > excluded.next_due_at",
            [tenant_id, queue, due],
        )


def send_wake_up(tenant_id: UUID, queue: str) -> bool:
    """Queue one Celery message unless one is on its way; False when there was one, or the broker is away.

    A broker that is down must not fail work that is already committed: the clock will find the mark.
    """
    now = timezone.now()
    claimed = TenantWork.objects.filter(tenant_id=tenant_id, queue=queue).exclude(queued_at__gt=now - LOST_AFTER)
    return bool(claimed.update(queued_at=now)) and _send(tenant_id, queue)


def _send(tenant_id: UUID, queue: str, countdown: float = 0) -> bool:
    from hub.tenancy.tasks import drain

    # During a rolling start the mark may be of a queue that only the newer processes know.
    lane = queues[queue].lane if queue in queues else queue
    try:
        drain.apply_async((str(tenant_id), queue), queue=lane, expires=60, countdown=countdown)
    except drain.OperationalError:
        TenantWork.objects.filter(tenant_id=tenant_id, queue=queue).update(queued_at=None)
        return False
    return True


def drain_postpone(tenant_id: UUID, queue: str) -> bool:
    """Whether the queue rests; the wake-up that asks comes again when it does not. The *queued* mark stays."""
    if not queues[queue].rest:
        return False
    now = timezone.now()
    resting = TenantWork.objects.filter(tenant_id=tenant_id, queue=queue, rests_until__gt=now)
    until = resting.values_list("rests_until", flat=True).first()
    if until is None:
        return False
    resting.update(queued_at=now)
    return _send(tenant_id, queue, countdown=(until - now).total_seconds())


def drain_begin(tenant_id: UUID, queue: str) -> datetime:
    """Clear the *queued* mark before draining: work that arrives from here on sends a new wake-up. Return the lease."""
    now = timezone.now()
    lease = now + LEASE
    defaults = {"queued_at": None, "next_due_at": lease, "rests_until": now + JOIN_AFTER}
    TenantWork.objects.update_or_create(tenant_id=tenant_id, queue=queue, defaults=defaults)
    return lease


def drain_end(tenant_id: UUID, queue: str, lease: datetime, next_due_at: datetime | None) -> None:
    """Replace the lease by what the drain found; a mark that somebody else brought forward meanwhile stays."""
    now = timezone.now()
    took = now - (lease - LEASE)
    until = now + min(took * queues[queue].rest, LONGEST_REST)
    TenantWork.objects.filter(tenant_id=tenant_id, queue=queue).update(rests_until=until)
    mine = TenantWork.objects.filter(tenant_id=tenant_id, queue=queue, next_due_at=lease)
    if mine.update(next_due_at=next_due_at) or next_due_at is None:
        return
    _mark(tenant_id, queue, next_due_at)
