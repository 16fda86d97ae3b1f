"""REST: tickets and survey answers."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request

from hub.accounts.references import ContactReference
from hub.accounts.sourced_api import FIRST, KEPT, LAST, SourcedSerializer, sourced_routes
from hub.feedback.models import ReadText, SurveyResponse, Ticket
from hub.feedback.services import (
    SURVEY_RESPONSE,
    TICKET,
    ScoreError,
    survey_response_upsert,
    ticket_upsert,
)
from hub.feedback.text.sentiment import Feeling
from hub.feedback.text_selectors import read_texts
from hub.rest.params import described
from hub.rest.reading import OF_ACCOUNT, Filter, by_choice, by_text, by_time, resource


class TicketSerializer(SourcedSerializer):
    """A support ticket, open while `closed_at` is null. What a PUT leaves out stays as it is."""

    contact = ContactReference(required=False, allow_null=True)

    class Meta:
        model = Ticket
        fields = [
            *FIRST,
            "contact",
            "subject",
            "priority",
            "status",
            "kind",
            "channel",
            "assignee",
            "tags",
            "opened_at",
            "closed_at",
            "first_response_minutes",
            "resolution_hours",
            "csat",
            "escalated",
            "reopened",
            "url",
            *LAST,
        ]
        read_only_fields = KEPT
        extra_kwargs = {
            "csat": {"min_value": 1, "max_value": 5},
            "resolution_hours": {"min_value": 0, "max_value": 1_000_000},
            "first_response_minutes": {"min_value": 0, "max_value": 100_000_000},
        }


class SurveyResponseSerializer(SourcedSerializer):
    """An answer to one question: `nps` 0–10 or `csat` 1–5. What a PUT leaves out stays as it is."""

    contact = ContactReference(required=False, allow_null=True)

    class Meta:
        model = SurveyResponse
        fields = [*FIRST, "contact", "kind", "score", "comment", "question", "topic", "channel", "answered_at", *LAST]
        read_only_fields = KEPT
        extra_kwargs = {"comment": {"max_length": 10_000}}


class ReadTextSerializer(serializers.ModelSerializer[ReadText]):
    """What was read in a text: `object` is the id of the ticket, the answer or the comment that holds the words.

    `sentiment` is from −1 to 1, null where the language is not read for it; `confidence` is from 0 to 1 by theme.
    """

    account = serializers.UUIDField(source="account_id", read_only=True)
    object = serializers.UUIDField(source="object_id", read_only=True)
    confidence = serializers.DictField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = ReadText
        fields = [
            "id",
            "account",
            "kind",
            "object",
            "at",
            "language",
            "sentiment",
            "feeling",
            "themes",
            "confidence",
            "version",
            "read_at",
        ]
        read_only_fields = fields


def _theme(request: Request) -> list[str] | None:
    given = request.query_params.get("theme", "")[:40]
    return [given] if given else None


urlpatterns = [
    *resource(
        "read-texts",
        "What was read in the customers' texts: language, sentiment, themes. Newest first.",
        rows=read_texts,
        serializer=ReadTextSerializer,
        filters=(
            OF_ACCOUNT,
            by_text("kind", "only of this kind: ticket, survey, qbr", "kind"),
            Filter(described("theme", "only with this theme"), "themes__contains", _theme),
            by_choice("feeling", "only these", "feeling", list(Feeling)),
            by_time("since", "written at or after this time", "at__gte"),
            by_time("before", "written before this time", "at__lt"),
        ),
    ),
    *sourced_routes("tickets", TICKET, ticket_upsert, TicketSerializer, related=["contact"]),
    *sourced_routes(
        "survey-responses",
        SURVEY_RESPONSE,
        survey_response_upsert,
        SurveyResponseSerializer,
        related=["contact"],
        refusals={ScoreError: "score"},
    ),
]
