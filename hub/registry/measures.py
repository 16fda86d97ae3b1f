"""Measures: facts that take arguments, such as how often one event was used in so many days.

An app says once how a number is read from what is dated; a rule names it with its arguments, and what comes of that
is a fact like any other. Because a measure is given its day, it can be asked about the past as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from hub.registry.base import Registry
from hub.registry.facts import TODAY, Aggregate, Expression, Fact, FactKind

MOST_DAYS: Final = 730
MOST_TEXT: Final = 200
Arguments: TypeAlias = Mapping[str, Any]


class ArgumentKind(StrEnum):
    """What an argument is: a number of days, or the name of something."""

    DAYS = "days"
    TEXT = "text"


class ArgumentError(ValueError):
    """Arguments that a measure does not take; ``name`` is the one that is wrong, "" for all of them."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a measure.

    Without a ``default`` it must be given; a text whose default is "" means any. ``choices`` are all it may be,
    ``suggest`` is the key of names to offer.
    """

    name: str
    label: str
    kind: ArgumentKind
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    suggest: str = ""

    def read(self, raw: object) -> Any:
        """The value given, or the default; raises ArgumentError."""
        if raw is None:
            if self.default is None:
                raise ArgumentError(self.name, f"say {self.label}")
            return self.default
        if self.kind is ArgumentKind.DAYS:
            return self._days(raw)
        return self._text(raw)

    def _days(self, raw: object) -> int:
        if type(raw) is not int or not 1 <= raw <= MOST_DAYS:
            raise ArgumentError(self.name, f"expected a whole number of days from 1 to {MOST_DAYS}")
        return raw

    def _text(self, raw: object) -> str:
        if (
            not isinstance(raw, str)
            or len(raw) > MOST_TEXT
            or "\x00" in raw
            or any("\ud800" <= c <= "\udfff" for c in raw)
        ):
            raise ArgumentError(self.name, f"expected a text of at most {MOST_TEXT} characters")
        if self.choices and raw not in {*dict(self.choices), self.default}:
            raise ArgumentError(self.name, f"expected one of {', '.join(dict(self.choices))}")
        if not raw and self.default is None:
            raise ArgumentError(self.name, f"say {self.label}")
        return raw


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that can be measured about an account.

    ``expression`` gives the SQL over the aliases of `Fact` for checked arguments: the value at the end of the day that
    `TODAY` stands for. One that reads what has no day, such as the role that somebody has now, is not ``dated`` and
    keeps no past. ``words`` names it with its arguments. ``title`` is what the form calls it before there are any.
    """

    name: str
    title: str
    kind: FactKind
    arguments: tuple[Argument, ...]
    expression: Callable[[Arguments], Expression]
    words: Callable[[Arguments], str]
    source: str
    freshness: str = "within seconds"
    unit: str = ""
    order: int = 100
    dated: bool = True

    @property
    def key(self) -> str:
        return self.name

    def fact(self, given: Mapping[str, object]) -> Fact:
        """The fact that the measure is with these arguments; raises ArgumentError."""
        takes = {argument.name for argument in self.arguments}
        if unknown := sorted(set(given) - takes):
            raise ArgumentError(unknown[0], f"{self.name} takes {' and '.join(sorted(takes)) or 'no arguments'}")
        values = {argument.name: argument.read(given.get(argument.name)) for argument in self.arguments}
        found = self.expression(values)
        listed = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return Fact(
            name=f"{self.name}({listed})",
            label=self.words(values),
            kind=self.kind,
            sql=found.sql,
            params=found.params,
            past=found if self.dated else None,
            source=self.source,
            freshness=self.freshness,
            unit=self.unit,
            order=self.order,
            measure=self.name,
            arguments=tuple(values.items()),
            utc=found.utc,
        )


measures: Registry[Measure] = Registry("measure")


