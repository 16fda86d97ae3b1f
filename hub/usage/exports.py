"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account
from hub.usage.models import UsageDaily


def register() -> None:
    export_lists.register(
        list_of(
            "usage",
            "Usage by day",
            permission="accounts.view",
            columns=("Account", "Day (UTC)", "Event", "Times"),
            rows=_usage,
            cells=_day,
            filters=("account", "name"),
            order=70,
        )
    )


def _usage(given: Filters) -> QuerySet[Any]:
    found: QuerySet[UsageDaily] = UsageDaily.objects.select_related("account")
    if name := given.get("name"):
        found = found.filter(name=name)
    return of_account(found, given)


def _day(row: UsageDaily) -> Sequence[Cell]:
    return (row.account.name, row.day, row.name, row.count)
