"""A rule as SQL for sets and as Python for one account; a test holds both equal.

Missing facts (NULL, empty text, empty set) make a comparison false. In SQL a comparison over
NULL is NULL, and AND/OR carry it like false as far as a WHERE clause is concerned, so only the
child of a ``not`` is folded to two values (``IS NOT TRUE``). Plain comparisons elsewhere keep
their indexes usable.

Dates are compared with ``Clock.today`` (the tenant's calendar day; those of rows that belong to UTC days with
``Clock.rows_until``), date-times with ``Clock.now``. *Within N days before* means that the date lies ahead,
today … today + N; *within N days after* that it lies behind, today − N … today; *within N days of* either; both ends
included.

A clock of the ``past`` asks what each fact was at the end of that day. What keeps no past cannot be asked
(``keeps_past``).
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeAlias, TypeVar

from hub.registry.facts import Expression, Fact, FactKind, day_of_rows
from hub.rules.language import WITHIN, AllOf, AnyOf, Compare, Node, Not, Op, Scalar, Sustained, comparisons

Params: TypeAlias = tuple[Any, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment a rule is asked: an aware time, and the tenant's calendar day at it; ``past``: a day gone by."""

    now: datetime
    today: date
    past: bool = False

    @property
    def rows_until(self) -> date:
        """The day up to which rows that belong to UTC days count."""
        return self.today if self.past else day_of_rows(self.today, self.now)


class Daily(Generic[T]):
    """What is made of rules or facts for a clock, such as their SQL: kept until a clock asks for something else.

    That is another day; another moment, too, where one of the ``nodes`` compares with the moment itself.
    """

    def __init__(self, make: Callable[[Clock], T], nodes: Iterable[Node] = ()) -> None:
        self._make = make
        self._by_moment = any(
            leaf.op in WITHIN and leaf.fact.kind is FactKind.DATETIME for node in nodes for leaf in comparisons(node)
        )
        self._made: tuple[object, T] | None = None

    def at(self, clock: Clock) -> T:
        key = (clock.today, clock.rows_until, clock.past, clock.now if self._by_moment else None)
        made = self._made
        if made is None or made[0] != key:
            made = self._made = key, self._make(clock)
        return made[1]


def keeps_past(node: Node) -> bool:
    """Whether a rule can be asked about a day gone by."""
    return all(leaf.fact.past is not None for leaf in comparisons(node))


def expression_of(fact: Fact, clock: Clock) -> tuple[Expression, date]:
    """What tells a fact's value and the day it is asked about; raises ValueError for a past that is not kept."""
    if not fact.ago and not clock.past:
        # A measure with a past tells today by the same expression.
        found = (fact.measure and fact.past) or Expression(fact.sql, fact.params, utc=fact.utc)
        return found, clock.rows_until if found.utc else clock.today
    if fact.past is None:
        raise ValueError(f"{fact.name} keeps no past")
    return fact.past, (clock.rows_until if fact.past.utc else clock.today) - timedelta(days=fact.ago)


def expression(fact: Fact, clock: Clock) -> tuple[str, Params]:
    """The SQL of a fact's value and its parameters; raises ValueError for a past that is not kept."""
    found, day = expression_of(fact, clock)
    return found.at(day)


# --- SQL -----------------------------------------------------------------------------------

_SYMBOLS: Final = {Op.EQ: "=", Op.NE: "<>", Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}
_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_FOLD: Final = str.maketrans(_UPPER, _LOWER)


def compile_sql(
    node: Node, clock: Clock, *, searching: bool = False, columns: Mapping[str, str] | None = None
) -> tuple[str, Params]:
    """``(sql, params)`` of a WHERE condition with %s placeholders over the facts' aliases.

    ``searching`` among all accounts, a fact that is a row elsewhere is looked up by its value there; asked of a few
    known accounts it is better read account by account. ``columns`` hold values that have been read already, by the
    fact's name.

    A row for which the rule is false may give false or NULL; never select the expression itself.
    """
    match node:
        case Compare():
            return _sql_compare(node, clock, searching, columns or {})
        case Not(child):
            sql, params = compile_sql(child, clock, searching=searching, columns=columns)
            return f"({sql}) IS NOT TRUE", params
        case AllOf(children):
            found, word, empty = children, " AND ", "TRUE"
        case AnyOf(children):
            found, word, empty = children, " OR ", "FALSE"
        case Sustained():
            # Of the days before nothing is kept that could be searched by value.
            found, word, empty, searching = node.each_day(), " AND ", "TRUE", False
    parts = [compile_sql(child, clock, searching=searching, columns=columns) for child in found]
    if not parts:
        return empty, ()
    # Of known accounts nothing is searched by index, and after a false part nothing more is read; a missing one is not
    # false to SQL.
    told = "" if columns is None else " IS TRUE"
    return word.join(f"({sql}){told}" for sql, _ in parts), tuple(p for _, params in parts for p in params)


def _sql_compare(compare: Compare, clock: Clock, searching: bool, columns: Mapping[str, str]) -> tuple[str, Params]:
    fact = compare.fact
    if searching and fact.members and compare.op is not Op.IS_NOT_SET and not clock.past:
        # A missing value makes every other comparison false, and is no member.
        sql, params = _SQL[compare.op](_folded(compare, fact.member_sql), compare, clock)
        return f"(a.tenant_id, a.id) IN ({fact.members} AND {sql})", params
    value, before = (columns[fact.name], ()) if fact.name in columns else expression(fact, clock)
    sql, params = _SQL[compare.op](_folded(compare, value), compare, clock)
    if compare.op in (Op.CONTAINS, Op.CONTAINS_ANY) and fact.kind is FactKind.SET:
        # The constant stands before the fact.
        return sql, (*params, *before)
    return sql, (*before, *params)


