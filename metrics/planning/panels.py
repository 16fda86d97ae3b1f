"""The plan in the navigation, and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, Money, export_lists
from hub.registry.panels import NavItem, nav_items
from hub.tenancy.chunks import list_of
from metrics.planning.figures import Figures
from metrics.planning.models import Focus

COLUMNS = (
    "Quarter", "Segment", "Priority", "Customer success", "Customer marketing", "Target", "Note", "Planned",
    "Accounts at start", "ARR at start", "NRR at start", "Accounts at end", "ARR at end", "NRR at end",
)  # fmt: skip


def _rows(given: Filters) -> QuerySet[Any]:
    rows: QuerySet[Focus] = Focus.objects.select_related("segment", "cs_owner", "marketing_owner", "tenant")
    rows = rows.filter(dropped_at__isnull=True)
    return rows.filter(quarter=given["quarter"][:6]) if given.get("quarter") else rows


def _cells(row: Focus) -> Sequence[Cell]:
    owners = [str(owner) if owner else "" for owner in (row.cs_owner, row.marketing_owner)]
    what = (row.quarter, row.segment.name, row.get_priority_display(), *owners, row.target, row.note, row.started_at)
    return (*what, *_figures(row, row.start), *_figures(row, row.ended))


def _figures(row: Focus, stored: dict[str, Any] | None) -> Sequence[Cell]:
    if stored is None:
        return (None, None, None)
    found = Figures.read(stored)
    return (found.accounts, Money(found.arr_minor, row.tenant.currency), found.nrr)


def register() -> None:
    nav_items.register(
        NavItem(
            "planning",
            "Planning",
            72,
            "metrics.view",
            "metrics:planning",
            icon="calendar-event",
            what="What both teams do this quarter for which segment, and who owns it.",
        )
    )
    export_lists.register(
        list_of(
            "planning", "Joint planning", permission="metrics.view", columns=COLUMNS, rows=_rows, cells=_cells,
            filters=("quarter",), order=150,
        )
    )  # fmt: skip
