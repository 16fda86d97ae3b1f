"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.outbox.models import ConsentChange, Message
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

    export_lists.register(
        list_of(
            "consent-log",
            "Consent log",
            permission="outbox.view",
            columns=CONSENT_COLUMNS,
            rows=_consent_log,
            cells=_consent_change,
            filters=("account",),
            order=122,
        )
    )


CONSENT_COLUMNS = (
    "Account", "Contact", "E-mail", "Channel", "Topic", "Before", "Word", "Legal basis", "Source", "Note", "Said by",
    "Address", "At",
)  # fmt: skip


def _consent_log(given: Filters) -> QuerySet[Any]:
    return of_account(ConsentChange.objects.select_related("account", "contact"), given)


def _consent_change(row: ConsentChange) -> Sequence[Cell]:
    who = row.actor_label or row.actor_kind
    what = (row.channel, row.topic, row.before, row.status, row.legal_basis, row.source, row.note)
    return (row.account.name, row.contact.name, row.contact.email, *what, who, row.ip or "", row.at)


def _messages(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Message] = Message.objects.select_related("account", "contact").defer("body_html", "body_text")
    if status := given.get("status"):
        found = found.filter(status=status)
    return of_account(found, given)


def _message(row: Message) -> Sequence[Cell]:
    what = (row.account.name, str(row.contact), row.subject, row.channel, row.message_class, row.get_status_display())
    return (*what, row.reason, row.cause_label, row.created_at, row.sent_at, row.read_at)
