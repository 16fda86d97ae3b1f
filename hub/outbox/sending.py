"""The sending stage: claim, gates, call, result; four short steps, so that a crash in any of them is told apart.

1. *Claim* a few due rows (SKIP LOCKED), raise their fence, lease them, commit.
2. *Begin*: under the accounts' locks the gates once more over what is true now; a message that may go is written down
   as being sent, with a row in the ledger, and committed **before** the call. One message at a time where the channel
   knows no idempotency keys, so a crash leaves at most one of unknown fate per worker.
3. *Call* the channel outside any transaction.
4. *Finish*, fenced: only the claim that sent it may write what came of it.

A message whose lease ran out while it was being sent is sent again under the same key where the channel honours keys,
and is otherwise parked as *unknown* for a person to resolve.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.conf import settings
from django.db.models import F, Min, QuerySet
from django.utils import timezone

from hub.accounts.models import AccountState, Contact, ContactStatus
from hub.accounts.services import facts_touch, states_lock, timeline_record
from hub.outbox.brand import kit_of
from hub.outbox.channels.base import Channel, ChannelDown, Outcome, Outgoing, Result, Send, channels
from hub.outbox.gates import COUNTED, Held, MessageClass, Withheld, decide
from hub.outbox.models import WAITING, Delivery, Message, MessageStatus
from hub.outbox.origins import origins
from hub.outbox.policy import sending_rules
from hub.outbox.services import address_suppress, unsubscribe_token
from hub.outbox.services.clicks import click_token
from hub.outbox.situations import Surroundings
from hub.outbox.tracking import tracked
from hub.tenancy.context import tenant_context
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant

log = logging.getLogger(__name__)

CLAIM = 20
LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 5
# Wait before the attempt after the n-th one.
BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
DOWN_FOR = timedelta(seconds=15)
# A drain gives the worker back after this long, so that one tenant's backlog does not keep others waiting.
SLICE_SECONDS = 20.0


def backlog() -> datetime | None:
    """When the earliest waiting row is due; None when none waits."""
    earliest: datetime | None = Message.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    return earliest


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


def claim(tenant: Tenant, *, limit: int = CLAIM) -> list[Message]:
    """Lease up to `limit` due rows; those whose sender died are retried or parked on the way."""
    now = timezone.now()
    with tenant_context(tenant):
        due = list(
            Message.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "id")[:limit]
        )
        orphans = [row for row in due if row.status == MessageStatus.SENDING]
        parked = [row for row in orphans if not _may_retry(row, now)]
        leased = [row for row in due if row not in parked]
        retried = [row.pk for row in orphans if row not in parked]
        Message.objects.filter(pk__in=retried).update(status=MessageStatus.PENDING, sent_at=None)
        Message.objects.filter(pk__in=[row.pk for row in leased]).update(due_at=now + LEASE, fence=F("fence") + 1)
        for row in leased:
            row.fence += 1
    # Everything of this claim was parked, but more may be due.
    return leased if leased or not due else claim(tenant, limit=limit)


def _may_retry(row: Message, now: datetime) -> bool:
    """Whether a message may be sent again after its sender died; one that may not is parked."""
    if not channels.get(row.channel).honours_keys:
        _close(row, MessageStatus.UNKNOWN, "lease_expired", now)
        _ledger(row, Result(Outcome.UNKNOWN, "the worker died during the call"), now)
        return False
    if row.attempts >= MAX_ATTEMPTS:
        _close(row, MessageStatus.FAILED, "attempts", now)
        return False
    _ledger(row, Result(Outcome.RETRY, "the worker died during the call"), now)
    return True


# --- 2. to 4. -----------------------------------------------------------------------------------------------------


def deliver(tenant: Tenant, channel: Channel, batch: Sequence[Message]) -> bool:
    """Take a claimed batch through gates, channel and result; False when the channel cannot be reached."""
    size = len(batch) if channel.honours_keys else 1
    try:
        with channel.session() as send:
            for position in range(0, len(batch), size):
                for message, outgoing in begin(tenant, channel, batch[position : position + size]):
                    finish(tenant, message, _call(send, outgoing))
    except ChannelDown as error:
        _release(tenant, batch, error)
        return False
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


def begin(tenant: Tenant, channel: Channel, claimed: Sequence[Message]) -> list[tuple[Message, Outgoing]]:
    """Ask the gates, hold or withhold what they stop, and write the rest down as being sent, all in one commit."""
    now = timezone.now()
    with tenant_context(tenant):
        account_ids = lock_accounts({row.account_id for row in claimed})
        for origin in origins:
            origin.settle(account_ids)
        rows = _still_mine(claimed)
        surroundings = Surroundings(tenant, sending_rules(tenant.settings), rows, now)
        allowed = []
        for row in rows:
            match decide(surroundings.situation(row), surroundings.rules.policy):
                case Held(reason, until):
                    _mine(row).update(status=MessageStatus.HELD, reason=reason, due_at=until)
                case Withheld(reason):
                    status = MessageStatus.EXPIRED if reason == "expired" else MessageStatus.WITHHELD
                    _close(row, status, reason, now)
                case _:
                    surroundings.count(row)
                    allowed.append(row)
        _write_down(allowed, now)
        return [(row, _outgoing(tenant, channel, row)) for row in allowed]


def lock_accounts(account_ids: set[UUID]) -> list[UUID]:
    """Take the locks of these accounts in the one order that everybody takes them in."""
    states = AccountState.objects.select_for_update().filter(account_id__in=account_ids).order_by("account_id")
    return [state.account_id for state in states]


def _still_mine(claimed: Sequence[Message]) -> list[Message]:
    """The claimed rows as they are under the lock; those that somebody took or closed meanwhile are left out."""
    fences = {row.pk: row.fence for row in claimed}
    rows = (
        Message.objects.select_related("contact", "account")
        .filter(pk__in=fences, status__in=WAITING)
        .order_by("wanted_at", "id")
    )
    return [row for row in rows if row.fence == fences[row.pk]]


def _write_down(rows: Sequence[Message], now: datetime) -> None:
    Message.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=MessageStatus.SENDING, reason="", due_at=now + LEASE, sent_at=now, attempts=F("attempts") + 1
    )
    for row in rows:
        row.attempts += 1
        row.status = MessageStatus.SENDING
    Delivery.objects.bulk_create(
        [Delivery(account_id=row.account_id, message=row, attempt=_number_of(row), started_at=now) for row in rows]
    )


def _number_of(row: Message) -> int:
    # The fence and not the attempts: a message that a person has sent again starts counting attempts anew.
    return row.fence


def _outgoing(tenant: Tenant, channel: Channel, row: Message) -> Outgoing:
    marketing = row.message_class == MessageClass.PROGRAMME
    kit = kit_of(tenant.name, tenant.brand_color, tenant.settings)
    token = unsubscribe_token(row.pk) if marketing else ""
    address = settings.DEFAULT_FROM_EMAIL.rpartition("<")[2].rstrip(">")
    return Outgoing(
        id=row.pk,
        key=str(row.pk),
        address=channel.address_of(row.contact),
        name=row.contact.name,
        sender=kit.sender,
        subject=row.subject,
        html=_counted(tenant, row),
        text=row.body_text,
        unsubscribe_url=f"{settings.PUBLIC_URL}/u/{token}/" if marketing and settings.IS_HTTPS else "",
        unsubscribe_mail=f"mailto:{address}?subject=unsubscribe%20{token}" if marketing else "",
        preferences_url=f"{settings.PUBLIC_URL}/u/{token}/preferences/" if marketing else "",
        kit=kit,
        kept=tenant.settings.get("delivery") == "viewer",
    )


def _counted(tenant: Tenant, row: Message) -> str:
    """The body with links that are counted, where the tenant counts them: in what caps count, and in mail alone."""
    html: str = row.body_html
    counts = (tenant.settings.get("brand") or {}).get("track_clicks", True)
    if not counts or row.channel != "email" or row.message_class not in COUNTED:
        return html
    return tracked(html, lambda link: f"{settings.PUBLIC_URL}/u/c/{click_token(row.pk, link)}/")


def finish(tenant: Tenant, message: Message, result: Result) -> bool:
    """Write down what came of a call; False when the message is another claim's by now."""
    now = timezone.now()
    with tenant_context(tenant):
        if not _FINISH[result.outcome](message, result, now):
            return False
        _ledger(message, result, now)
    return True


