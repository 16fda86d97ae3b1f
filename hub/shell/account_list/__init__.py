"""The list of accounts: columns, filters, order and pages, all of it in the URL."""

from hub.shell.account_list.columns import Column
from hub.shell.account_list.query import UNOWNED, AccountQuery, Asked, asked
from hub.shell.account_list.reading import AccountRow, AccountTotals, accounts_count, accounts_page, accounts_totals

__all__ = [
    "UNOWNED",
    "AccountQuery",
    "AccountRow",
    "AccountTotals",
    "Asked",
    "Column",
    "accounts_count",
    "accounts_page",
    "accounts_totals",
    "asked",
]