def measure_of(name: object) -> Measure | None:
    """The measure of a name, None when there is none."""
    return measures.get(name) if isinstance(name, str) and name in measures else None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Names to offer for an argument, such as events: ``provide()`` reads those of the tenant in context.

    Where a name is a key that people do not know by heart, ``choices()`` reads (key, words), and nothing else is taken.
    """

    key: str
    provide: Callable[[], Sequence[str]]
    order: int = 100
    choices: Callable[[], Sequence[tuple[str, str]]] | None = None


suggestions: Registry[Suggestion] = Registry("suggestion")


def chosen_from(key: str) -> Sequence[tuple[str, str]]:
    """(key, words) of the names under a key that are chosen by their words, none when they are typed."""
    choices = suggestions.get(key).choices if key in suggestions else None
    return choices() if choices else ()


def suggested(key: str) -> Sequence[str]:
    """The names on offer under a key, none when nobody offers any."""
    return suggestions.get(key).provide() if key in suggestions else ()


# --- Measures of rows with a day ----------------------------------------------------------------------------------


def days(default: int | None = 30, label: str = "how many days") -> Argument:
    """The window of a measure: so many days, the last of them the day of asking."""
    return Argument("days", label, ArgumentKind.DAYS, default)


def span(given: Arguments) -> str:
    """The window in words."""
    return f"{given['days']} day{'' if given['days'] == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table with tenant and account that each have a day: ``moment`` is the column, a date or a UTC time.

    ``where`` leads from an argument to its condition with one %s, which an argument of "" does without. ``which`` is a
    further condition. The table goes by the alias ``u``. ``utc`` is False where the days are the tenant's.
    """

    table: str
    moment: str
    where: tuple[tuple[str, str], ...] = ()
    which: str = ""
    utc: bool = True

    def in_window(self, what: str, shape: str = "{0}") -> Callable[[Arguments], Expression]:
        """An aggregate over the window that ends with the day of asking, and what is made of it."""
        return lambda given: _made(shape, self.utc, self._aggregate(what, given, 0))

    def change(self, what: str) -> Callable[[Arguments], Expression]:
        """How an aggregate differs from the window before, in percent; missing when there was nothing before."""
        shape = "(100.0 * coalesce({0}, 0) / nullif({1}, 0) - 100)"
        return lambda given: _made(shape, self.utc, self._aggregate(what, given, 0), self._aggregate(what, given, 1))

    def so_far(self, what: str) -> Callable[[Arguments], Expression]:
        """An aggregate over everything up to the day of asking."""

        def expression(given: Arguments) -> Expression:
            equal, params = self._equal(given)
            sql = f"({self._from(what)} AND u.{self.moment} < %s::date + 1{equal})"
            return Expression(sql, (TODAY, *params), utc=self.utc)

        return expression

    def _aggregate(self, what: str, given: Arguments, back: int) -> Aggregate:
        equal, params = self._equal(given)
        which = (f"{self.which}{equal}" if self.which else equal).removeprefix(" AND ")
        first, end = given["days"] * (back + 1) - 1, given["days"] * back - 1
        return Aggregate(what, self.table, self.moment, first, end, which, params)

    def _from(self, what: str) -> str:
        also = f" AND {self.which}" if self.which else ""
        return f"SELECT {what} FROM {self.table} u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id{also}"

    def _equal(self, given: Arguments) -> tuple[str, tuple[Any, ...]]:
        named = [(condition, given[name]) for name, condition in self.where if given.get(name)]
        return "".join(f" AND {condition}" for condition, _ in named), tuple(value for _, value in named)


def _made(shape: str, utc: bool, *aggregates: Aggregate) -> Expression:
    """An expression of aggregates, each of which is a query of its own when it stands alone."""
    queries = [_query(aggregate) for aggregate in aggregates]
    return Expression(
        shape.format(*(sql for sql, _ in queries)),
        tuple(param for _, params in queries for param in params),
        aggregates,
        shape,
        utc,
    )


def _query(aggregate: Aggregate) -> tuple[str, tuple[Any, ...]]:
    own = f"u.tenant_id = a.tenant_id AND u.account_id = a.id{f' AND {aggregate.which}' if aggregate.which else ''}"
    moment = f"u.{aggregate.moment}"
    window = f"{moment} >= %s::date - %s::int AND {moment} < %s::date - %s::int"
    sql = f"(SELECT {aggregate.what} FROM {aggregate.table} u WHERE {own} AND {window})"
    return sql, (*aggregate.params, TODAY, aggregate.first, TODAY, aggregate.end)
