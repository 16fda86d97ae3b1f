"""Wake-ups: how committed work gets a worker's attention, quickly, once, and never only in Redis.

The row that is due is the truth. `wake(queue)` leaves a mark in `TenantWork` inside the caller's transaction and, after
the commit, sends one Celery message per tenant and queue. A message that gets lost costs seconds: the clock looks for
marks that are due, and, slowly, asks every queue of every tenant for its backlog.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import TenantWork
from hub.tenancy.statements import ask

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
# Those that nobody holds at this moment, and whether they were free; in an order, so that none waits for another.
CLAIM_FREE = """
WITH seen AS (
    SELECT w.id, w.tenant_id, w.queue, w.queued_at
    FROM unnest(%(tenants)s::uuid[], %(queues)s::text[]) AS p (tenant_id, queue)
    JOIN tenancy_tenantwork w ON w.tenant_id = p.tenant_id AND w.queue = p.queue
    ORDER BY w.id FOR UPDATE OF w SKIP LOCKED
), claimed AS (
    UPDATE tenancy_tenantwork w SET queued_at = %(now)s::timestamptz FROM seen
    WHERE w.id = seen.id AND (seen.queued_at IS NULL OR seen.queued_at <= %(lost)s::timestamptz) RETURNING w.id
)
SELECT seen.tenant_id, seen.queue, claimed.id IS NOT NULL FROM seen LEFT JOIN claimed USING (id)
"""
# What rests is left as it is, but for the time of the wake-up that waits. A wake-up that waited finds nothing to do
# when a drain has begun since.
BEGIN = """
INSERT INTO tenancy_tenantwork AS w (tenant_id, queue, next_due_at, rests_until)
SELECT id, %(queue)s::text, %(lease)s::timestamptz, %(joins)s::timestamptz
FROM tenancy_tenant WHERE id = %(tenant)s::uuid AND is_active
ON CONFLICT (tenant_id, queue) DO UPDATE SET
    queued_at = CASE WHEN %(rests)s::boolean AND w.rests_until > %(now)s::timestamptz THEN %(now)s::timestamptz END,
    next_due_at = CASE WHEN %(rests)s::boolean AND w.rests_until > %(now)s::timestamptz
        THEN w.next_due_at ELSE excluded.next_due_at END,
    rests_until = CASE WHEN %(rests)s::boolean AND w.rests_until > %(now)s::timestamptz
        THEN w.rests_until ELSE excluded.rests_until END
WHERE w.queued_at IS NOT NULL OR NOT %(waited)s::boolean
RETURNING queued_at IS NOT NULL, rests_until
"""
END = """
UPDATE tenancy_tenantwork SET rests_until = %(until)s::timestamptz, next_due_at = CASE
    WHEN next_due_at = %(lease)s::timestamptz THEN %(next)s::timestamptz
    ELSE LEAST(next_due_at, %(next)s::timestamptz) END
