"""What the inbox does by itself: snoozed signals come back at their time, new ones get their trail, and who was given
signals is told by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.remembering import current_tenant
from signals.inbox.mailing import notices_due, notices_send
from signals.inbox.trails import trails_read
from signals.models import Signal

QUEUE: Final = "inbox"
BATCH: Final = 500


def backlog() -> datetime | None:
    """Now while a signal wants its trail, else when the next snoozed one comes back or a mail is due; None without."""
    if Signal.objects.filter(trail_wanted=True).exists():
        return timezone.now()
    snoozed = Signal.objects.filter(snoozed_until__isnull=False)
    earliest: datetime | None = snoozed.aggregate(at=Min("snoozed_until"))["at"]
    return min((at for at in (earliest, notices_due()) if at), default=None)


def drain(tenant_id: UUID) -> datetime | None:
    """Bring back what is due, read the trails that are wanted and write mails; returns when more will be due."""
    for step in (snoozed_return, trails_some, notices_send):
        while True:
            with tenant_context(tenant_id):
                if not step():
                    break
    with tenant_context(tenant_id):
        return backlog()


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
