"""What a rule says about accounts: one statement for any number of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.registry.facts import Fact
from hub.rules.columns import MOST, Query, parts, query_of, source_of
from hub.rules.compile import Clock, Daily, compile_sql, evaluate
from hub.rules.language import Node, facts_of, facts_of_days, unrolled
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import Question, ask, ask_all


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
    read = facts_of_days(node) | dict(tells or {})
    names = (*facts_of(node), *(tells or {}))
    query = query_of(read, clock)
    condition, params = compile_sql(node, clock, columns=_qualified(query))
    statement = f"SELECT x.*, ({condition}) IS TRUE FROM ({query.sql} OFFSET 0) x ORDER BY x.id"
    rows = ask(statement, [*params, *query.params, current_tenant_id(), list(account_ids)])
    return [Reading(row[0], row[-1], dict(zip(read, row[1:-1], strict=True)), names) for row in rows]


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


class FactReader:
    """Facts that are read again and again: their statements are made once a day."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self._queries = Daily(lambda clock: [(tuple(some), query_of(some, clock)) for some in parts(facts)])

    def read(self, account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, dict[str, Any]]:
        """The values for accounts, by account and name, in one statement for every 500 facts."""
        rows: dict[UUID, dict[str, Any]] = {}
        for names, query in self._queries.at(clock):
            for row in ask(query.sql, [*query.params, current_tenant_id(), list(account_ids)]):
                rows.setdefault(row[0], {}).update(zip(names, row[1:], strict=True))
        return rows


def read_facts(facts: Mapping[str, Fact], account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, dict[str, Any]]:
    """The values of facts for accounts, by account and name, in one statement for every 500 facts."""
    return FactReader(facts).read(account_ids, clock)


class RuleReader:
    """Rules that are asked together again and again: their statements are made once a day."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._statements = Daily(
            lambda clock: [_statement(some, facts, clock) for some, facts in _batches(nodes)], nodes
        )

    def true_of(self, account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, str]:
        """Which of the rules are true of each account: a text of one 0 or 1 for each rule, in their order.

        Nothing but that is read, in one statement for as many rules as read 500 facts together.
        """
        return self.answered(ask_all(self.questions(account_ids, clock)))

    def questions(self, account_ids: Sequence[UUID], clock: Clock) -> list[Question]:
        """The statements and their values, for who has more to ask in the same round trip."""
        # The same for every batch: to plan them takes longer than to run them for a few accounts.
        own = [current_tenant_id(), list(account_ids)]
        return [(sql, [*params, *own]) for sql, params in self._statements.at(clock)]

    @staticmethod
    def answered(rows: Iterable[Iterable[tuple[Any, ...]]]) -> dict[UUID, str]:
        """What the rows of all statements say, as `true_of`."""
        said: dict[UUID, str] = {}
        for some in rows:
            for pk, held in some:
                said[pk] = said.get(pk, "") + held
        return said


def true_rules(nodes: Sequence[Node], account_ids: Sequence[UUID], clock: Clock) -> dict[UUID, str]:
    """Which of several rules are true of each account, as `RuleReader` says it."""
    return RuleReader(nodes).true_of(account_ids, clock)


def _batches(nodes: Sequence[Node]) -> Iterator[tuple[list[Node], dict[str, Fact]]]:
    some: list[Node] = []
    facts: dict[str, Fact] = {}
    for node in nodes:
        own = facts_of_days(node)
        if some and len(facts | own) > MOST:
            yield some, facts
            some, facts = [], {}
        some.append(node)
        facts |= own
    yield some, facts


def _statement(nodes: Sequence[Node], facts: Mapping[str, Fact], clock: Clock) -> tuple[str, list[Any]]:
    """What asks some rules of the accounts of a tenant, and its parameters but for those two."""
    asked = Counter(name for node in nodes for name in facts_of_days(node))
    source = source_of(facts, clock, once=[name for name, times in asked.items() if times > 1])
    conditions = [compile_sql(node, clock, columns=source.columns) for node in nodes]
    said = " || ".join(f"(CASE WHEN {sql} THEN '1' ELSE '0' END)" for sql, _ in conditions) or "''"
    params = [param for _, own in conditions for param in own]
    sql = f"SELECT a.id, {said} FROM {source.tables} WHERE a.tenant_id = %s AND a.id = ANY(%s)"
    return sql, [*params, *source.params]


def _qualified(query: Query) -> dict[str, str]:
    return {name: f"x.{column}" for name, column in query.names.items()}
