"""What the account page itself shows: the facts of its header and the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from hub.accounts.models import Contact, TimelineEntry
from hub.shell.paging import Page, cursor_values, page_of
from hub.tenancy.context import current_tenant_id

TIMELINE_SIZE: Final = 20
CHOICES_SHOWN: Final = 50
FIRST_YEAR, LAST_YEAR = 1900, 2199


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
    "invoice": KindLook("Invoices", "report-money"),
    "payment": KindLook("Payments", "credit-card", "warning"),
    "opportunity": KindLook("Opportunities", "target", "success"),
    "community": KindLook("Community", "messages", "accent"),
    "stage": KindLook("Stages", "progress", "info"),
    "people": KindLook("People", "users", "info"),
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


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """What of a timeline is asked for; every part may be empty. `first` and `last` are days in the tenant's zone."""

    kind: str = ""
    source: str = ""
    person: str = ""
    first: date | None = None
    last: date | None = None
    cursor: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> TimelineQuery:
        """Read a query string; what cannot be read is left out, so that an old link still opens a page."""
        return cls(
            kind=params.get("kind", "")[:32],
            source=params.get("source", "")[:50],
            person=_id(params.get("person", "")),
            first=_day(params.get("first", "")),
            last=_day(params.get("last", "")),
            cursor=params.get("cursor", ""),
        )

    @property
    def narrows(self) -> bool:
        return bool(self.kind or self.narrows_further)

    @property
    def narrows_further(self) -> bool:
        """Beyond the kind, which has its own buttons."""
        return bool(self.source or self.person or self.first or self.last)


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # Room for zones on both sides.
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


@dataclass(frozen=True, slots=True)
class TimelineChoices:
    """What an account's timeline can be narrowed to."""

    kinds: list[KindFilter]
    sources: list[str]
    people: list[Contact]


# One step of the index per value found, however many entries there are.
VALUES = """
WITH RECURSIVE found (value, number) AS (
    (SELECT {column}, 1 FROM accounts_timelineentry
     WHERE tenant_id = %(tenant)s AND account_id = %(account)s AND {column} IS NOT NULL ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM accounts_timelineentry
        WHERE tenant_id = %(tenant)s AND account_id = %(account)s AND {column} > found.value
        ORDER BY {column} LIMIT 1), number + 1
    FROM found WHERE found.value IS NOT NULL AND number < %(most)s
) SELECT '{column}', value::text FROM found WHERE value IS NOT NULL"""
NARROWED: Final = ("kind", "source", "contact_id")
ALL_VALUES: Final = " UNION ALL ".join(f"({VALUES.format(column=column)})" for column in NARROWED)


def _values(account_id: UUID) -> dict[str, list[str]]:
    """The values that each column holds, as text. One query."""
    values: dict[str, Any] = {"tenant": current_tenant_id(), "account": account_id, "most": CHOICES_SHOWN}
    found: dict[str, list[str]] = {column: [] for column in NARROWED}
    with connection.cursor() as cursor:
        cursor.execute(ALL_VALUES, values)
        for column, value in cursor.fetchall():
            found[column].append(value)
    return found


def timeline_choices(account_id: UUID) -> TimelineChoices:
    """The families, sources and people that an account's timeline holds. Two queries."""
    values = _values(account_id)
    held = set(values["kind"])
    ordered = [kind for kind in KINDS if kind in held] + sorted(held - KINDS.keys())
    people = Contact.objects.filter(pk__in=values["contact_id"])
    return TimelineChoices(
        kinds=[KindFilter(kind, look_of(kind).title) for kind in ordered],
        sources=sorted(source for source in values["source"] if source),
        people=sorted(people, key=lambda contact: str(contact).lower()),
    )


def timeline_entries(account_id: UUID, query: TimelineQuery, zone: ZoneInfo) -> QuerySet[TimelineEntry]:
    """The entries that a query asks for, newest first, from its cursor on."""
    entries: QuerySet[TimelineEntry] = TimelineEntry.objects.filter(account_id=account_id)
    if query.kind:
        entries = entries.filter(kind=query.kind)
    if query.source:
        entries = entries.filter(source=query.source)
    if query.person:
        entries = entries.filter(contact_id=query.person)
    if query.first:
        entries = entries.filter(occurred_at__gte=datetime.combine(query.first, time(), zone))
    if query.last:
        entries = entries.filter(occurred_at__lt=datetime.combine(query.last + timedelta(days=1), time(), zone))
    if after := cursor_values(query.cursor, datetime.fromisoformat, UUID):
        at, pk = after
        entries = entries.filter(occurred_at__lte=at).exclude(occurred_at=at, pk__gte=pk)
    return entries.order_by("-occurred_at", "-id")


def timeline_page(account_id: UUID, query: TimelineQuery, zone: ZoneInfo, *, size: int = TIMELINE_SIZE) -> Page[Entry]:
    """Entries, newest first, of all that the query asks for. One query."""
    found = timeline_entries(account_id, query, zone).select_related("contact")[: size + 1]
    rows = [Entry(entry, look_of(entry.kind)) for entry in found]
    return page_of(rows, size, lambda row: (row.entry.occurred_at.isoformat(), row.entry.pk))
