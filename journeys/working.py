"""The worker's part of journeys: accounts that are due walk on, and others are taken in, a batch at a time."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils import timezone

from hub.tenancy.context import tenant_context
from journeys import engine, enrolling

# A drain gives the worker back after this long, so that one tenant's crowd does not keep others waiting.
SLICE_SECONDS: Final = 20.0
# Intakes wait for those who are inside already, not the other way round.
INTAKE_SECONDS: Final = 5.0


def drain(tenant_id: UUID) -> datetime | None:
    """Let everything that is due walk on, then take in who waits to be; returns when more will be due.

    Two drains share the work: what is due and not done is in the other's hands.
    """
    end = time.monotonic() + SLICE_SECONDS
    while True:
        done = engine.step_batch(tenant_id)
        with tenant_context(tenant_id):
            walks, waits = engine.backlog(), enrolling.backlog()
        now = timezone.now()
        more = done > 0 and walks is not None and walks <= now
        if not more and waits is not None and waits <= now:
            more = _take_in(tenant_id)
        if not more or time.monotonic() >= end:
            return min((at for at in (walks, waits) if at is not None), default=None)


def _take_in(tenant_id: UUID) -> bool:
    """Take in some of those who wait to be; False when nobody could be."""
    end = time.monotonic() + INTAKE_SECONDS
    took = False
    while time.monotonic() < end and enrolling.take_in(tenant_id):
        took = True
    return took


def backlog() -> datetime | None:
    """When the next account of a running journey, or the next batch of an intake, is due; None when none waits."""
    times = [at for at in (engine.backlog(), enrolling.backlog()) if at is not None]
    return min(times, default=None)
