"""Exports: the lists that can be taken out as a file. Each app registers its own; a worker writes the file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency; the file shows major units."""

    minor: int
    currency: str


Cell: TypeAlias = str | int | float | bool | Decimal | date | datetime | Money | None
Filters: TypeAlias = Mapping[str, str]
# A filter may be a whole rule.
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Rows of a list in its order, and where the next page starts; None at the end."""

    rows: Sequence[Sequence[Cell]]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ExportList:
    """A list that can be taken out.

    ``page(filters, cursor, size)`` reads at most ``size`` rows from the cursor on ("" = the start), inside the tenant's
    context, and is called once per transaction; ``count(filters)`` says how many rows there are in all. ``filters``
    names what may narrow the list, as in the address of its page; other names are ignored. Where they choose columns,
    ``head(filters)`` names those of the file; ``check(filters)`` says what is wrong with them, "" when nothing is.
    """

    key: str
    title: str
    permission: str
    columns: Sequence[str]
    page: Callable[[Filters, str, int], ExportPage]
    count: Callable[[Filters], int]
    filters: Sequence[str] = ()
    order: int = 100
    head: Callable[[Filters], Sequence[str]] | None = None
    check: Callable[[Filters], str] | None = None

    def known(self, given: Filters) -> dict[str, str]:
        """The filters among ``given`` that the list knows, without empty ones."""
        return {name: given[name][:LONGEST] for name in self.filters if given.get(name)}

    def titles(self, given: Filters) -> Sequence[str]:
        """The columns of a file narrowed so."""
        return self.head(given) if self.head else self.columns

    def problem(self, given: Filters) -> str:
        """What is wrong with the filters, "" when nothing is."""
        return self.check(given) if self.check else ""


export_lists: Registry[ExportList] = Registry("export list")
