"""What other systems are told about accounts in journeys."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell
from journeys.models import Enrollment

ENTERED, ENDED = "enrollment.entered", "enrollment.ended"
WEBHOOK, SLACK = "journey.webhook", "journey.slack"
STEP_DATA = ("event", "account_id", "account_name", "journey", "version", "step", "enrollment_id", "facts")
DATA = ("id", "account_id", "account_name", "journey", "version", "status", "reason", "entered_at", "ended_at")


def register() -> None:
    outgoing_kinds.register(OutgoingKind(ENTERED, "An account entered a journey.", DATA, 50))
    outgoing_kinds.register(
        OutgoingKind(ENDED, "An account finished or left a journey; the reason says why.", DATA, 60)
    )
    outgoing_kinds.register(OutgoingKind(WEBHOOK, "A journey came to a webhook step.", STEP_DATA, 61))
    slack = ("text", "account_id", "account_name", "journey", "version", "step", "enrollment_id")
    outgoing_kinds.register(OutgoingKind(SLACK, "A journey came to a Slack step; the text is its message.", slack, 62))


def entered(ids: Sequence[UUID]) -> None:
    if ids:
        tell(ENTERED, lambda: [_happening(row) for row in _rows(ids)])


def ended(ids: Sequence[UUID]) -> None:
    if ids:
        tell(ENDED, lambda: [_happening(row) for row in _rows(ids)])


def _rows(ids: Sequence[UUID]) -> list[Enrollment]:
    return list(Enrollment.objects.select_related("account", "journey").filter(pk__in=ids).order_by("pk"))


def _happening(row: Enrollment) -> Happening:
    data = {
        "id": str(row.pk),
        "account_id": str(row.account_id),
        "account_name": row.account.name,
        "journey": row.journey.key,
        "version": row.version,
        "status": row.status,
        "reason": row.reason,
        "entered_at": row.entered_at.isoformat(),
        "ended_at": row.ended_at and row.ended_at.isoformat(),
    }
    return Happening(str(row.pk), data, row.ended_at or row.entered_at, row.account_id)
