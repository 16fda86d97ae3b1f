"""REST: tickets and survey answers."""

from __future__ import annotations

from hub.accounts.references import ContactReference
from hub.accounts.sourced_api import FIRST, KEPT, LAST, SourcedSerializer, sourced_routes
from hub.feedback.models import SurveyResponse, Ticket
from hub.feedback.services import (
    SURVEY_RESPONSE,
    TICKET,
    ScoreError,
    survey_response_upsert,
    ticket_upsert,
)


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


urlpatterns = [
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
