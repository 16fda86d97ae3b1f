"""What an import can fill: one module each, found through this registry (recipe: docs/recipes/connector.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from uuid import UUID

from hub.ingest.imports.journal import Journal, Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.registry.base import Registry

MODULES = (
    "account",
    "contact",
    "contract_line",
    "churn_claim",
    "usage",
    "ticket",
    "survey_response",
    "opportunity",
    "invoice",
    "community_activity",
    "milestone",
)


@dataclass(slots=True)
class Record:
    """A row with typed values, ready to be written."""

    line: int
    external_id: str
    values: dict[str, Any]
    raw: dict[str, str]
    id_column: str = ""
    account_ref: str = ""
    contact_ref: str = ""
    account_id: UUID | None = None
    contact_id: UUID | None = None
    outcome: str = ""
    problem: tuple[str, str, str, str] | None = None  # column, value, reason, message

    def refuse(self, reason: str, message: str, *, column: str = "", value: str = "") -> None:
        self.outcome, self.problem = "quarantined", (column, value, reason, message)


@dataclass(frozen=True)
class Batch:
    """What a writer gets: records of one file of one source.

    `touched` collects the accounts whose facts changed, `journal` what was written, so that it can be taken back.
    """

    source: str
    historical: bool
    currency: str
    records: Sequence[Record]
    touched: set[UUID] = field(default_factory=set)
    journal: Journal = field(default_factory=Journal)

    def of(self, records: Sequence[Record]) -> Batch:
        """The same batch with fewer records."""
        return Batch(self.source, self.historical, self.currency, records, self.touched, self.journal)


@dataclass(frozen=True)
class Entity:
    """An importable entity. `write(batch)` sets every record's outcome: created, updated, unchanged, or refuses it.

    `names` are words by which a file of it is known, `ids` and `accounts` columns by which exports name the row and its
    account; `traces` say how what it writes is found again.
    """

    key: str
    fields: Mapping[str, FieldSpec]
    write: Callable[[Batch], None]
    title: str
    names: tuple[str, ...]
    traces: tuple[Trace, ...]
    ids: tuple[str, ...] = ()
    needs_account: bool = True
    names_contact: bool = False
    # Contract lines change months: they are rewritten once per file, for the accounts touched.
    changes_revenue: bool = False
    order: int = 100


entities: Registry[Entity] = Registry("import entity")


def load() -> Registry[Entity]:
    """Import every module once; each offers its `ENTITY`."""
    for name in MODULES:
        if name not in entities:
            entities.register(import_module(f"hub.ingest.imports.entities.{name}").ENTITY)
    return entities
