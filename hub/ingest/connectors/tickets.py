"""Tickets of any help desk: one row of the whole history of what was said. Pure."""

from __future__ import annotations

from typing import Final

from hub.ingest.connectors.base import Facts, History, Write, latest

OVER: Final = frozenset({"solved", "closed"})
FIELDS: Final = ("subject", "priority", "status", "kind", "channel", "assignee", "tags", "opened_at", "url", "csat")


def ticket_rows(pk: str, history: History) -> list[Write]:
    """The ticket as it stands: closed since the word that closed it, opened again as often as one undid that.

    Facts are the fields of a ticket as REST takes them, `contact` (the source's id of the requester), and `closed_at`
    where the source itself says when.
    """
    facts = latest(history)
    if not facts.get("opened_at"):
        return []
    closed_at, reopened = _closing(history)
    fields: Facts = {name: facts[name] for name in FIELDS if facts.get(name) is not None}
    fields |= {"closed_at": closed_at, "reopened": reopened}
    return [Write("ticket", pk, fields, contact=str(facts.get("contact") or ""))]


def _closing(history: History) -> tuple[str | None, int]:
    closed_at: str | None = None
    reopened, status = 0, ""
    for at, facts in history:
        status = facts.get("status") or status
        if status not in OVER:
            reopened += closed_at is not None
            closed_at = None
        elif facts.get("closed_at"):
            closed_at = facts["closed_at"]
        else:
            closed_at = closed_at or at.isoformat()
    return closed_at, min(reopened, 32_000)
