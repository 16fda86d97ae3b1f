"""Readiness on the account's page, in the navigation, among the saved views and the exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.template.loader import render_to_string

from hub.registry.exports import Cell, Filters, Money, export_lists
from hub.registry.lists import ViewedList, viewed_lists
from hub.registry.panels import AccountPanel, NavItem, account_panels, nav_items
from hub.tenancy.chunks import list_of
from signals.readiness.criteria import Kind
from signals.readiness.listing import PARAMETERS, ReadinessQuery, lines_of, readiness_rows
from signals.readiness.models import ExpansionReadiness

COLUMNS = (
    "Account", "Owner", "ARR", "Score", "Velocity", "Breadth", "Depth",
    *(f"{kind.words}: lacks" for kind in Kind), "Not met or unknown", "As of",
)  # fmt: skip


def account_panel(request: Any, account: Any) -> str:
    row = ExpansionReadiness.objects.filter(account=account).first()
    line = lines_of([row], request.tenant)[0] if row else None
    return render_to_string("signals/readiness/_account_panel.html", {"line": line}, request=request)


def _rows(given: Filters) -> QuerySet[Any]:
    return readiness_rows(ReadinessQuery.read(given)).select_related("account__owner", "account__tenant")


def _cells(row: ExpansionReadiness) -> Sequence[Cell]:
    owner = str(row.account.owner) if row.account.owner else ""
    lacking = sorted(key for key, state in row.states.items() if state != "met")
    return (
        row.account.name, owner, Money(row.mrr_minor * 12, row.account.tenant.currency), row.score,
        row.velocity, row.breadth, row.depth, row.lacks_seat, row.lacks_tier, row.lacks_cross_sell,
        ", ".join(lacking), row.computed_at,
    )  # fmt: skip


def register() -> None:
    nav_items.register(
        NavItem(
            "expansion",
            "Expansion",
            35,
            "signals.view",
            "readiness:list",
            icon="trending-up",
            what="Accounts that are ready for more seats, a higher tier or another product.",
        )
    )
    account_panels.register(AccountPanel("expansion", "Expansion readiness", 18, "accounts.view", account_panel))
    viewed_lists.register(ViewedList("expansion", "Expansion", "signals.view", "readiness:list", PARAMETERS, order=35))
    export_lists.register(
        list_of(
            "expansion", "Expansion readiness", permission="signals.view", columns=COLUMNS, rows=_rows, cells=_cells,
            filters=PARAMETERS, order=105,
        )
    )  # fmt: skip
