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
    names what may narrow the list, as in the address of its page; other names are ignored.
    """

    key: str
    title: str
    permission: str
    columns: Sequence[str]
    page: Callable[[Filters, str, int], ExportPage]
    count: Callable[[Filters], int]
    filters: Sequence[str] = ()
    order: int = 100

    def known(self, given: Filters) -> dict[str, str]:
        """The filters among ``given`` that the list knows, without empty ones."""
        return {name: given[name][:200] for name in self.filters if given.get(name)}


export_lists: Registry[ExportList] = Registry("export list")
