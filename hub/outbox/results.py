"""What came of a call, written down by the claim that made it and by nobody else: every write is fenced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet

from hub.accounts.models import Contact, ContactStatus
from hub.accounts.services import facts_touch, states_lock, timeline_sql
from hub.outbox.channels.base import Outcome, Result, channels
from hub.outbox.models import Delivery, Message, MessageStatus
from hub.outbox.origins import origins
from hub.outbox.services import address_suppress
from hub.tenancy.ids import uuid7
from hub.tenancy.live import announce
from hub.tenancy.statements import Statement

MAX_ATTEMPTS: Final = 5
# Wait before the attempt after the n-th one.
BACK_OFF: Final = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))

# The two that every message passes, hundreds of times a second, are plain statements. The attempt in the ledger is the
# fence and not the number of attempts: a message that a person has sent again starts counting those anew.
_BEGUN: Final = """
WITH begun AS (
    UPDATE outbox_message SET status = 'sending', due_at = %(lease)s, sent_at = %(now)s, attempts = attempts + 1
    WHERE tenant_id = %(tenant)s AND id = %(id)s AND fence = %(fence)s AND status = 'cleared'
    RETURNING id, account_id, fence, attempts
), ledger AS (
    INSERT INTO outbox_delivery (id, tenant_id, account_id, message_id, attempt, started_at, outcome, detail)
    SELECT %(new)s, %(tenant)s, account_id, id, fence, %(now)s, 'sending', '' FROM begun ON CONFLICT DO NOTHING
)
SELECT attempts FROM begun
"""
_SENT: Final = f"""
WITH sent AS (
    UPDATE outbox_message SET
        status = 'sent', reason = '', due_at = NULL, finished_at = %(now)s, provider_id = %(provider)s
    WHERE tenant_id = %(tenant)s AND id = %(id)s AND fence = %(fence)s
    RETURNING id, tenant_id, account_id, contact_id, fence
), ledger AS (
    UPDATE outbox_delivery d SET outcome = 'sent', detail = %(detail)s, finished_at = %(now)s
    FROM sent WHERE d.tenant_id = sent.tenant_id AND d.message_id = sent.id AND d.attempt = sent.fence
), line AS (
    SELECT %(new)s::uuid AS id, tenant_id, account_id, contact_id, 'message' AS kind, 'sent:' || sent.id AS key,
        %(title)s AS title, %(source)s AS source, %(now)s::timestamptz AS occurred_at
    FROM sent
), told AS (
    {timeline_sql("line")}
)
SELECT 1 FROM sent
"""


def begun(message: Message, now: datetime, lease: timedelta) -> Statement:
    """Writes a cleared message down as being sent; no row where it was taken back, or is another claim's by now."""
    values = {"lease": now + lease, "now": now, "tenant": message.tenant_id, "id": message.pk, "fence": message.fence}
    return Statement(_BEGUN, {**values, "new": uuid7()}, message.tenant_id)


def sent(row: Message, result: Result, now: datetime) -> Statement:
    """Writes down that a message has gone out; no row where it is another claim's by now."""
    values = {
        "now": now,
        "provider": result.provider_id[:200],
        "tenant": row.tenant_id,
        "id": row.pk,
        "fence": row.fence,
        "detail": result.detail[:300],
        "new": uuid7(),
        "title": f"{channels.get(row.channel).title} to {row.contact}: {row.subject}"[:300],
        "source": row.cause_label[:50] or "outbox",
    }
    return Statement(_SENT, values, row.tenant_id)


def finish(message: Message, result: Result, now: datetime) -> bool:
    """Write down that a message has not gone out, inside the tenant's context; False when it is another claim's."""
    if not _FINISH[result.outcome](message, result, now):
        return False
    ledger(message, result, now)
    return True


def _again(row: Message, result: Result, now: datetime) -> bool:
    if row.attempts >= MAX_ATTEMPTS:
        return close(row, MessageStatus.FAILED, "attempts", now)
    due_at = now + max(BACK_OFF[row.attempts - 1], timedelta(seconds=result.wait))
    waiting = {"status": MessageStatus.PENDING, "reason": result.code or "retry", "sent_at": None}
    return bool(mine(row).update(**waiting, due_at=due_at))


def _failed(row: Message, result: Result, now: datetime) -> bool:
    return close(row, MessageStatus.FAILED, result.code or "refused", now)


def _unknown(row: Message, result: Result, now: datetime) -> bool:
    return close(row, MessageStatus.UNKNOWN, result.code or "no_answer", now)


def _bounced(row: Message, result: Result, now: datetime) -> bool:
    """The address takes nothing: suppress it, mark the contact, and let the cause find somebody else."""
    if not close(row, MessageStatus.FAILED, "bounced", now):
        return False
    address = channels.get(row.channel).address_of(row.contact)
    address_suppress(channel=row.channel, address=address, reason="bounce", detail=result.detail)
    states_lock([row.account_id])
    Contact.objects.filter(pk=row.contact_id).update(status=ContactStatus.BOUNCED)
    facts_touch([row.account_id])
    if row.cause in origins:
        origins.get(row.cause).bounced(row.pk)
    return True


_FINISH: Final[dict[Outcome, Callable[[Message, Result, datetime], bool]]] = {
    Outcome.RETRY: _again,
    Outcome.FAILED: _failed,
    Outcome.BOUNCED: _bounced,
    Outcome.UNKNOWN: _unknown,
}


def mine(row: Message) -> QuerySet[Message]:
    """The row, as long as it is this claim's."""
    found: QuerySet[Message] = Message.objects.filter(pk=row.pk, fence=row.fence)
    return found


def close(row: Message, status: str, reason: str, now: datetime, **more: Any) -> bool:
    """End a message, if it is still this claim's; `more` are further fields."""
    closed = mine(row).update(status=status, reason=reason, due_at=None, finished_at=now, **more)
    if closed:
        announce("messages")
    return bool(closed)


def ledger(row: Message, result: Result, now: datetime) -> None:
    """Complete the ledger's row of this attempt."""
    Delivery.objects.filter(message_id=row.pk, attempt=row.fence).update(
        outcome=result.outcome, detail=result.detail, finished_at=now
    )
