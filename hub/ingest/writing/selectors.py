"""Reads of the writing pages: which values go where, how it goes, and the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from hub.ingest.models import HookEndpoint, WriteBack, WriteCall, WrittenRow
from hub.ingest.writing.base import Writer, writers
from hub.registry.facts import known_facts

PAGE: Final = 50
REFUSED_SHOWN: Final = 20
# So many failures one after the other are worth an alarm.
MANY: Final = 6


@dataclass(frozen=True)
class Writing:
    """What a connection's page shows of its writing."""

    writer: Writer
    row: WriteBack | None
    waiting: int


def writing_of(endpoint: HookEndpoint) -> Writing | None:
    """How writing goes; None for a system that nothing is written to."""
    if endpoint.source not in writers:
        return None
    row = WriteBack.objects.filter(endpoint=endpoint).first()
    waiting = WrittenRow.objects.filter(writing=row, due_at__isnull=False).count() if row else 0
    return Writing(writers.get(endpoint.source), row, waiting)


@dataclass(frozen=True)
class Choice:
    """A value of the record, and the field over there that it goes to or is proposed for."""

    fact: str
    label: str
    field: str
    proposed: str


def choices(writer: Writer, writing: WriteBack | None) -> list[Choice]:
    """The values that are worth writing and known to the record, then others that are written."""
    known, chosen = known_facts(), writing.fields if writing else {}
    names = [name for name in (*writer.defaults, *chosen) if name in known or name in chosen]
    return [
        Choice(
            name,
            known[name].label if name in known else f"{name} (the record has it no more)",
            chosen.get(name, ""),
            writer.defaults.get(name, ""),
        )
        for name in dict.fromkeys(names)
    ]


def other_facts(taken: list[Choice]) -> list[tuple[str, str]]:
    """(name, label) of the other facts that could be written, by label."""
    shown = {choice.fact for choice in taken}
    found = [(name, fact.label) for name, fact in known_facts().items() if name not in shown]
    return sorted(found, key=lambda entry: entry[1])


def calls_page(writing: WriteBack, *, before: tuple[datetime, UUID] | None) -> list[WriteCall]:
    """Up to PAGE + 1 calls, newest first."""
    rows = WriteCall.objects.filter(writing=writing).order_by("-asked_at", "-pk")
    if before:
        rows = rows.filter(Q(asked_at__lt=before[0]) | Q(asked_at=before[0], pk__lt=before[1]))
    return list(rows[: PAGE + 1])


def refused_rows(writing: WriteBack) -> list[WrittenRow]:
    """Customers whose values were refused, with their accounts; the first of them."""
    rows: QuerySet[WrittenRow] = WrittenRow.objects.filter(writing=writing, due_at__isnull=False).exclude(reason="")
    return list(rows.select_related("account").order_by("due_at", "pk")[:REFUSED_SHOWN])


def troubles() -> dict[UUID, str]:
    """Why connections that should write do not, by connection."""
    rows = WriteBack.objects.filter(Q(stopped_at__isnull=False) | Q(attempts__gte=MANY), is_on=True)
    return {pk: f"it is written to no more: {reason}" for pk, reason in rows.values_list("endpoint_id", "reason")}
