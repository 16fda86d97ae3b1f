"""Reading a whole table a piece at a time, in the order of ids, each piece in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from hub.registry.exports import Cell, ExportList, ExportPage, Filters

Row = TypeVar("Row")


def list_of(
    key: str,
    title: str,
    *,
    permission: str,
    columns: Sequence[str],
    rows: Callable[[Filters], QuerySet[Any]],
    cells: Callable[[Any], Sequence[Cell]],
    filters: Sequence[str] = (),
    order: int = 100,
) -> ExportList:
    """An export of a queryset: ``rows(filters)`` selects with what ``cells(row)`` needs, in no order of its own."""

    def page(given: Filters, cursor: str, size: int) -> ExportPage:
        asked = rows(given).order_by("pk")
        if cursor:
            asked = asked.filter(pk__gt=UUID(cursor))
        found = list(asked[:size])
        more = str(found[-1].pk) if len(found) == size else None
        return ExportPage([cells(row) for row in found], more)

    return ExportList(
        key=key,
        title=title,
        permission=permission,
        columns=columns,
        page=page,
        count=lambda given: rows(given).order_by().count(),
        filters=filters,
        order=order,
    )


def of_account(rows: QuerySet[Any], given: Filters) -> QuerySet[Any]:
    """Narrow rows to the filter ``account``; no account has the id that is none."""
    if not given.get("account"):
        return rows
    try:
        return rows.filter(account_id=UUID(given["account"]))
    except ValueError:
        return rows.none()
