"""The sending stage: claim, clear, call, result; short steps, so that a crash in any of them is told apart.

1. *Claim* a few due rows (SKIP LOCKED), raise their fence, lease them, commit.
2. *Clear*: under the accounts' locks the gates once more over what is true now, for all of the claim
   (hub/outbox/clearing.py); who stops, pauses, withdraws or unsubscribes takes back what is cleared.
3. *Begin*: what came of the last call and that the next message is being sent, in one commit **before** its call. So a
   crash leaves at most one message of unknown fate for each worker; the others were surely not called.
4. *Call* the channel outside any transaction; only the claim that sent it may write what came of it (results.py).

A message whose lease ran out while it was being sent is sent again under the same key where the channel honours keys,
and is otherwise parked as *unknown* for a person to resolve.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hub.outbox.channels.base import Channel, ChannelDown, Outcome, Outgoing, Result, Send, channels
from hub.outbox.clearing import clear
from hub.outbox.models import LEASE, WAITING, Message, MessageStatus
from hub.outbox.results import MAX_ATTEMPTS, begun, close, finish, ledger, mine, sent
from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.statements import send as send_statements

log = logging.getLogger(__name__)

# The gates are asked for all of a claim at once, and again for what is left of it when their word has grown old.
CLAIM = 50
DOWN_FOR = timedelta(seconds=15)
# A drain gives the worker back after this long, so that one tenant's backlog does not keep others waiting.
SLICE_SECONDS = 20.0


def backlog() -> datetime | None:
    """When the earliest waiting row is due; None when none waits."""
    return next(iter(_earliest()), None)


@Prepared[datetime | None]
def _earliest(the: Places) -> Any:
    return Message.objects.filter(due_at__isnull=False).order_by("due_at").values_list("due_at", flat=True)[:1]


def drain(tenant_id: UUID) -> datetime | None:
    """Send what is due, claim by claim; returns when more will be."""
    tenant = Tenant.objects.get(pk=tenant_id)
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end:
        claimed = claim(tenant)
        if not claimed:
            break
        if not _deliver_all(tenant, claimed):
            # Going on would only push the backlog against a closed door.
            return timezone.now() + DOWN_FOR
    with tenant_context(tenant):
        return backlog()


def _deliver_all(tenant: Tenant, claimed: Sequence[Message]) -> bool:
    by_channel = groupby(sorted(claimed, key=lambda row: row.channel), key=lambda row: row.channel)
    # Every channel gets its turn, whatever the others say.
    reached = [deliver(tenant, channels.get(key), list(batch)) for key, batch in by_channel]
    return all(reached)


# --- 1. Claim -----------------------------------------------------------------------------------------------------


@Prepared[Message]
def _due(the: Places) -> Any:
    free = Message.objects.select_for_update(skip_locked=True).filter(due_at__lte=the.moment("now"))
    return free.order_by("due_at", "id")[:CLAIM]


def claim(tenant: Tenant) -> list[Message]:
    """Lease up to `CLAIM` due rows; those whose sender died are retried or parked on the way."""
    now = timezone.now()
    with tenant_context(tenant):
        due = _due(now=now)
        orphans = [row for row in due if row.status == MessageStatus.SENDING]
        parked = [row for row in orphans if not _may_retry(row, now)]
        leased = [row for row in due if row not in parked]
        # Those that were cleared were not called yet.
        again = [row.pk for row in leased if row.status in (MessageStatus.SENDING, MessageStatus.CLEARED)]
        if again:
            Message.objects.filter(pk__in=again).update(status=MessageStatus.PENDING, sent_at=None)
        Message.objects.filter(pk__in=[row.pk for row in leased]).update(due_at=now + LEASE, fence=F("fence") + 1)
        for row in leased:
            row.fence += 1
    # Everything of this claim was parked, but more may be due.
    return leased if leased or not due else claim(tenant)


def _may_retry(row: Message, now: datetime) -> bool:
    """Whether a message may be sent again after its sender died; one that may not is parked."""
    if not channels.get(row.channel).honours_keys:
        close(row, MessageStatus.UNKNOWN, "lease_expired", now)
        ledger(row, Result(Outcome.UNKNOWN, "the worker died during the call"), now)
        return False
    if row.attempts >= MAX_ATTEMPTS:
        close(row, MessageStatus.FAILED, "attempts", now)
        return False
    ledger(row, Result(Outcome.RETRY, "the worker died during the call"), now)
    return True


# --- 2. to 4. -----------------------------------------------------------------------------------------------------


def deliver(tenant: Tenant, channel: Channel, batch: Sequence[Message]) -> bool:
    """Take a claimed batch through gates, channel and result; False when the channel cannot be reached."""
    rest = list(batch)
    try:
        with channel.session() as send:
            while rest:
                rest = _deliver_some(tenant, channel, send, rest)
    except ChannelDown as error:
        _release(tenant, batch, error)
        return False
    return True


def _deliver_some(tenant: Tenant, channel: Channel, send: Send, batch: Sequence[Message]) -> list[Message]:
    """Send what the gates clear; those for which their word has grown old meanwhile are returned."""
    cleared = clear(tenant, channel, batch)
    left, last = list(cleared.messages), None
    for at, (message, outgoing) in enumerate(cleared.messages):
        # The first goes however long the clearing took: there must be an end to asking.
        if at and not cleared.is_fresh:
            break
        left.pop(0)
        last = (message, _call(send, outgoing)) if hand_on(tenant, last, message) else None
    hand_on(tenant, last)
    with tenant_context(tenant):
        announce("messages")
    return [message for message, _ in left]


def hand_on(tenant: Tenant, last: tuple[Message, Result] | None, following: Message | None = None) -> bool:
    """Write down what came of the last call, and that of `following` begins, in one commit; False when it must not."""
    now, statements = timezone.now(), []
    with transaction.atomic():
        if last is not None and last[1].outcome == Outcome.SENT:
            statements.append(sent(*last, now))
        elif last is not None:
            with tenant_context(tenant):
                finish(*last, now)
        if following is not None:
            statements.append(begun(following, now, LEASE))
        rows = send_statements(statements)[-1] if statements else []
    if following is None or not rows:
        return False
    following.status, (following.attempts,) = MessageStatus.SENDING, rows[0]
    return True


def _call(send: Send, outgoing: Outgoing) -> Result:
    try:
        return send(outgoing)
    except ChannelDown as error:
        return Result(Outcome.RETRY, str(error), code=error.code)
    except Exception as error:
        # Whatever went wrong, it went wrong during the call: nobody can tell how far it came.
        log.exception("message %s: the channel failed", outgoing.id)
        return Result(Outcome.UNKNOWN, f"{type(error).__name__}: {error}"[:300])


def _release(tenant: Tenant, batch: Sequence[Message], why: ChannelDown) -> None:
    """Put claimed messages back: the provider cannot be reached, and no attempt was made."""
    log.warning("%s: channel %s is down: %s", tenant.slug, batch[0].channel, why)
    with tenant_context(tenant):
        for row in batch:
            mine(row).filter(status__in=WAITING).update(
                status=MessageStatus.PENDING, reason=why.code, due_at=timezone.now() + DOWN_FOR, sent_at=None
            )