def _sent(row: Message, result: Result, now: datetime) -> bool:
    done = _close(row, MessageStatus.SENT, "", now, provider_id=result.provider_id[:200])
    if done:
        timeline_record(
            account_id=row.account_id,
            kind="message",
            key=f"sent:{row.pk}",
            title=f"{channels.get(row.channel).title} to {row.contact}: {row.subject}",
            occurred_at=now,
            contact_id=row.contact_id,
            source=row.cause_label[:50] or "outbox",
        )
    return done


def _again(row: Message, result: Result, now: datetime) -> bool:
    if row.attempts >= MAX_ATTEMPTS:
        return _close(row, MessageStatus.FAILED, "attempts", now)
    due_at = now + max(BACK_OFF[row.attempts - 1], timedelta(seconds=result.wait))
    waiting = {"status": MessageStatus.PENDING, "reason": result.code or "retry", "sent_at": None}
    return bool(_mine(row).update(**waiting, due_at=due_at))


def _failed(row: Message, result: Result, now: datetime) -> bool:
    return _close(row, MessageStatus.FAILED, result.code or "refused", now)


def _unknown(row: Message, result: Result, now: datetime) -> bool:
    return _close(row, MessageStatus.UNKNOWN, result.code or "no_answer", now)


def _bounced(row: Message, result: Result, now: datetime) -> bool:
    """The address takes nothing: suppress it, mark the contact, and let the cause find somebody else."""
    if not _close(row, MessageStatus.FAILED, "bounced", now):
        return False
    address = channels.get(row.channel).address_of(row.contact)
    address_suppress(channel=row.channel, address=address, reason="bounce", detail=result.detail)
    states_lock([row.account_id])
    Contact.objects.filter(pk=row.contact_id).update(status=ContactStatus.BOUNCED)
    facts_touch([row.account_id])
    if row.cause in origins:
        origins.get(row.cause).bounced(row.pk)
    return True


