"""The texts of this app: tickets by their subject, survey answers by their comment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hub.feedback.models import SurveyResponse, Ticket
from hub.registry.texts import Text, TextSource, text_sources

TICKETS, ANSWERS = "ticket", "survey"


def _tickets(ids: Sequence[UUID]) -> Sequence[Text]:
    rows = Ticket.objects.select_related("contact").filter(pk__in=ids).exclude(subject="")
    return [Text(row.pk, row.account_id, row.opened_at, row.subject, str(row.contact or ""), row.url) for row in rows]


def _answers(ids: Sequence[UUID]) -> Sequence[Text]:
    rows = SurveyResponse.objects.select_related("contact").filter(pk__in=ids).exclude(comment="")
    return [Text(row.pk, row.account_id, row.answered_at, row.comment, str(row.contact or "")) for row in rows]


def after(model: Any, pk: UUID | None, limit: int) -> Sequence[UUID]:
    """The ids of a model's rows that follow one, in order."""
    rows = model.objects.filter(pk__gt=pk) if pk else model.objects.all()
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def register() -> None:
    text_sources.register(
        TextSource(TICKETS, "Tickets", _tickets, lambda pk, limit: after(Ticket, pk, limit), order=10)
    )
    text_sources.register(
        TextSource(ANSWERS, "Survey answers", _answers, lambda pk, limit: after(SurveyResponse, pk, limit), order=20)
    )
