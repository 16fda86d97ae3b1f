"""Writes of tickets and survey answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import Noun, sourced_retract, sourced_upsert
from hub.feedback.models import SurveyResponse, Ticket
from hub.feedback.reading import texts_due
from hub.feedback.texts import ANSWERS, TICKETS
from hub.people.audit import Actor


def _ticket_timeline(ticket: Ticket) -> list[TimelineEntry]:
    def entry(key: str, title: str, at: datetime) -> TimelineEntry:
        return TimelineEntry(
            account_id=ticket.account_id,
            contact_id=ticket.contact_id,
            kind="ticket",
            key=f"{key}:{ticket.pk}",
            title=title[:300],
            url=ticket.url,
            source=ticket.source,
            occurred_at=at,
        )

    entries = [entry("opened", f"Ticket opened ({ticket.get_priority_display()}): {ticket}", ticket.opened_at)]
    if ticket.closed_at is not None:
        # A ticket that was opened again is closed again, later: each closing is an entry of its own.
        key = f"closed:{ticket.closed_at:%Y%m%dT%H%M%S}"
        entries.append(entry(key, f"Ticket closed: {ticket}", ticket.closed_at))
    return entries


def _answer_timeline(answer: SurveyResponse) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            account_id=answer.account_id,
            contact_id=answer.contact_id,
            kind="survey",
            key=str(answer.pk),
            title=f"{answer.get_kind_display()}: {answer.score}",
            body=answer.comment,
            source=answer.source,
            occurred_at=answer.answered_at,
        )
    ]


def _tickets_written(rows: Sequence[Ticket], historical: bool) -> None:
    texts_due(kind=TICKETS, object_ids=[row.pk for row in rows], quiet=historical)


def _answers_written(rows: Sequence[SurveyResponse], historical: bool) -> None:
    texts_due(kind=ANSWERS, object_ids=[row.pk for row in rows], quiet=historical)


SCALES = {"nps": (0, 10), "csat": (1, 5)}


class ScoreError(ValueError):
    """A score outside the scale of its kind."""


def _checked_answer(values: dict[str, Any], stored: SurveyResponse | None) -> dict[str, Any]:
    kind = values.get("kind", stored.kind if stored else "")
    score = values.get("score", stored.score if stored else None)
    if kind not in SCALES:
        raise ScoreError(f"unknown kind {kind!r}: one of {', '.join(SCALES)}")
    low, high = SCALES[kind]
    if score is None or not low <= score <= high:
        raise ScoreError(f"{kind} is {low} to {high}, not {score}")
    return values


TICKET = Noun(
    "ticket",
    Ticket,
    frozenset(
        {
            "contact", "subject", "priority", "opened_at", "closed_at", "first_response_minutes", "resolution_hours",
            "csat", "escalated", "status", "kind", "channel", "assignee", "tags", "reopened", "url",
        }
    ),
    required=frozenset({"opened_at"}),
    timeline=_ticket_timeline,
    written=_tickets_written,
)  # fmt: skip
SURVEY_RESPONSE = Noun(
    "survey_response",
    SurveyResponse,
    frozenset({"contact", "kind", "score", "comment", "question", "topic", "channel", "answered_at"}),
    required=frozenset({"kind", "score", "answered_at"}),
    prepare=_checked_answer,
    timeline=_answer_timeline,
    written=_answers_written,
)


def ticket_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[Ticket, str]:
    """Create or update a ticket; a new one needs `opened_at`. It is open while `closed_at` is None."""
    return sourced_upsert(
        TICKET, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )


def ticket_retract(*, source: str, external_id: str) -> Ticket | None:
    """Take a ticket out of the record that its source has taken away from its account; None when there is none."""
    return sourced_retract(TICKET, source=source, external_id=external_id)


def survey_response_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[SurveyResponse, str]:
    """Create or update an answer; a new one needs `kind` (nps 0–10, csat 1–5), `score` and `answered_at`.

    Raises ScoreError for a score outside its scale.
    """
    return sourced_upsert(
        SURVEY_RESPONSE,
        account=account,
        source=source,
        external_id=external_id,
        fields=fields,
        as_of=as_of,
        actor=actor,
    )
