"""Reads of the outbox for pages."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from hub.accounts.models import Contact
from hub.outbox.models import Message, MessageStatus

PAGE = 50


def messages_page(
    *, status: str = "", reason: str = "", account_id: UUID | None = None, after: str = ""
) -> list[Message]:
    """Messages with account and contact, newest first, from the one `after` on; one more than a page if there are."""
    messages = Message.objects.select_related("account", "contact").defer("body_html", "body_text")
    if status:
        messages = messages.filter(status=status)
    if reason:
        messages = messages.filter(Q(reason=reason) | Q(reason__startswith=f"{reason}:"))
    if account_id:
        messages = messages.filter(account_id=account_id)
    if after and (last := _place(after)):
        created_at, pk = last
        messages = messages.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    return list(messages.order_by("-created_at", "-id")[: PAGE + 1])


def _place(after: str) -> tuple[object, UUID] | None:
    try:
        places = Message.objects.values_list("created_at", "pk").filter(pk=UUID(after))
    except ValueError:
        return None
    place: tuple[object, UUID] | None = places.first()
    return place


def status_counts() -> dict[str, int]:
    """Messages per status; every status is there."""
    counts = dict(Message.objects.order_by().values_list("status").annotate(n=Count("pk")))
    return {status: counts.get(status, 0) for status in MessageStatus.values}


def troubled() -> dict[str, int]:
    """Messages that want a person: of unknown fate, or failed."""
    rows = Message.objects.filter(status__in=[MessageStatus.UNKNOWN, MessageStatus.FAILED]).order_by()
    return dict(rows.values_list("status").annotate(n=Count("pk")))


def hub_messages(contact: Contact, *, limit: int = 20) -> QuerySet[Message]:
    """What the contact has been sent into the hub, newest first."""
    found: QuerySet[Message] = Message.objects.filter(
        contact=contact, channel="in_hub", status=MessageStatus.SENT
    ).order_by("-created_at", "-id")[:limit]
    return found
