"""Upkeep of what grows: partitions of the event store made ahead and dropped past retention, old moves deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from hub.usage.store import events_store

# Clocks of clients run ahead by a day at most, and a clock of ours may be off for a while.
AHEAD = 3


def partitions_keep(slot: datetime) -> None:
    """Make the partitions of today and the days ahead, drop those older than `EVENTS_KEPT_DAYS`.

    Waits at most two seconds for a lock and then raises OperationalError: the next slot tries again.
    """
    today = slot.date()
    events_store().prepare(today + timedelta(days=ahead) for ahead in range(-1, AHEAD + 1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_event_retire(%s)", [today - timedelta(days=settings.EVENTS_KEPT_DAYS)])


def moves_forget(slot: datetime) -> None:
    """Delete moves of identities that are a day old: nobody remembers what was before them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_identity_moves_forget()")
