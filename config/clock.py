"""The clock: `python -m config.clock`. It only ticks; two of them are harmless.

Every second it sends wake-ups for marks that are due; once a minute it asks every queue of every tenant for work
that no mark speaks of; schedules (the day's close, partitions ahead, heartbeats) fire once per slot, by a unique row.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

if __name__ == "__main__":
    django.setup()

from django.db import IntegrityError, close_old_connections, transaction
from django.utils import timezone

log = logging.getLogger("tandem.clock")

# Whoever is due is woken this often; schedules are looked at once in TURNS.
WAKE_SECONDS = 0.25
TURNS = 4


@dataclass(frozen=True)
class Schedule:
    name: str
    every: timedelta
    run: Callable[[datetime], None]


def schedules() -> list[Schedule]:
    from hub.registry.schedules import schedules as registered

    return [
        Schedule("heartbeat", timedelta(seconds=10), _heartbeat),
        Schedule("backlog", timedelta(seconds=60), _backlog),
        Schedule("slots", timedelta(hours=1), _forget_slots),
        *(Schedule(item.key, item.every, item.run) for item in registered),
    ]


def tick(now: datetime) -> int:
    """Send due wake-ups and fire the schedules whose slot has begun; returns how many wake-ups were sent."""
    sent = wake_due(now)
    for schedule in schedules():
        slot = slot_of(now, schedule.every)
        if claim_slot(schedule.name, slot):
            schedule.run(slot)
    return sent


def wake_due(now: datetime) -> int:
    from hub.tenancy.models import TenantWork
    from hub.tenancy.wake import LOST_AFTER, send_wake_up

    due = TenantWork.objects.filter(next_due_at__lte=now, tenant__is_active=True).exclude(
        queued_at__gt=now - LOST_AFTER
    )
    return sum(send_wake_up(tenant_id, queue) for tenant_id, queue in due.values_list("tenant_id", "queue"))


def slot_of(now: datetime, every: timedelta) -> datetime:
    """Start of the slot of length `every` that `now` lies in, counted from the epoch."""
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=UTC)


def claim_slot(name: str, slot: datetime) -> bool:
    """True for the one clock that gets the slot."""
    from hub.tenancy.models import ClockSlot

    if ClockSlot.objects.filter(schedule=name, slot=slot).exists():
        return False
    try:
        with transaction.atomic():
            ClockSlot.objects.create(schedule=name, slot=slot)
    except IntegrityError:
        return False
    return True


def _heartbeat(slot: datetime) -> None:
    from hub.tenancy.models import Heartbeat
    from hub.tenancy.tasks import heartbeat

    Heartbeat.objects.update_or_create(process="clock", defaults={"beat_at": timezone.now()})
    heartbeat.apply_async(queue="send", expires=30)


def _backlog(slot: datetime) -> None:
    from hub.tenancy.models import Tenant
    from hub.tenancy.tasks import backlog_sweep

    for tenant in Tenant.objects.filter(is_active=True).iterator():
        if woken := backlog_sweep(tenant):
            log.warning("backlog of %s found without a mark: %s", tenant.slug, ", ".join(woken))


def _forget_slots(slot: datetime) -> None:
    from hub.tenancy.models import ClockSlot

    ClockSlot.objects.filter(slot__lt=slot - timedelta(days=3)).delete()


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("clock started")
    for turn in count():
        if stop.wait(WAKE_SECONDS):
            break
        try:
            (wake_due if turn % TURNS else tick)(timezone.now())
        except Exception:
            # A database or broker that is away comes back; the next tick tries again.
            log.exception("tick failed")
            close_old_connections()
    return 0


if __name__ == "__main__":
    sys.exit(main())
