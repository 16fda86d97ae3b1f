"""What becomes of signals that a storm holds: a person releases them, or drops them.

Released, they go out as if they had just been made, some accounts a transaction, under the accounts' locks; what is no
longer true by then is dropped. From the decision on the trigger counts from nought.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Min
from django.utils import timezone

from hub.accounts.services import facts_touch, states_lock
from hub.people.audit import Actor, audit
from hub.registry.handlers import signal_recorded
from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.wake import wake
from signals.models import Signal, SignalStatus, Storm, StormStatus
from signals.storms.holding import triggers_lock
from signals.telling import timeline_tell

QUEUE: Final = "storms"
BATCH: Final = 200
SLICE_SECONDS: Final = 15.0


@transaction.atomic
def storm_release(*, storm: Storm, actor: Actor, note: str = "") -> bool:
    """Let out what a storm holds, in the background. False when somebody has decided already."""
    if not _decide(storm, StormStatus.RELEASING, actor, note):
        return False
    wake(QUEUE)
    return True


@transaction.atomic
def storm_drop(*, storm: Storm, actor: Actor, note: str = "") -> bool:
    """Keep what a storm holds as dropped: it starts nothing. False when somebody has decided already."""
    if not _decide(storm, StormStatus.DROPPED, actor, note):
        return False
    dropped = Signal.objects.filter(storm=storm, status=SignalStatus.HELD).update(
        status=SignalStatus.DROPPED, closed_at=timezone.now(), closed_reason=note.strip()[:200]
    )
    Storm.objects.filter(pk=storm.pk).update(dropped=F("dropped") + dropped)
    return True


def _decide(storm: Storm, status: StormStatus, actor: Actor, note: str) -> bool:
    # No evaluation holds a signal for a storm that is decided: it has committed before, or sees the decision.
    triggers_lock([storm.trigger_id])
    decided = Storm.objects.filter(pk=storm.pk, status=StormStatus.HOLDING).update(
        status=status, decided_at=timezone.now(), decided_label=actor.label[:200], decided_note=note.strip()[:200]
    )
    if decided:
        storm.refresh_from_db()
        word = "release" if status == StormStatus.RELEASING else "drop"
        audit(actor, f"storm.{word}", storm, held=storm.held, note=note.strip()[:200])
        announce("signals")
    return bool(decided)


# --- The worker's part --------------------------------------------------------------------------------------------


def backlog() -> datetime | None:
    """When the earliest release was asked for that is not through; None when all are."""
    releasing = Storm.objects.filter(status=StormStatus.RELEASING)
    earliest: datetime | None = releasing.aggregate(at=Min("decided_at"))["at"]
    return earliest


def drain(tenant_id: UUID) -> datetime | None:
    """Let signals out until the slice is over; returns when more will be due."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end:
        with tenant_context(tenant_id):
            if not release_batch(tenant_id):
                break
    with tenant_context(tenant_id):
        return backlog()


@transaction.atomic
def release_batch(tenant_id: UUID) -> bool:
    """Let the next signals of a storm out; False when no storm is left to release."""
    releasing = Storm.objects.filter(status=StormStatus.RELEASING).order_by("decided_at", "pk")
    storm = releasing.first()
    if storm is None:
        return False
    waiting = Signal.objects.filter(storm=storm, status=SignalStatus.HELD).order_by("pk")
    account_ids = list(waiting.values_list("account_id", flat=True)[:BATCH])
    # The account's lock before any other row of its.
    states_lock(account_ids)
    storm = releasing.select_for_update().filter(pk=storm.pk).first()
    if storm is None:
        return True
    batch = list(waiting.filter(account_id__in=account_ids)[:BATCH])
    if batch:
        _let_out(tenant_id, storm, batch)
    elif not account_ids:
        Storm.objects.filter(pk=storm.pk).update(status=StormStatus.RELEASED)
        announce("signals")
    return True


def _let_out(tenant_id: UUID, storm: Storm, batch: Sequence[Signal]) -> None:
    now = timezone.now()
    true, over = ([s for s in batch if (s.cleared_at is None) is so] for so in (True, False))
    Signal.objects.filter(pk__in=[s.pk for s in over]).update(
        status=SignalStatus.DROPPED, closed_at=now, closed_reason="no longer true when it was released"
    )
    Signal.objects.filter(pk__in=[s.pk for s in true]).update(status=SignalStatus.OPEN)
    Storm.objects.filter(pk=storm.pk).update(
        released=F("released") + len(true), dropped=F("dropped") + len(over), after=batch[-1].pk
    )
    timeline_tell(Signal.objects.select_related("trigger").filter(pk__in=[s.pk for s in true]))
    signal_recorded(tenant_id, [s.pk for s in true])
    # What counts signals looks at them now.
    facts_touch([s.account_id for s in true])
    announce("signals")