def _folded(compare: Compare, value: str) -> str:
    sql = f"({value})"
    # Equality with a constant, which is never empty, needs no folding and keeps its index.
    if compare.fact.kind is FactKind.TEXT and compare.op not in (Op.EQ, Op.IN):
        return f"NULLIF({sql}, '')"
    return sql


def _sql_plain(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    return f"{sql} {_SYMBOLS[compare.op]} %s", (compare.value,)


def _sql_between(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    return f"{sql} BETWEEN %s AND %s", _many(compare)


def _sql_in(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    word = "= ANY" if compare.op is Op.IN else "<> ALL"
    values = _many(compare)
    if compare.fact.kind is FactKind.NUMBER:
        # One array has one element type.
        values = tuple(Decimal(str(value)) for value in values)
    return f"{sql} {word}(%s)", (list(values),)


def _sql_contains(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    if compare.fact.kind is FactKind.SET:
        return f"%s = ANY({sql})", (compare.value,)
    return (
        f"strpos(translate({sql}, '{_UPPER}', '{_LOWER}'), %s) > 0",
        (str(compare.value).translate(_FOLD),),
    )


def _sql_contains_any(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    return f"%s::text[] && {sql}", (list(_many(compare)),)


def _sql_within(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    return f"{sql} BETWEEN %s AND %s", _within(compare, clock)


def _sql_presence(sql: str, compare: Compare, clock: Clock) -> tuple[str, Params]:
    if compare.fact.kind is FactKind.SET:
        return f"COALESCE(cardinality({sql}), 0) {'>' if compare.op is Op.IS_SET else '='} 0", ()
    return f"{sql} IS {'NOT ' if compare.op is Op.IS_SET else ''}NULL", ()


_SQL: Final[Mapping[Op, Callable[[str, Compare, Clock], tuple[str, Params]]]] = {
    **dict.fromkeys(_SYMBOLS, _sql_plain),
    Op.BETWEEN: _sql_between,
    Op.IN: _sql_in,
    Op.NOT_IN: _sql_in,
    Op.CONTAINS: _sql_contains,
    Op.CONTAINS_ANY: _sql_contains_any,
    **dict.fromkeys(WITHIN, _sql_within),
    Op.IS_SET: _sql_presence,
    Op.IS_NOT_SET: _sql_presence,
}


# --- Python --------------------------------------------------------------------------------

_COMPARE: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}


def evaluate(node: Node, values: Mapping[str, object], clock: Clock) -> bool:
    """Whether the rule holds for one account's facts (name → value; absent means missing).

    Values: int, float or Decimal, str, bool, date, aware datetime, and any collection of str
    for a set; what the fact's SQL would give. With ``sustained`` they are those of `facts_of_days`.
    """
    match node:
        case Compare():
            return holds(node, values, clock)
        case Not(child):
            return not evaluate(child, values, clock)
        case AllOf(children):
            return all(evaluate(child, values, clock) for child in children)
        case AnyOf(children):
            return any(evaluate(child, values, clock) for child in children)
        case Sustained():
            return all(evaluate(child, values, clock) for child in node.each_day())


def holds(compare: Compare, values: Mapping[str, object], clock: Clock) -> bool:
    """Whether one comparison holds."""
    value = seen(compare, values)
    if compare.op in (Op.IS_SET, Op.IS_NOT_SET):
        return (value is not None) is (compare.op is Op.IS_SET)
    return value is not None and _test(compare, value, clock)


def seen(compare: Compare, values: Mapping[str, object]) -> Any:
    """The value of a comparison's fact, None when missing; floats in their decimal reading."""
    value = values.get(compare.fact.name)
    if isinstance(value, float):
        return Decimal(repr(value))
    if compare.fact.kind in (FactKind.TEXT, FactKind.SET) and not value:
        return None
    return value


def _test(compare: Compare, value: Any, clock: Clock) -> bool:
    match compare.op:
        case Op.IN:
            return value in _many(compare)
        case Op.NOT_IN:
            return value not in _many(compare)
        case Op.CONTAINS if compare.fact.kind is FactKind.TEXT:
            return str(compare.value).translate(_FOLD) in str(value).translate(_FOLD)
        case Op.CONTAINS:
            return compare.value in value
        case Op.CONTAINS_ANY:
            return not set(_many(compare)).isdisjoint(value)
        case Op.BETWEEN | Op.WITHIN_DAYS_BEFORE | Op.WITHIN_DAYS_AFTER | Op.WITHIN_DAYS_OF:
            low, high = _many(compare) if compare.op is Op.BETWEEN else _within(compare, clock)
            return bool(low <= value <= high)
        case _:
            return _COMPARE[compare.op](value, compare.value)


def _many(compare: Compare) -> tuple[Any, ...]:
    value = compare.value
    if not isinstance(value, tuple):
        raise TypeError(f"{compare.op} carries a list of constants")
    return value


def _within(compare: Compare, clock: Clock) -> tuple[Any, Any]:
    today = clock.rows_until if compare.fact.by_utc else clock.today
    start: Scalar = clock.now if compare.fact.kind is FactKind.DATETIME else today
    if not isinstance(compare.value, int) or not isinstance(start, date):
        raise TypeError(f"{compare.op} carries a number of days")
    start -= timedelta(days=compare.ago)
    span = timedelta(days=compare.value)
    low = start if compare.op is Op.WITHIN_DAYS_BEFORE else start - span
    return low, start if compare.op is Op.WITHIN_DAYS_AFTER else start + span
