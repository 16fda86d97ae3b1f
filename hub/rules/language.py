"""Rule language v1: a typed JSON tree over account facts.

A tree is one of ``{"all": [tree, …]}``, ``{"any": [tree, …]}``, ``{"not": tree}`` or a comparison
``{"fact": name, "op": operator, "value": constant}``. ``all`` of nothing is true, ``any`` of
nothing is false. Constants: numbers as JSON numbers, money in minor units (integers), dates and
date-times as ISO 8601 text (a date-time needs its offset), ``in``/``not_in`` take a list,
``between`` a list of two (both ends included), ``within_days_*`` a number of days.

Truth is two-valued: a comparison over a missing fact is false, whatever the operator (``ne`` and
``not_in`` too), and ``not`` of it is therefore true. ``is_not_set`` asks for missing facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from hub.registry.facts import Fact, FactKind

MAX_DEPTH: Final = 8
MAX_NODES: Final = 200
MAX_LIST: Final = 500
MAX_TEXT: Final = 500
MAX_DAYS: Final = 36_500
MAX_NUMBER: Final = 2**53 - 1
"""The integers that JSON carries exactly and that float8 columns compare exactly."""


class Op(StrEnum):
    """Operators of a comparison."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    WITHIN_DAYS_BEFORE = "within_days_before"
    WITHIN_DAYS_AFTER = "within_days_after"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"


_PRESENCE = (Op.IS_SET, Op.IS_NOT_SET)
_ORDERED = (Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN)
_DATES = (*_ORDERED, Op.WITHIN_DAYS_BEFORE, Op.WITHIN_DAYS_AFTER, *_PRESENCE)
OPERATORS: Final[Mapping[FactKind, tuple[Op, ...]]] = {
    FactKind.NUMBER: (*_ORDERED, Op.IN, Op.NOT_IN, *_PRESENCE),
    FactKind.MONEY: (*_ORDERED, Op.IN, Op.NOT_IN, *_PRESENCE),
    FactKind.TEXT: (Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.CONTAINS, *_PRESENCE),
    FactKind.BOOLEAN: (Op.EQ, Op.NE, *_PRESENCE),
    FactKind.DATE: _DATES,
    FactKind.DATETIME: _DATES,
    FactKind.SET: (Op.CONTAINS, *_PRESENCE),
}
"""Which operators a fact of each kind takes; the form builder reads it too."""

Scalar: TypeAlias = int | Decimal | str | bool | date | datetime
Constant: TypeAlias = Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; ``value`` is normalised (Decimal, date, aware datetime, tuple)."""

    fact: Fact
    op: Op
    value: Constant


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every child is."""

    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one child is."""

    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the child is false."""

    child: "Node"


Node: TypeAlias = Compare | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and where; ``pointer`` is an RFC 6901 JSON pointer, "" for the whole tree."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


class RuleError(ValueError):
    """A tree that is not a rule, with every problem found in it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


class _Wrong(ValueError):
    """A constant of the wrong type; the message says what was expected."""


def parse(tree: object, facts: Mapping[str, Fact]) -> Node:
    """The typed rule of a decoded JSON tree; raises RuleError naming every problem."""
    reader = _Reader(facts)
    node = reader.node(tree, "", 1)
    if node is None or reader.problems:
        raise RuleError(tuple(reader.problems))
    return node


def facts_of(node: Node) -> frozenset[str]:
    """Names of the facts that a rule reads."""
    return frozenset(compare.fact.name for compare in comparisons(node))


def comparisons(node: Node) -> tuple[Compare, ...]:
    """Every comparison of a rule, from left to right."""
    match node:
        case Compare():
            return (node,)
        case Not(child):
            return comparisons(child)
        case AllOf(children) | AnyOf(children):
            return tuple(leaf for child in children for leaf in comparisons(child))


class _Reader:
    """One walk over a tree that gathers problems instead of stopping at the first."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = facts
        self.problems: list[Problem] = []
        self.nodes = 0

    def fail(self, pointer: str, message: str) -> Node | None:
        """Note a problem; None stands for the part that could not be read."""
        self.problems.append(Problem(_sayable(pointer), _sayable(message)))
        return None

    def node(self, tree: object, at: str, depth: int) -> Node | None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1:
                self.fail(at, f"a rule has at most {MAX_NODES} parts")
            return None
        if depth > MAX_DEPTH:
            return self.fail(at, f"a rule is at most {MAX_DEPTH} levels deep")
        if not isinstance(tree, dict):
            return self.fail(at, f"expected an object, got {_name(tree)}")
        return self._object(tree, at, depth)

    def _object(self, tree: dict[object, object], at: str, depth: int) -> Node | None:
        keys = set(tree)
        if keys == {"all"} or keys == {"any"}:
            return self._group(tree, at, depth)
        if keys == {"not"}:
            child = self.node(tree["not"], f"{at}/not", depth + 1)
            return None if child is None else Not(child)
        if "fact" in keys:
            return self._compare(tree, at)
        return self.fail(at, 'expected one of "all", "any", "not", or "fact" with "op" and "value"')

    def _group(self, tree: dict[object, object], at: str, depth: int) -> Node | None:
        key = "all" if "all" in tree else "any"
        items = tree[key]
        if not isinstance(items, list):
            return self.fail(f"{at}/{key}", f"expected a list, got {_name(items)}")
        children = [self.node(item, f"{at}/{key}/{i}", depth + 1) for i, item in enumerate(items)]
        found = tuple(child for child in children if child is not None)
        return AllOf(found) if key == "all" else AnyOf(found)

    def _compare(self, tree: dict[object, object], at: str) -> Node | None:
        for extra in sorted(map(str, set(tree) - {"fact", "op", "value"})):
            self.fail(f"{at}/{_escape(extra)}", 'a comparison has only "fact", "op" and "value"')
        name, word = tree["fact"], tree.get("op")
        fact = self.facts.get(name) if isinstance(name, str) else None
        if fact is None:
            return self.fail(f"{at}/fact", f"unknown fact {_show(name)}")
        if not isinstance(word, str) or word not in set(Op):
            return self.fail(f"{at}/op", f"unknown operator {_show(word)}")
        op = Op(word)
        if op not in OPERATORS[fact.kind]:
            known = ", ".join(OPERATORS[fact.kind])
            return self.fail(f"{at}/op", f'"{op}" does not apply to the {fact.kind} "{name}"; use {known}')
        return self._with_value(fact, op, tree, at)

    def _with_value(self, fact: Fact, op: Op, tree: dict[object, object], at: str) -> Node | None:
        if op in _PRESENCE:
            if tree.get("value") is not None:
                self.fail(f"{at}/value", f'"{op}" takes no value')
            return Compare(fact, op, None)
        if "value" not in tree:
            return self.fail(f"{at}/value", f'"{op}" needs a value')
        try:
            return Compare(fact, op, _constant(fact.kind, op, tree["value"]))
        except _Wrong as wrong:
            return self.fail(f"{at}/value", str(wrong))


