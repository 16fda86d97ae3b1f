"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.outbox.models import Message
from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account

COLUMNS = ("Account", "To", "Subject", "Channel", "Class", "Status", "Reason", "From", "Made", "Sent", "Read")


def register() -> None:
    export_lists.register(
        list_of(
            "messages",
            "Messages",
            permission="outbox.view",
            columns=COLUMNS,
            rows=_messages,
            cells=_message,
            filters=("account", "status"),
            order=120,
        )
    )


def _messages(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Message] = Message.objects.select_related("account", "contact").defer("body_html", "body_text")
    if status := given.get("status"):
        found = found.filter(status=status)
    return of_account(found, given)


def _message(row: Message) -> Sequence[Cell]:
    what = (row.account.name, str(row.contact), row.subject, row.channel, row.message_class, row.get_status_display())
    return (*what, row.reason, row.cause_label, row.created_at, row.sent_at, row.read_at)
