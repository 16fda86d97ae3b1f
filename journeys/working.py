"""The worker's part of journeys: accounts are taken in, a batch at a time, and those that are due walk on."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys import engine, enrolling

# Intakes wait for those who are inside already, not the other way round.
INTAKE_SECONDS: Final = 5.0


def drain(tenant_id: UUID) -> datetime | None:
    """Let everything that is due walk on, then take in who waits to be; returns when more will be due."""
    engine.drain(tenant_id)
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + INTAKE_SECONDS
    took = False
    while time.monotonic() < end and enrolling.take_in(tenant):
        took = True
    if took:
        engine.drain(tenant_id)
    return _next(tenant)


def _next(tenant: Tenant) -> datetime | None:
    with tenant_context(tenant):
        return backlog()


def backlog() -> datetime | None:
    """When the next account of a running journey, or the next batch of an intake, is due; None when none waits."""
    times = [at for at in (engine.backlog(), enrolling.backlog()) if at is not None]
    return min(times, default=None)
