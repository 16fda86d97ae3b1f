"""Reads of the outbox for pages."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from hub.accounts.models import Contact
from hub.outbox.models import WAITING, Click, Message, MessageStatus, Stop
from hub.outbox.services import reason_of
from hub.outbox.tracking import links_of

PAGE = 50
MACHINE = 50


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


def clicks_of(message: Message) -> list[tuple[str, int, int]]:
    """Each link of a message with the clicks of people and of machines; nothing while nobody has clicked. One query."""
    counted: dict[int, list[int]] = {}
    for link, score in Click.objects.filter(message=message).values_list("link", "bot_score"):
        counted.setdefault(link, [0, 0])[score >= MACHINE] += 1
    if not counted:
        return []
    return [(url, *counted.get(place, (0, 0))) for place, url in enumerate(links_of(message.body_html))]


def stops_open() -> list[tuple[Stop, int]]:
    """What is stopped, with how many messages each stop holds, latest first. Two queries."""
    stops = list(Stop.objects.filter(ended_at__isnull=True).order_by("-began_at"))
    held: dict[tuple[str, UUID | None], int] = {}
    if stops:
        rows = Message.objects.filter(status=MessageStatus.HELD, reason__in=[reason_of(stop) for stop in stops])
        for reason, group_id, n in rows.order_by().values_list("reason", "group_id").annotate(n=Count("pk")):
            held[reason, group_id] = n
    return [(stop, _held_by(stop, held)) for stop in stops]


def _held_by(stop: Stop, held: Mapping[tuple[str, UUID | None], int]) -> int:
    mine = reason_of(stop)
    return sum(
        n for (reason, group_id), n in held.items()
        if reason == mine and (stop.group_id is None or group_id == stop.group_id)
    )  # fmt: skip


def stops_past(limit: int = 10) -> list[Stop]:
    return list(Stop.objects.filter(ended_at__isnull=False).order_by("-ended_at")[:limit])


def is_stopped() -> list[Stop]:
    """What is stopped now, for the line above every page. One query."""
    return list(Stop.objects.filter(ended_at__isnull=True).order_by("kind", "began_at"))


def groups_waiting() -> list[tuple[UUID, str, int]]:
    """Groups of messages with some on their way: id, name, how many."""
    rows = Message.objects.filter(status__in=WAITING, group_id__isnull=False).order_by()
    found = rows.values_list("group_id").annotate(n=Count("pk"), name=Max("cause_label")).order_by("name", "group_id")
    return [(group_id, name, n) for group_id, n, name in found]
