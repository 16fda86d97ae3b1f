"""Celery's way in: messages carry ids and say *wake up and drain*."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.utils import timezone

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Heartbeat, Tenant
from hub.tenancy.wake import drain_begin, drain_end, queues, send_wake_up

log = logging.getLogger(__name__)


class TenantTask(Task):  # type: ignore[type-arg]  # the class takes no parameters when the program runs
    """Base of every task: the first argument is the tenant's id; an inactive or unknown tenant ends it quietly."""

    abstract = True
    # Whether what the task does first asks for the tenant anyway.
    asks_itself = False

    def __call__(self, tenant_id: str, *args: Any, **kwargs: Any) -> Any:
        if not self.asks_itself and not Tenant.objects.filter(pk=tenant_id, is_active=True).exists():
            log.warning("task %s: no active tenant %s", self.name, tenant_id)
            return None
        return super().__call__(tenant_id, *args, **kwargs)


@shared_task(base=TenantTask, name="tandem.drain", asks_itself=True)
def drain(tenant_id: str, queue: str, waited: bool = False) -> None:
    """Do what is due in `queue` for the tenant; safe to run twice, at once or after a crash.

    `waited`: the wake-up was put off while the queue rested or was drained.
    """
    tenant = UUID(tenant_id)
    if lease := drain_begin(tenant, queue, waited=waited):
        drain_end(tenant, queue, lease, queues[queue].drain_for(tenant))


@shared_task(name="tandem.heartbeat", ignore_result=True)
def heartbeat() -> None:
    """Sign of life of the workers, asked for by the clock."""
    Heartbeat.objects.update_or_create(process="worker", defaults={"beat_at": timezone.now()})


def backlog_sweep(tenant: Tenant) -> list[str]:
    """Wake every queue of the tenant whose backlog is due although no mark says so; returns their names."""
    woken = []
    with tenant_context(tenant):
        due = {name: queue.backlog() for name, queue in queues.items()}
    for name, at in due.items():
        if at is not None and at <= timezone.now() and send_wake_up(tenant.id, name):
            woken.append(name)
    return woken
