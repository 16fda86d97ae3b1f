"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.feedback.models import ReadText, SurveyResponse, Ticket
from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account

TICKET = ("Account", "Contact", "Source", "External id", "Subject", "Priority", "Opened", "Closed")
RESPONSE = ("Account", "Contact", "Survey", "Score", "Comment", "Answered")


READ = ("Account", "Kind", "Object", "Written", "Language", "Sentiment, −1 to 1", "Feeling", "Themes")


def register() -> None:
    export_lists.register(
        list_of(
            "tickets",
            "Tickets",
            permission="accounts.view",
            columns=(*TICKET, "First response, minutes", "Resolution, hours", "CSAT", "Escalated"),
            rows=_tickets,
            cells=_ticket,
            filters=("account",),
            order=50,
        )
    )
    export_lists.register(
        list_of(
            "survey-responses",
            "Survey responses",
            permission="accounts.view",
            columns=RESPONSE,
            rows=_responses,
            cells=_response,
            filters=("account", "kind"),
            order=60,
        )
    )
    export_lists.register(
        list_of(
            "read-texts",
            "Themes and sentiment of texts",
            permission="accounts.view",
            columns=READ,
            rows=_read_texts,
            cells=_read_text,
            filters=("account", "kind"),
            order=65,
        )
    )


def _tickets(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Ticket] = Ticket.objects.select_related("account", "contact")
    return of_account(found, given)


def _ticket(row: Ticket) -> Sequence[Cell]:
    what = (row.account.name, str(row.contact or ""), row.source, row.external_id, row.subject)
    measures = (row.first_response_minutes, row.resolution_hours, row.csat, row.escalated)
    return (*what, row.get_priority_display(), row.opened_at, row.closed_at, *measures)


def _read_texts(given: Filters) -> QuerySet[Any]:
    found: QuerySet[ReadText] = ReadText.objects.select_related("account")
    if kind := given.get("kind"):
        found = found.filter(kind=kind)
    return of_account(found, given)


def _read_text(row: ReadText) -> Sequence[Cell]:
    heard = (row.language, row.sentiment, row.feeling, ", ".join(row.themes))
    return (row.account.name, row.kind, str(row.object_id), row.at, *heard)


def _responses(given: Filters) -> QuerySet[Any]:
    found: QuerySet[SurveyResponse] = SurveyResponse.objects.select_related("account", "contact")
    if kind := given.get("kind"):
        found = found.filter(kind=kind)
    return of_account(found, given)


def _response(row: SurveyResponse) -> Sequence[Cell]:
    who = str(row.contact or "")
    return (row.account.name, who, row.get_kind_display(), row.score, row.comment, row.answered_at)
