"""Reads of the conflict log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from hub.accounts.models import Account, AttributeEntity, ConflictState, FieldConflict
from hub.accounts.words import PARENT
from hub.people.models import User

PAGE: Final = 50
PAIRS: Final = 30
COUNTED: Final = 99


@dataclass(frozen=True)
class Pair:
    """A field and two sources that disagree about it: how many open conflicts they have."""

    entity: str
    field: str
    winner: str
    other: str
    count: int


@dataclass(frozen=True)
class Asked:
    """What of the log is asked for; what cannot be read is left out."""

    state: str = ConflictState.OPEN
    entity: str = ""
    field: str = ""
    source: str = ""
    account: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> Asked:
        state, entity = params.get("state", ConflictState.OPEN), params.get("entity", "")
        return cls(
            state=state if state in ConflictState.values else ConflictState.OPEN,
            entity=entity if entity in AttributeEntity.values else "",
            field=params.get("field", "")[:70],
            source=params.get("source", "")[:80],
            account=_id(params.get("account", "")),
        )


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def conflicts_of(asked: Asked) -> QuerySet[FieldConflict]:
    """The conflicts that are asked for, in no order."""
    found: QuerySet[FieldConflict] = FieldConflict.objects.filter(state=asked.state)
    if asked.entity:
        found = found.filter(entity=asked.entity)
    if asked.field:
        found = found.filter(field=asked.field)
    if asked.account:
        found = found.filter(account_id=asked.account)
    if asked.source:
        found = found.filter(Q(winner_source=asked.source) | Q(other_source=asked.source))
    return found


def open_count() -> int:
    """How many conflicts are open, counted to a hundred: some steps along an index, whatever the log holds."""
    found = FieldConflict.objects.filter(state=ConflictState.OPEN).order_by("-id")
    return int(found.values("pk")[: COUNTED + 1].count())


def conflicts_page(asked: Asked, *, after: str) -> list[FieldConflict]:
    """Up to PAGE + 1 conflicts, those that were opened last first. One query."""
    found = conflicts_of(asked).select_related("account", "contact").order_by("-id")
    if last := _id(after):
        found = found.filter(id__lt=last)
    return list(found[: PAGE + 1])


NAMED: Final = ("owner_id", PARENT)


def names_of(rows: Iterable[FieldConflict]) -> dict[str, str]:
    """The names of the people and accounts whose ids stand as values in these conflicts; two queries at most."""
    ids: dict[str, set[str]] = {name: set() for name in NAMED}
    for row in rows:
        if row.field in ids:
            ids[row.field] |= {value for value in (row.winner_value, row.other_value) if value}
    people = User.objects.filter(pk__in=ids["owner_id"]) if ids["owner_id"] else []
    accounts = Account.objects.filter(pk__in=ids[PARENT]) if ids[PARENT] else []
    return {str(row.pk): str(row) for row in (*people, *accounts)}


def pairs() -> list[Pair]:
    """The fields and sources with the most open conflicts. One query."""
    names = ("entity", "field", "winner_source", "other_source")
    counted: Any = FieldConflict.objects.filter(state=ConflictState.OPEN).values_list(*names).annotate(n=Count("pk"))
    return [Pair(*row) for row in counted.order_by("-n", *names)[:PAIRS]]
