"""What an import can fill: one module each, found through this registry (recipe: docs/recipes/connector.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from django.db import transaction

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
    `as_of` is when the files were true; None: when they came. With `pretend` all of it is taken back at the end, and
    what changes rows that are there already at once (`released`), so that nobody waits for a check.
    """

    source: str
    historical: bool
    currency: str
    records: Sequence[Record]
    touched: set[UUID] = field(default_factory=set)
    journal: Journal = field(default_factory=Journal)
    as_of: datetime | None = None
    pretend: bool = False

    @contextmanager
    def released(self) -> Iterator[None]:
        """Around changes of rows that are there already: a check takes them back at once, and their locks with them."""
        with transaction.atomic():
            yield
            if self.pretend:
                transaction.set_rollback(True)

    def of(self, records: Sequence[Record]) -> Batch:
        """The same batch with fewer records."""
        return replace(self, records=records)


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
