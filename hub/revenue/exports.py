"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, Money, export_lists
from hub.revenue.models import ContractLine, Movement
from hub.tenancy.chunks import list_of, of_account

LINE = ("Account", "Source", "External id", "Product", "Tier", "Seats", "MRR", "Currency", "Starts", "Ends", "Renews")
MOVEMENT = ("Account", "Month", "Movement", "Type", "Amount", "Currency")


def register() -> None:
    export_lists.register(
        list_of(
            "contract-lines",
            "Contract lines",
            permission="accounts.view",
            columns=(*LINE, "Notice days", "Trial", "Auto-renew"),
            rows=_lines,
            cells=_line,
            filters=("account",),
            order=30,
        )
    )
    export_lists.register(
        list_of(
            "movements",
            "MRR movements",
            permission="metrics.view",
            columns=MOVEMENT,
            rows=_movements,
            cells=_movement,
            filters=("account", "overlap", "kind"),
            order=40,
        )
    )


def _lines(given: Filters) -> QuerySet[Any]:
    found: QuerySet[ContractLine] = ContractLine.objects.select_related("account")
    return of_account(found, given)


def _line(row: ContractLine) -> Sequence[Cell]:
    money = (Money(row.mrr_minor, row.currency), row.currency)
    what = (row.account.name, row.source, row.external_id, row.product, row.tier, row.seats)
    return (*what, *money, row.starts_on, row.ends_on, row.renews_on, row.notice_days, row.is_trial, row.auto_renew)


def _movements(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Movement] = Movement.objects.select_related("account")
    # One rule for overlapping lines at a time: both together would count the same money twice.
    found = found.filter(overlap=given.get("overlap", "sum"))
    if kind := given.get("kind"):
        found = found.filter(kind=kind)
    return of_account(found, given)


def _movement(row: Movement) -> Sequence[Cell]:
    amount = Money(row.amount_minor, row.currency)
    return (row.account.name, row.month, row.get_kind_display(), row.type, amount, row.currency)