_FINISH: dict[Outcome, Callable[[Message, Result, datetime], bool]] = {
    Outcome.SENT: _sent,
    Outcome.RETRY: _again,
    Outcome.FAILED: _failed,
    Outcome.BOUNCED: _bounced,
    Outcome.UNKNOWN: _unknown,
}


def _mine(row: Message) -> QuerySet[Message]:
    found: QuerySet[Message] = Message.objects.filter(pk=row.pk, fence=row.fence)
    return found


def _close(row: Message, status: str, reason: str, now: datetime, **more: str) -> bool:
    """End a message, if it is still this claim's."""
    closed = _mine(row).update(status=status, reason=reason, due_at=None, finished_at=now, **more)
    if closed:
        announce("messages")
    return bool(closed)


def _ledger(row: Message, result: Result, now: datetime) -> None:
    Delivery.objects.filter(message_id=row.pk, attempt=_number_of(row)).update(
        outcome=result.outcome, detail=result.detail, finished_at=now
    )


def _release(tenant: Tenant, batch: Sequence[Message], why: ChannelDown) -> None:
    """Put claimed messages back: the provider cannot be reached, and no attempt was made."""
    log.warning("%s: channel %s is down: %s", tenant.slug, batch[0].channel, why)
    with tenant_context(tenant):
        for row in batch:
            _mine(row).filter(status__in=WAITING).update(reason=why.code, due_at=timezone.now() + DOWN_FOR)
