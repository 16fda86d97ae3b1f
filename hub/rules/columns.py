"""The facts of some accounts as one query reads them: rows with a day are walked once for all their windows.

Forty rules ask for some thirty numbers about the same rows of use, of tickets or of answers. Each by itself is a query
per account; together they are one walk over an account's rows, and each number is an aggregate with its own filter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from hub.registry.facts import Aggregate, Expression, Fact
from hub.rules.compile import Clock, expression_of

TABLES: Final = (
    "accounts_account a "
    "JOIN accounts_accountstate s ON s.tenant_id = a.tenant_id AND s.account_id = a.id "
    "JOIN accounts_accountfacts f ON f.tenant_id = a.tenant_id AND f.account_id = a.id"
)
"""The aliases over which facts are expressed."""
# PostgreSQL takes 1,664 columns; a few rules about days running ask for more.
MOST: Final = 500
Params: TypeAlias = list[Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts are read from: what follows FROM, up to the account's own condition, and its parameters.

    ``columns`` leads from the name of a fact to its value there; one that is not in it is read by its own expression.
    """

    tables: str
    params: Params
    columns: Mapping[str, str]


def source_of(facts: Mapping[str, Fact], clock: Clock, *, once: Collection[str] = ()) -> Source:
    """The tables for facts (at most `MOST`) as they are at the clock. What is asked for ``once`` is read for every
    account, however often it is named; other queries are run where they are named, and not at all when nobody asks."""
    walks = _Walks()
    columns = {}
    for name, fact in facts.items():
        expression, day = expression_of(fact, clock)
        if expression.aggregates:
            columns[name] = f"({walks.made(expression, day)})"
        elif name in once and "SELECT" in expression.sql:
            columns[name] = walks.read(expression, day)
    joins, params = walks.joins()
    return Source(f"{TABLES}{joins}", params, columns)


@dataclass(frozen=True, slots=True)
class Query:
    """A query of accounts (``id``) with a column for each fact, for the accounts of a tenant given by ids.

    ``names`` leads from a fact's name to its column. The parameters end with the tenant's id and the list of ids.
    """

    sql: str
    params: Params
    names: Mapping[str, str]


def query_of(facts: Mapping[str, Fact], clock: Clock) -> Query:
    """The query for facts (at most `MOST`), as they are at the clock."""
    source = source_of(facts, clock)
    columns: list[str] = []
    params: Params = []
    names = {}
    for name, fact in facts.items():
        expression, day = expression_of(fact, clock)
        sql, own = (source.columns[name], ()) if name in source.columns else expression.at(day)
        names[name] = f"c{len(columns)}"
        columns.append(f", ({sql}) AS {names[name]}")
        params += own
    sql = f"SELECT a.id{''.join(columns)} FROM {source.tables} WHERE a.tenant_id = %s AND a.id = ANY(%s)"
    return Query(sql, [*params, *source.params], names)


def parts(facts: Mapping[str, Fact]) -> Iterator[Mapping[str, Fact]]:
    """The facts, in as many parts as a query takes at once; one when there are none."""
    names = list(facts)
    for first in range(0, len(names) or 1, MOST):
        yield {name: facts[name] for name in names[first : first + MOST]}


@dataclass
class _Walk:
    """One walk over the rows of a table, and what is counted on the way; windows as (first day, day after)."""

    found: dict[tuple[str, str, tuple[Any, ...], date, date], str] = field(default_factory=dict)

    def add(self, aggregate: Aggregate, day: date) -> str:
        since, until = day - timedelta(days=aggregate.first), day - timedelta(days=aggregate.end)
        key = (aggregate.what, aggregate.which, aggregate.params, since, until)
        return self.found.setdefault(key, f"w{len(self.found)}")

    def sql(self, table: str, moment: str) -> tuple[str, Params]:
        counted, params = [], []
        for (what, which, own, since, until), name in self.found.items():
            also = f" AND {which}" if which else ""
            counted.append(f"{what} FILTER (WHERE u.{moment} >= %s::date AND u.{moment} < %s::date{also}) AS {name}")
            params += [since, until, *own]
        params += [min(key[3] for key in self.found), max(key[4] for key in self.found)]
        sql = (
            f"SELECT {', '.join(counted)} FROM {table} u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id"
            f" AND u.{moment} >= %s::date AND u.{moment} < %s::date"
        )
        return sql, params


class _Walks:
    """The walks that a query needs, by table and moment, and what else is read once for every account."""

    def __init__(self) -> None:
        self._walks: dict[tuple[str, str], tuple[str, _Walk]] = {}
        self._read: list[tuple[str, Iterable[Any]]] = []

    def made(self, expression: Expression, day: date) -> str:
        """An expression of aggregates, by what the walks count."""
        return expression.shape.format(*(self._counted(aggregate, day) for aggregate in expression.aggregates))

    def _counted(self, aggregate: Aggregate, day: date) -> str:
        found = (f"g{len(self._walks)}", _Walk())
        alias, walk = self._walks.setdefault((aggregate.table, aggregate.moment), found)
        return f"{alias}.{walk.add(aggregate, day)}"

    def read(self, expression: Expression, day: date) -> str:
        """Any other expression, read once; behind OFFSET it stays what it is, a value."""
        sql, params = expression.at(day)
        self._read.append((f"SELECT ({sql}) AS v OFFSET 0", params))
        return f"h{len(self._read) - 1}.v"

    def joins(self) -> tuple[str, Params]:
        """The joins that lead to all of it."""
        walked = [(alias, walk.sql(*place)) for place, (alias, walk) in self._walks.items()]
        found = [*walked, *((f"h{place}", entry) for place, entry in enumerate(self._read))]
        joins = "".join(f" CROSS JOIN LATERAL ({sql}) {alias}" for alias, (sql, _) in found)
        return joins, [param for _, (_, params) in found for param in params]
