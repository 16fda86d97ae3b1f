"""The columns of the list of accounts: who owns it, what is known about it, and which of them can be sorted by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from hub.accounts.attribute_values import COLUMNS as ATTRIBUTE_COLUMNS
from hub.accounts.models import AttributeEntity
from hub.accounts.selectors import definitions
from hub.registry.facts import FactKind, known_facts

ATTRIBUTE: Final = "attribute."
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Sort:
    """How a column is walked along an index.

    ``table`` is the alias whose index it is: ``a`` the account, ``f`` its facts, ``v`` the values of the attribute
    ``definition``, ``o`` that of the account by owner (owners.py). ``sql`` is the indexed column, ``read`` reads its
    value from a cursor. Rows without a value come last, in either direction; ``nullable`` says that rows of the table
    may lack one.
    """

    table: Literal["a", "f", "v", "o"]
    sql: str
    read: Callable[[str], Any]
    nullable: bool = False
    definition: UUID | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``sql`` over the aliases of facts, how values are shown (``kind``, ``unit``), where they come from."""

    key: str
    title: str
    kind: str
    sql: str
    source: str = ""
    unit: str = ""
    sort: Sort | None = None

    @property
    def is_number(self) -> bool:
        return self.kind in (FactKind.NUMBER, FactKind.MONEY)


OWNER_SQL: Final = "coalesce(nullif(u.name, ''), u.email, '')"
NAME: Final = Column("name", "Account", "name", "a.name", sort=Sort("a", "a.list_name", str))
OWN: Final = (
    Column("owner", "Owner", "owner", OWNER_SQL, source="account record", sort=Sort("o", OWNER_SQL, str)),
    Column("domain", "Domain", "text", "a.domain", source="account record"),
    Column(
        "created_at",
        "Added",
        "datetime",
        "a.created_at",
        source="account record",
        sort=Sort("a", "a.id", lambda value: value),
    ),
    Column(
        "trend", "Use, 12 weeks", "trend", "f.usage_30d", source="product usage", sort=Sort("f", "f.usage_30d", int)
    ),
)
DEFAULT: Final = ("owner", "stage", "health_score", "mrr_minor", "renews_on", "trend")
# Facts whose column has an index in our migrations (0001).
FACT_SORTS: Final[Mapping[str, Sort]] = {
    "stage": Sort("a", "a.stage", str),
    "signed_up_on": Sort("a", "a.signed_up_on", date.fromisoformat, nullable=True),
    "mrr_minor": Sort("f", "f.mrr_minor", int),
    "renews_on": Sort("f", "f.renews_on", date.fromisoformat, nullable=True),
    "usage_30d": Sort("f", "f.usage_30d", int),
    "health_score": Sort("f", "f.health_score", int, nullable=True),
    "last_event_on": Sort("f", "f.last_event_on", date.fromisoformat, nullable=True),
}
TITLES: Final = {
    "mrr_minor": "MRR",
    "renews_on": "Renewal",
    "stage": "Stage",
    "last_event_on": "Last use",
    "health_score": "Health",
}
KINDS: Final = {"stage": "stage", "health_band": "band"}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "text": str,
    "choice": str,
    "number": float,
    "money": int,
    "date": date.fromisoformat,
    "boolean": lambda value: {"True": True, "False": False}[str(value)],
}


def list_columns() -> dict[str, Column]:
    """Every column by its key: the account's own, each registered fact, each attribute of the tenant.

    Two queries at most: attributes are read.
    """
    found = {column.key: column for column in OWN}
    facts = list(known_facts().items())
    sorts = {**FACT_SORTS}
    if any(name.startswith(ATTRIBUTE) for name, _ in facts):
        sorts |= _attribute_sorts()
    for name, fact in facts:
        title = TITLES.get(name) or fact.label[:1].upper() + fact.label[1:]
        kind = KINDS.get(name, str(fact.kind))
        found[name] = Column(name, title, kind, fact.sql, fact.source, fact.unit, sorts.get(name))
    return found


def _attribute_sorts() -> dict[str, Sort]:
    return {
        f"{ATTRIBUTE}{row.key}": Sort("v", f"v.{ATTRIBUTE_COLUMNS[row.kind]}", _READ[row.kind], definition=row.pk)
        for row in definitions(AttributeEntity.ACCOUNT)
    }