WHERE tenant_id = %(tenant)s::uuid AND queue = %(queue)s::text
RETURNING queued_at IS NOT NULL
"""

Drain = Callable[[UUID], datetime | None]
Backlog = Callable[[], datetime | None]
Asked = tuple[UUID, str]


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
    _mark([tenant_id], queue, due)
    if due <= now:
        _send_after_commit([tenant_id], queue)


def wake_all(queue: str, tenant_ids: Collection[UUID]) -> None:
    """Say that `queue` has something due now for each of these tenants, inside or outside of a context."""
    if not tenant_ids:
        return
    tenants = sorted(set(tenant_ids))
    _mark(tenants, queue, timezone.now())
    _send_after_commit(tenants, queue)


def _mark(tenant_ids: Sequence[UUID], queue: str, due: datetime) -> None:
    ask(MARK_ALL, {"tenants": list(tenant_ids), "queue": queue, "due": due})


class _Wakes:
    """The wake-ups that one transaction has asked for: one statement claims them all after its commit.

    Registered again with each, so that it runs whichever savepoint is taken back; what that one asked for is then woken
    in vain, no more.
    """

    def __init__(self) -> None:
        self.wanted: set[Asked] = set()

    def __call__(self) -> None:
        wanted, self.wanted = self.wanted, set()
        if not wanted:
            return
        tenants, names = zip(*sorted(wanted), strict=True)
        now = timezone.now()
        seen = ask(CLAIM_FREE, {"tenants": list(tenants), "queues": list(names), "now": now, "lost": now - LOST_AFTER})
        for tenant_id, queue, claimed in seen:
            if claimed:
                _send(tenant_id, queue)
        for tenant_id, queue in sorted(wanted - {(tenant_id, queue) for tenant_id, queue, _ in seen}):
            send_wake_up(tenant_id, queue)


def _send_after_commit(tenant_ids: Sequence[UUID], queue: str) -> None:
    wakes = next((entry[1] for entry in connection.run_on_commit if isinstance(entry[1], _Wakes)), None) or _Wakes()
    wakes.wanted.update((tenant_id, queue) for tenant_id in tenant_ids)
    transaction.on_commit(wakes)


def send_wake_up(tenant_id: UUID, queue: str) -> bool:
    """Queue one Celery message unless one is on its way; False when there was one, or the broker is away.

    A broker that is down must not fail work that is already committed: the clock will find the mark.
    """
    now = timezone.now()
    claimed = TenantWork.objects.filter(tenant_id=tenant_id, queue=queue).exclude(queued_at__gt=now - LOST_AFTER)
    return bool(claimed.update(queued_at=now)) and _send(tenant_id, queue)


def _send(tenant_id: UUID, queue: str, *, waits: float | None = None) -> bool:
    """Queue a message now or, one that waits, for so many seconds from now."""
    from hub.tenancy.tasks import drain

    # During a rolling start the mark may be of a queue that only the newer processes know.
    lane = queues[queue].lane if queue in queues else queue
    arguments = (str(tenant_id), queue) if waits is None else (str(tenant_id), queue, True)
    try:
        drain.apply_async(arguments, queue=lane, expires=60, countdown=waits or 0)
    except drain.OperationalError:
        TenantWork.objects.filter(tenant_id=tenant_id, queue=queue).update(queued_at=None)
        return False
    return True


def drain_begin(tenant_id: UUID, queue: str, *, waited: bool = False) -> datetime | None:
    """Clear the *queued* mark before draining: work that arrives from here on sends a new wake-up. Return the lease.

    None when there is nothing to do: no such tenant is active; the queue rests, and its wake-up comes again when it
    does not; a wake-up that `waited` comes after a drain that has begun since.
    """
    now = timezone.now()
    lease = now + LEASE
    named = {"tenant": tenant_id, "queue": queue, "now": now, "lease": lease, "joins": now + JOIN_AFTER}
    begun = ask(BEGIN, named | {"rests": bool(queues[queue].rest), "waited": waited})
    if not begun:
        return None
    [(rests, until)] = begun
    if rests:
        _send(tenant_id, queue, waits=(until - now).total_seconds())
        return None
    return lease


def drain_end(tenant_id: UUID, queue: str, lease: datetime, next_due_at: datetime | None) -> None:
    """Replace the lease by what the drain found, and begin its rest; what has come or is due by now is woken.

    A mark that somebody else brought forward meanwhile stays.
    """
    now = timezone.now()
    rest = min((now - (lease - LEASE)) * queues[queue].rest, LONGEST_REST)
    named = {"tenant": tenant_id, "queue": queue, "lease": lease, "next": next_due_at, "until": now + rest}
    asked = ask(END, named)
    # It waits for the end of a drain that might have taken longer.
    if rest and asked == [(True,)]:
        _send(tenant_id, queue, waits=rest.total_seconds())
    elif next_due_at is not None and next_due_at <= now:
        send_wake_up(tenant_id, queue)
