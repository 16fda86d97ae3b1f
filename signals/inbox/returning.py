"""What the inbox does by itself: snoozed signals come back at their time, new ones get their trail, and who was given
signals is told by mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.live import announce
from hub.tenancy.remembering import current_tenant
from hub.tenancy.statements import ask
from signals.inbox.mailing import notices_send
from signals.inbox.trails import trails_read
from signals.models import Signal

QUEUE: Final = "inbox"
BATCH: Final = 500
# A trail that is wanted is due at once.
DUE_TIMES: Final = """
SELECT (SELECT min(snoozed_until) FROM signals_signal WHERE tenant_id = %(tenant)s AND snoozed_until IS NOT NULL),
    (SELECT %(now)s::timestamptz FROM signals_signal WHERE tenant_id = %(tenant)s AND trail_wanted LIMIT 1),
    (SELECT min(due_at) FROM signals_assignmentnotice WHERE tenant_id = %(tenant)s)
"""


def backlog() -> datetime | None:
    """Now while a signal wants its trail, else when the next snoozed one comes back or a mail is due; None without."""
    return min((at for at in _due_times(timezone.now()) if at is not None), default=None)


def _due_times(now: datetime) -> Sequence[datetime | None]:
    """When each step of the drain has something to do."""
    [times] = ask(DUE_TIMES, {"tenant": current_tenant_id(), "now": now})
    return times


def drain(tenant_id: UUID) -> datetime | None:
    """Bring back what is due, read the trails that are wanted and write mails; returns when more will be due."""
    while True:
        now, done = timezone.now(), 0
        with tenant_context(tenant_id):
            times = _due_times(now)
        for step, at in zip((snoozed_return, trails_some, notices_send), times, strict=True):
            if at is not None and at <= now:
                with tenant_context(tenant_id):
                    done += step()
        # What is due and was not done is in another worker's hands.
        if not done:
            return min((at for at in times if at is not None), default=None)


@transaction.atomic
def snoozed_return(now: datetime | None = None) -> int:
    """Bring signals back whose snooze is over; returns how many."""
    due = Signal.objects.filter(snoozed_until__lte=now or timezone.now()).order_by("pk")
    ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    if ids:
        Signal.objects.filter(pk__in=ids).update(snoozed_until=None)
        announce("signals")
    return len(ids)


@transaction.atomic
def trails_some() -> int:
    """Read some of the trails that are wanted; returns how many."""
    read = trails_read(current_tenant().zone)
    if read:
        announce("signals")
    return read
