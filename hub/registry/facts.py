"""Facts: what an app adds to the rule language."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

from hub.registry.base import Registry, RegistryError

# A measure's name goes on with its arguments, that of an earlier day with how many days ago.
_NAME = re.compile(r"(?:attribute\.)?[a-z][a-z0-9_]{0,62}(?:\(.*\))?(?:@\d+)?\Z", re.DOTALL)


class Day(Enum):
    """Stands in the parameters of an expression for a day that is known only when a rule is asked."""

    TODAY = "today"


TODAY: Final = Day.TODAY


def day_of_rows(today: date, now: datetime) -> date:
    """Up to which day rows that belong to UTC days count at a moment that is ``today`` for the tenant.

    In the evening west of Greenwich it is the next day already in UTC: what happens then must not wait for midnight.
    """
    utc = now.astimezone(UTC).date()
    return utc if utc - today == timedelta(days=1) else today


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate (``what``) over the rows of ``table`` that an account has in a window of days.

    The rows go by the alias ``u``; ``moment`` is their day, from ``first`` days before the day of asking to the start
    of the day ``end`` days before it. ``which`` is a further condition with %s for ``params``, or "". Those of one
    table and moment can be read in one walk over its rows, which is why they are told apart from the SQL.
    """

    what: str
    table: str
    moment: str
    first: int
    end: int
    which: str = ""
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """SQL with %s for its parameters; `TODAY` among them becomes the tenant's day at which the rule is asked.

    One that is made of nothing but ``aggregates`` says so, and in its ``shape`` how: ``{0}`` stands for the first.
    ``utc``: its rows belong to UTC days, and are asked for up to `day_of_rows`.
    """

    sql: str
    params: tuple[Any, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    shape: str = ""
    utc: bool = False

    def at(self, today: date) -> tuple[str, tuple[Any, ...]]:
        """The SQL and its parameters on a day."""
        return self.sql, tuple(today if param is TODAY else param for param in self.params)


class FactKind(StrEnum):
    """The type of a fact; it decides which operators apply."""

    NUMBER = "number"
    MONEY = "money"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known about an account.

    ``sql`` is a trusted expression (never user input) over the fixed aliases ``a``
    (accounts_account), ``s`` (accounts_accountstate) and ``f`` (accounts_accountfacts). Its SQL
    type follows the kind: number → any numeric, money → bigint minor units, text → text,
    boolean, date, datetime → timestamptz, set → text[]. NULL means *missing*; so do the empty
    text and the empty set. A fact that is a row elsewhere also says where: ``members`` selects tenant and account of
    those rows, ending in a WHERE clause, and ``member_sql`` is their value, so that a comparison walks their index
    instead of asking every account. ``unit`` is shown after a value (``%``, ``days``, a currency code),
    ``source`` and ``freshness`` say where it comes from and how old it may be.

    A fact whose value at the end of an earlier day can still be told carries the expression that tells it in ``past``;
    ``ago`` asks for the value that many days ago. ``measure`` and ``arguments`` say what a measure's fact was made of;
    its ``sql`` may then hold %s for ``params``, in which `TODAY` stands for the day. ``utc`` is that of its expression.
    """

    name: str
    label: str
    kind: FactKind
    sql: str
    source: str
    freshness: str
    unit: str = ""
    order: int = 100
    members: str = ""
    member_sql: str = ""
    params: tuple[Any, ...] = ()
    past: Expression | None = None
    ago: int = 0
    measure: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()
    utc: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FactKind(self.kind))
        if not _NAME.match(self.name):
            raise RegistryError(f"fact name {self.name!r} must be lower_snake_case")
        text = self.sql.replace("%s", "") if self.measure else self.sql
        if "%" in text + self.members + self.member_sql:
            # The expression is pasted into a statement with %s parameters.
            raise RegistryError(f"fact {self.name!r}: write mod(), not the percent sign, in sql")

    @property
    def key(self) -> str:
        return self.name

    @property
    def by_utc(self) -> bool:
        """Whether it is made of rows that belong to UTC days."""
        return self.utc or (self.past is not None and self.past.utc)

    def days_ago(self, days: int) -> "Fact":
        """The same fact as it was so many days before; raises RegistryError when that is not known."""
        if not days:
            return self
        if self.past is None:
            raise RegistryError(f"{self.name} keeps no past")
        return replace(self, name=f"{self.name}@{self.ago + days}", ago=self.ago + days)


facts: Registry[Fact] = Registry("fact")


@dataclass(frozen=True, slots=True)
class FactProvider:
    """Facts that each tenant defines for itself: their names begin with ``prefix``.

    ``provide()`` reads those of the tenant in context.
    """

    key: str
    prefix: str
    provide: Callable[[], Sequence[Fact]]
    order: int = 100


providers: Registry[FactProvider] = Registry("fact provider")


class KnownFacts(Mapping[str, Fact]):
    """Every fact that rules of the tenant in context may name; what tenants define is read when it is asked for."""

    def __init__(self) -> None:
        self._own: dict[str, dict[str, Fact]] = {}

    def __getitem__(self, name: str) -> Fact:
        if name in facts:
            return facts.get(name)
        for provider in providers:
            if name.startswith(provider.prefix):
                return self._provided(provider)[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from facts.as_mapping()
        for provider in providers:
            yield from self._provided(provider)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _provided(self, provider: FactProvider) -> dict[str, Fact]:
        if provider.key not in self._own:
            self._own[provider.key] = {fact.name: fact for fact in provider.provide()}
        return self._own[provider.key]


def known_facts() -> Mapping[str, Fact]:
    """The facts of this moment; make it anew for every piece of work."""
    return KnownFacts()


Refresh: TypeAlias = Callable[[Sequence[UUID], date], None]


@dataclass(frozen=True, slots=True)
class FactColumns:
    """Columns of the fact rows that an app keeps up; one statement brings those of all apps up to date.

    ``columns`` leads from each column to its SQL over ``a`` (accounts_account) and the aliases of ``tables``: joins
    that each read the account's own rows, by index, and give one row. In both stand, for parameters, ``%(today)s``
    (the tenant's day) and, for rows that belong to UTC days, ``%(until)s`` (that of `day_of_rows`), ``%(monday)s`` of
    its week, ``%(month)s`` and ``%(quarter)s`` (30 and 90 days before it); each with its type, ``::date``.
    """

    key: str
    columns: Mapping[str, str]
    tables: str
    order: int = 100


fact_columns: Registry[FactColumns] = Registry("fact columns")


@dataclass(frozen=True, slots=True)
class FactRefresher:
    """Recomputes what an app keeps beside the fact rows of accounts.

    ``refresh(account_ids, today)`` runs inside the tenant's context, before the columns; ``today`` is the tenant's day.
    """

    key: str
    refresh: Refresh
    order: int = 100


refreshers: Registry[FactRefresher] = Registry("fact refresher")
