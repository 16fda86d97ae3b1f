"""Which accounts a rule is true of, among all of the tenant's or among some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from hub.rules.columns import TABLES
from hub.rules.compile import Clock, compile_sql
from hub.rules.language import Node
from hub.tenancy.context import current_tenant_id


@dataclass(frozen=True, slots=True)
class Matches:
    """How many accounts a rule is true of, and the first of them by name, as (id, name)."""

    count: int
    first: Sequence[tuple[UUID, str]]


def matches(node: Node, clock: Clock, *, but_not: Node | None = None, shown: int = 20) -> Matches:
    """The accounts that a rule is true of and another is not. One statement over all accounts with facts."""
    condition, params = compile_sql(node, clock, searching=True)
    where, values = f"a.tenant_id = %s AND ({condition})", [current_tenant_id(), *params]
    if but_not is not None:
        other, more = compile_sql(but_not, clock)
        where, values = f"{where} AND ({other}) IS NOT TRUE", [*values, *more]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) OVER (), a.id, a.name FROM {TABLES} WHERE {where} ORDER BY a.name, a.id LIMIT %s",
            [*values, shown],
        )
        rows = cursor.fetchall()
    return Matches(rows[0][0] if rows else 0, [(pk, name) for _, pk, name in rows])


def true_of(node: Node, account_ids: Sequence[UUID], clock: Clock) -> list[UUID]:
    """Those of the accounts that a rule is true of. One statement."""
    condition, params = compile_sql(node, clock)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.id FROM {TABLES} WHERE a.tenant_id = %s AND a.id = ANY(%s) AND ({condition})",
            [current_tenant_id(), list(account_ids), *params],
        )
        return [pk for (pk,) in cursor.fetchall()]
