"""The types of what accounts did over a window.

Expansion and contraction between its two ends; churn as the ledger has it. The ledger types single months; a window
nets once, between its ends, and so do its types.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from hub.revenue.models import Movement, MovementKind
from hub.revenue.movement_types import HeldLine, contraction_types, expansion_types, holdings
from hub.tenancy.context import current_tenant_id
from metrics.methodology import Methodology, months_back
from metrics.selectors import AccountMove, live_sql

Types = dict[str, int]


def window_types(moves: Sequence[AccountMove], *, as_of: date, months: int, method: Methodology) -> dict[UUID, Types]:
    """By account the types of its movement, with minor units that add up to it; new and reactivation have none.

    Two queries, whatever the number of accounts.
    """
    start = months_back(as_of, months)
    between = [move.account_id for move in moves if move.kind in (MovementKind.EXPANSION, MovementKind.CONTRACTION)]
    gone = {move.account_id: -move.change for move in moves if move.kind == MovementKind.CHURN}
    opening, closing = _held(between, start, as_of, method) if between else ({}, {})
    found: dict[UUID, Types] = {}
    for move in moves:
        if move.account_id in between:
            defined = expansion_types if move.kind == MovementKind.EXPANSION else contraction_types
            types = defined(*(holdings(end.get(move.account_id, [])) for end in (opening, closing)))
            found[move.account_id] = {str(name): amount for name, amount in types.items()}
    for account_id, kind in _churn_types(list(gone), start, as_of, method).items() if gone else ():
        found[account_id] = {kind: gone[account_id]}
    return found


Held = dict[UUID, list[HeldLine]]


def _held(account_ids: Sequence[UUID], start: date, as_of: date, method: Methodology) -> tuple[Held, Held]:
    """The lines that count at both ends, as the methodology has it."""
    statement = f"""
        SELECT l.account_id, l.external_id, l.product, l.tier, t.rank, coalesce(l.seats, 0), l.mrr_minor, l.starts_on,
            {live_sql("%(start)s", method)}, {live_sql("%(end)s", method)}
        FROM revenue_contractline l
        LEFT JOIN revenue_product p ON p.tenant_id = l.tenant_id AND p.name = l.product
        LEFT JOIN revenue_tier t ON t.tenant_id = l.tenant_id AND t.product_id = p.id AND t.name = l.tier
        WHERE l.tenant_id = %(tenant)s AND l.account_id = ANY(%(ids)s) AND NOT l.is_trial AND l.mrr_minor > 0"""
    ends: tuple[dict[UUID, list[tuple[date, HeldLine]]], ...] = (defaultdict(list), defaultdict(list))
    values: dict[str, Any] = {"tenant": current_tenant_id(), "ids": list(account_ids), "start": start, "end": as_of}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for account_id, external_id, product, tier, rank, seats, mrr, starts_on, *live in cursor.fetchall():
            for end, counts in zip(ends, live, strict=True):
                if counts:
                    end[account_id].append((starts_on, HeldLine(external_id, product, tier, rank, seats, mrr)))
    opening, closing = ({pk: _counted(lines, method) for pk, lines in end.items()} for end in ends)
    return opening, closing


def _counted(lines: list[tuple[date, HeldLine]], method: Methodology) -> list[HeldLine]:
    if method.overlap == "latest":
        lines = [max(lines, key=lambda line: (line[0], line[1].external_id))]
    return [line for _, line in lines]


def _churn_types(account_ids: Sequence[UUID], start: date, as_of: date, method: Methodology) -> dict[UUID, str]:
    """The type of the last churn that the ledger holds in the window."""
    rows = Movement.objects.filter(
        account_id__in=account_ids,
        kind=MovementKind.CHURN,
        overlap=method.overlap,
        month__gt=start.replace(day=1),
        month__lte=as_of,
    )
    return dict(rows.order_by("month").values_list("account_id", "type"))