def _constant(kind: FactKind, op: Op, raw: object) -> Constant:
    if op in (Op.WITHIN_DAYS_BEFORE, Op.WITHIN_DAYS_AFTER):
        return _days(raw)
    read = _READERS[kind]
    if op in (Op.IN, Op.NOT_IN):
        return tuple(map(read, _list(raw)))
    if op is Op.BETWEEN:
        return _range(raw, read)
    return read(raw)


def _list(raw: object) -> list[object]:
    if not isinstance(raw, list) or not raw:
        raise _Wrong(f"expected a list of values, got {_name(raw)}")
    if len(raw) > MAX_LIST:
        raise _Wrong(f"a list has at most {MAX_LIST} values")
    return raw


def _range(raw: object, read: Callable[[object], Any]) -> Constant:
    if not isinstance(raw, list) or len(raw) != 2:
        raise _Wrong(f"expected a list of two values [from, to], got {_name(raw)}")
    low, high = read(raw[0]), read(raw[1])
    if low > high:
        raise _Wrong(f"the range starts at {raw[0]} after its end {raw[1]}")
    return (low, high)


def _days(raw: object) -> int:
    if type(raw) is not int or raw < 0 or raw > MAX_DAYS:
        raise _Wrong(f"expected a whole number of days from 0 to {MAX_DAYS}, got {_show(raw)}")
    return raw


def _number(raw: object) -> Scalar:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise _Wrong(f"expected a number, got {_name(raw)}")
    number = Decimal(raw) if isinstance(raw, int) else Decimal(str(raw))
    if not number.is_finite() or not -MAX_NUMBER <= number <= MAX_NUMBER:
        raise _Wrong(f"the number must lie within ±{MAX_NUMBER}")
    return raw if isinstance(raw, int) else number


def _money(raw: object) -> Scalar:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _Wrong(f"expected money in minor units (a whole number), got {_show(raw)}")
    return _number(raw)


def _text(raw: object) -> Scalar:
    if not isinstance(raw, str):
        raise _Wrong(f"expected text, got {_name(raw)}")
    if not raw:
        raise _Wrong("the text is empty; to ask for a missing value use is_not_set")
    if len(raw) > MAX_TEXT:
        raise _Wrong(f"the text is longer than {MAX_TEXT} characters")
    if "\x00" in raw or any("\ud800" <= c <= "\udfff" for c in raw):
        raise _Wrong("the text holds a character that cannot be stored")
    return raw


def _boolean(raw: object) -> Scalar:
    if not isinstance(raw, bool):
        raise _Wrong(f"expected true or false, got {_name(raw)}")
    return raw


def _date(raw: object) -> Scalar:
    try:
        return date.fromisoformat(raw)  # type: ignore[arg-type]  # TypeError is an answer here
    except (TypeError, ValueError):
        raise _Wrong(f'expected a date like "2026-03-31", got {_show(raw)}') from None


def _datetime(raw: object) -> Scalar:
    try:
        moment = datetime.fromisoformat(raw)  # type: ignore[arg-type]  # TypeError is an answer here
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _Wrong(f'expected a time with offset like "2026-03-31T09:00:00Z", got {_show(raw)}')
    return moment


_READERS: Final[Mapping[FactKind, Callable[[object], Scalar]]] = {
    FactKind.NUMBER: _number,
    FactKind.MONEY: _money,
    FactKind.TEXT: _text,
    FactKind.BOOLEAN: _boolean,
    FactKind.DATE: _date,
    FactKind.DATETIME: _datetime,
    FactKind.SET: _text,
}


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _sayable(text: str) -> str:
    """What was given, as an answer can carry it: half a character of JSON's has no bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _show(raw: object) -> str:
    text = f'"{raw}"' if isinstance(raw, str) else repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _name(raw: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(raw), "a number")
