"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Max, QuerySet

from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account
from qbr.models import Qbr


def register() -> None:
    export_lists.register(
        list_of(
            "qbrs",
            "QBRs",
            permission="qbr.view",
            columns=("Account", "Quarter", "Edited", "Shared", "Read by the customer"),
            rows=_qbrs,
            cells=_qbr,
            filters=("account", "quarter"),
            order=130,
        )
    )


def _qbrs(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Qbr] = Qbr.objects.select_related("account").annotate(read_at=Max("reads__last_at"))
    if quarter := given.get("quarter"):
        found = found.filter(quarter=quarter)
    return of_account(found, given)


def _qbr(row: Any) -> Sequence[Cell]:
    return (row.account.name, row.quarter, row.edited_at, row.shared_at, row.read_at)
