"""What a rule says about accounts: one statement for any number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from hub.registry.facts import Fact
from hub.rules.compile import Clock, compile_sql, evaluate, expression
from hub.rules.language import Node, facts_of, facts_of_days, unrolled
from hub.tenancy.context import current_tenant_id

TABLES = (
    "accounts_account a "
    "JOIN accounts_accountstate s ON s.tenant_id = a.tenant_id AND s.account_id = a.id "
    "JOIN accounts_accountfacts f ON f.tenant_id = a.tenant_id AND f.account_id = a.id"
)
"""The aliases over which facts are expressed."""
# PostgreSQL takes 1,664 columns; a few rules about many days running ask for more.
COLUMNS: Final = 500


@dataclass(frozen=True)
class Reading:
    """What a rule says about an account, with the values of the facts it reads."""

    account_id: UUID
    holds: bool
    row: Mapping[str, Any]
    names: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The facts that the rule reads today, and what it tells beside them; few readings are ever asked."""
        return {name: self.row[name] for name in self.names}


def read_rule(
    node: Node, account_ids: Sequence[UUID], clock: Clock, *, tells: Mapping[str, Fact] | None = None
) -> list[Reading]:
    """Evaluate a rule for a set of accounts in one statement, with its facts' values and those that it `tells` beside.

    In the order of the ids. Accounts without a fact row are left out.
    """
    wanted = facts_of(node) | dict(tells or {})
    condition, params = compile_sql(node, clock)
    columns, values = _columns(wanted.values(), clock)
    statement = (
        f"SELECT a.id, ({condition}) IS TRUE{columns} FROM {TABLES} "
        "WHERE a.tenant_id = %s AND a.id = ANY(%s) ORDER BY a.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*params, *values, current_tenant_id(), list(account_ids)])
        rows = cursor.fetchall()
    return [Reading(row[0], row[1], dict(zip(wanted, row[2:], strict=True)), tuple(wanted)) for row in rows]


def read_rules(
    asked: Sequence[tuple[Node, Mapping[str, Fact]]], account_ids: Sequence[UUID], clock: Clock
) -> list[list[Reading]]:
    """What each of several rules says about accounts, from a reading of every fact once.

    A rule comes with the facts that it tells beside its own. A list for each rule, in the order of the accounts' ids.
    """
    wanted = {name: fact for node, tells in asked for name, fact in (facts_of_days(node) | dict(tells)).items()}
    rows = sorted(read_facts(wanted, account_ids, clock).items())
    return [_readings(node, (*facts_of(node), *tells), rows, clock) for node, tells in asked]


def _readings(
    node: Node, names: tuple[str, ...], rows: Sequence[tuple[UUID, Mapping[str, Any]]], clock: Clock
) -> list[Reading]:
    plain = unrolled(node)
    return [Reading(pk, evaluate(plain, row, clock), row, names) for pk, row in rows]


def read_facts(facts: Mapping[str, Fact], account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, dict[str, Any]]:
    """The values of facts for accounts, by account and name, in one statement for every 500 facts."""
    names = list(facts)
    rows = _read([facts[name] for name in names[:COLUMNS]], names[:COLUMNS], account_ids, clock)
    for first in range(COLUMNS, len(names), COLUMNS):
        some = names[first : first + COLUMNS]
        for pk, values in _read([facts[name] for name in some], some, list(rows), clock).items():
            rows[pk] |= values
    return rows


def _read(
    facts: Sequence[Fact], names: Sequence[str], account_ids: Sequence[UUID], clock: Clock
) -> dict[UUID, dict[str, Any]]:
    columns, params = _columns(facts, clock)
    statement = f"SELECT a.id{columns} FROM {TABLES} WHERE a.tenant_id = %s AND a.id = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*params, current_tenant_id(), list(account_ids)])
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in cursor.fetchall()}


def _columns(facts: Any, clock: Clock) -> tuple[str, list[Any]]:
    found = [expression(fact, clock) for fact in facts]
    return "".join(f", ({sql})" for sql, _ in found), [param for _, params in found for param in params]
