"""The list of accounts as a file: the same statement, filters, columns and order as the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hub.accounts.models import LifecycleStage
from hub.registry.exports import Cell, ExportList, ExportPage, Filters, Money, export_lists
from hub.registry.facts import FactKind
from hub.shell.account_list import AccountQuery, AccountRow, Asked, Column, accounts_count, accounts_page, asked
from hub.shell.account_list.query import PARAMETERS, rule_problem
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

COLUMNS = ("Account", "Domain", "Segment", "Stage", "Owner", "MRR", "Currency", "Renewal", "Uses in 30 days")
KEYS = ("domain", "segment", "stage", "owner", "mrr_minor", "renews_on", "usage_30d")
CURRENCY = "Currency"


def register() -> None:
    export_lists.register(
        ExportList(
            key="accounts",
            title="Accounts",
            permission="accounts.view",
            columns=COLUMNS,
            page=_page,
            count=lambda given: accounts_count(_asked(given)),
            filters=PARAMETERS,
            order=10,
            head=lambda given: list(_titles(_asked(given))),
            check=rule_problem,
        )
    )


def _asked(given: Filters, cursor: str = "") -> Asked:
    query = AccountQuery.read(given)
    columns = query.columns if given.get("columns") else KEYS
    return asked(replace(query, columns=columns, cursor=cursor))


def _titles(wanted: Asked) -> Iterator[str]:
    """The heads of the file; the first amount brings its currency along."""
    yield "Account"
    first = _first_money(wanted)
    for column in wanted.columns:
        yield column.title
        if column is first:
            yield CURRENCY


def _first_money(wanted: Asked) -> Column | None:
    return next((column for column in wanted.columns if column.kind == FactKind.MONEY), None)


def _page(given: Filters, cursor: str, size: int) -> ExportPage:
    currency = Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id())
    wanted = _asked(given, cursor)
    page = accounts_page(wanted, size=size)
    return ExportPage([_cells(row, wanted, currency) for row in page.rows], page.next_cursor)


def _cells(row: AccountRow, wanted: Asked, currency: str) -> Sequence[Cell]:
    cells: list[Cell] = [row.name]
    first = _first_money(wanted)
    for column, value in zip(wanted.columns, row.values, strict=True):
        cells.append(_cell(column, value, currency))
        if column is first:
            cells.append(currency)
    return cells


def _cell(column: Column, value: Any, currency: str) -> Cell:
    if value is None:
        return None
    match column.kind:
        case FactKind.MONEY:
            return Money(value, currency)
        case FactKind.SET:
            return ", ".join(sorted(value))
        case "stage":
            return str(LifecycleStage(value).label)
        case _:
            known: Cell = value
            return known
