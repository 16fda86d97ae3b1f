"""The list of accounts as a file: the same statement, filters and order as the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.registry.exports import Cell, ExportList, ExportPage, Filters, Money, export_lists
from hub.shell.account_list import AccountQuery, AccountRow, accounts_page, accounts_totals
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

COLUMNS = ("Account", "Domain", "Segment", "Stage", "Owner", "MRR", "Currency", "Renewal", "Uses in 30 days")


def register() -> None:
    export_lists.register(
        ExportList(
            key="accounts",
            title="Accounts",
            permission="accounts.view",
            columns=COLUMNS,
            page=_page,
            count=lambda given: accounts_totals(AccountQuery.read(given)).count,
            filters=("q", "owner", "stage", "sort"),
            order=10,
        )
    )


def _page(given: Filters, cursor: str, size: int) -> ExportPage:
    currency = Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id())
    page = accounts_page(replace(AccountQuery.read(given), cursor=cursor), size=size)
    return ExportPage([_cells(row, currency) for row in page.rows], page.next_cursor)


def _cells(row: AccountRow, currency: str) -> Sequence[Cell]:
    mrr = None if row.mrr_minor is None else Money(row.mrr_minor, currency)
    what = (row.name, row.domain, row.segment, row.stage_label, row.owner)
    return (*what, mrr, currency, row.renews_on, row.usage_30d)
