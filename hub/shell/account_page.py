"""What the account page itself shows: the facts of its header and the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.accounts.models import AccountFacts, TimelineEntry
from hub.shell.paging import Page, cursor_values, page_of

TIMELINE_SIZE: Final = 20


@dataclass(frozen=True, slots=True)
class KindLook:
    """How a family of timeline entries is called and drawn."""

    title: str
    icon: str
    tone: str = "muted"


KINDS: Final = {
    "signal": KindLook("Signals", "activity", "warning"),
    "milestone": KindLook("Milestones", "flag", "success"),
    "message": KindLook("Messages", "mail", "info"),
    "task": KindLook("Tasks", "checklist", "primary"),
    "note": KindLook("Notes", "note"),
    "qbr": KindLook("QBRs", "presentation", "primary"),
    "ticket": KindLook("Support", "lifebuoy", "secondary"),
    "survey": KindLook("Surveys", "mood-smile", "accent"),
    "contract": KindLook("Contract", "receipt"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A timeline entry with its look."""

    entry: TimelineEntry
    look: KindLook


@dataclass(frozen=True, slots=True)
class KindFilter:
    """A family that the account's timeline holds, as the filter offers it."""

    key: str
    title: str


def look_of(kind: str) -> KindLook:
    return KINDS.get(kind) or KindLook(kind.replace("_", " ").capitalize(), "circle")


def timeline_kinds(account_id: UUID) -> list[KindFilter]:
    """The families that an account's timeline holds, the known ones in their order, then others. One query."""
    held = set(TimelineEntry.objects.filter(account_id=account_id).values_list("kind", flat=True).distinct())
    ordered = [kind for kind in KINDS if kind in held] + sorted(held - KINDS.keys())
    return [KindFilter(kind, look_of(kind).title) for kind in ordered]


def timeline_page(account_id: UUID, *, kind: str = "", cursor: str = "", size: int = TIMELINE_SIZE) -> Page[Entry]:
    """Entries, newest first, of one family or of all. One query."""
    entries = TimelineEntry.objects.select_related("contact").filter(account_id=account_id)
    if kind:
        entries = entries.filter(kind=kind)
    if after := cursor_values(cursor, datetime.fromisoformat, UUID):
        at, pk = after
        entries = entries.filter(occurred_at__lte=at).exclude(occurred_at=at, pk__gte=pk)
    found = entries.order_by("-occurred_at", "-id")[: size + 1]
    rows = [Entry(entry, look_of(entry.kind)) for entry in found]
    return page_of(rows, size, lambda row: (row.entry.occurred_at.isoformat(), row.entry.pk))


def facts_of_account(account_id: UUID) -> AccountFacts | None:
    """The account's fact row; None until it has been evaluated for the first time."""
    found: AccountFacts | None = AccountFacts.objects.filter(account_id=account_id).first()
    return found
