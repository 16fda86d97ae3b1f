"""The rule language: a typed JSON tree over account facts.

A tree is one of ``{"all": [tree, …]}``, ``{"any": [tree, …]}``, ``{"not": tree}``, ``{"sustained": tree, "days": N}``
or a comparison ``{"fact": name, "op": operator, "value": constant}``. A fact that is a measure takes its arguments in
``"with"``: ``{"fact": "uses", "with": {"event": "Report made", "days": 14}, "op": "gte", "value": 5}``.
``sustained`` holds when its tree holds today and held at the end of each of the N − 1 days before; the facts in it must
keep a past. ``all`` of nothing is true, ``any`` of nothing is false.

Constants: numbers as JSON numbers, money in minor units (integers), dates and date-times as ISO 8601 text (a date-time
needs its offset), ``in``, ``not_in`` and ``contains_any`` take a list, ``between`` a list of two (both ends included),
``within_days_*`` a number of days.

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
from hub.registry.measures import ArgumentError, Measure, measure_of

MAX_DEPTH: Final = 8
MAX_NODES: Final = 200
MAX_LIST: Final = 500
MAX_TEXT: Final = 500
MAX_DAYS: Final = 36_500
MAX_SUSTAINED_DAYS: Final = 60
# Each day asks each comparison anew.
MAX_SUSTAINED_PARTS: Final = 300
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
    CONTAINS_ANY = "contains_any"
    WITHIN_DAYS_BEFORE = "within_days_before"
    WITHIN_DAYS_AFTER = "within_days_after"
    WITHIN_DAYS_OF = "within_days_of"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"


_PRESENCE = (Op.IS_SET, Op.IS_NOT_SET)
_ORDERED = (Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE, Op.BETWEEN)
WITHIN: Final = (Op.WITHIN_DAYS_BEFORE, Op.WITHIN_DAYS_AFTER, Op.WITHIN_DAYS_OF)
LISTS: Final = (Op.IN, Op.NOT_IN, Op.CONTAINS_ANY)
_DATES = (*_ORDERED, *WITHIN, *_PRESENCE)
OPERATORS: Final[Mapping[FactKind, tuple[Op, ...]]] = {
    FactKind.NUMBER: (*_ORDERED, Op.IN, Op.NOT_IN, *_PRESENCE),
    FactKind.MONEY: (*_ORDERED, Op.IN, Op.NOT_IN, *_PRESENCE),
    FactKind.TEXT: (Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.CONTAINS, *_PRESENCE),
    FactKind.BOOLEAN: (Op.EQ, Op.NE, *_PRESENCE),
    FactKind.DATE: _DATES,
    FactKind.DATETIME: _DATES,
    FactKind.SET: (Op.CONTAINS, Op.CONTAINS_ANY, *_PRESENCE),
}
"""Which operators a fact of each kind takes; the form builder reads it too."""

Scalar: TypeAlias = int | Decimal | str | bool | date | datetime
Constant: TypeAlias = Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; ``value`` is normalised (Decimal, date, aware datetime, tuple), ``ago`` in days."""

    fact: Fact
    op: Op
    value: Constant
    ago: int = 0


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


@dataclass(frozen=True, slots=True)
class Sustained:
    """True when the child is today and was at the end of each of the ``days`` − 1 days before."""

    child: "Node"
    days: int

    def each_day(self) -> tuple["Node", ...]:
        """The child as it is asked of every day, today first."""
        return tuple(_days_ago(self.child, ago) for ago in range(self.days))


Node: TypeAlias = Compare | AllOf | AnyOf | Not | Sustained


def _days_ago(node: Node, days: int) -> Node:
    match node:
        case Compare():
            return Compare(node.fact.days_ago(days), node.op, node.value, node.ago + days)
        case Not(child):
            return Not(_days_ago(child, days))
        case AllOf(children):
            return AllOf(tuple(_days_ago(child, days) for child in children))
        case AnyOf(children):
            return AnyOf(tuple(_days_ago(child, days) for child in children))
        case Sustained(child, span):
            return Sustained(_days_ago(child, days), span)


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


def parse_stored(tree: object, facts: Mapping[str, Fact]) -> Node | None:
    """The typed rule of a tree that was one once; None when what it reads is gone since, such as an attribute."""
    try:
        return parse(tree, facts)
    except RuleError:
        return None


def unrolled(node: Node) -> Node:
    """The same rule with the days of each ``sustained`` written out, for whoever asks it of many accounts."""
    match node:
        case Compare():
            return node
        case Not(child):
            return Not(unrolled(child))
        case AllOf(children):
            return AllOf(tuple(map(unrolled, children)))
        case AnyOf(children):
            return AnyOf(tuple(map(unrolled, children)))
        case Sustained():
            return AllOf(tuple(map(unrolled, node.each_day())))


def facts_of(node: Node) -> dict[str, Fact]:
    """The facts that a rule reads today, by name; those of the days before are `facts_of_days`."""
    return {compare.fact.name: compare.fact for compare in comparisons(node)}


def facts_of_days(node: Node) -> dict[str, Fact]:
    """Every fact that `evaluate` asks for: with ``sustained``, each as it is today and as it was on the days before."""
    match node:
        case Compare():
            return {node.fact.name: node.fact}
        case Not(child):
            return facts_of_days(child)
        case Sustained():
            children = node.each_day()
        case AllOf(found) | AnyOf(found):
            children = found
    return {name: fact for child in children for name, fact in facts_of_days(child).items()}


def comparisons(node: Node) -> tuple[Compare, ...]:
    """Every comparison of a rule, from left to right."""
    match node:
        case Compare():
            return (node,)
        case Not(child) | Sustained(child, _):
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
        if keys == {"sustained", "days"}:
            return self._sustained(tree, at, depth)
        if "fact" in keys:
            return self._compare(tree, at)
        told = 'expected one of "all", "any", "not", "sustained" with "days", or "fact" with "op" and "value"'
        return self.fail(at, told)

    def _sustained(self, tree: dict[object, object], at: str, depth: int) -> Node | None:
        child = self.node(tree["sustained"], f"{at}/sustained", depth + 1)
        days = tree["days"]
        if type(days) is not int or not 2 <= days <= MAX_SUSTAINED_DAYS:
            return self.fail(f"{at}/days", f"expected a whole number of days from 2 to {MAX_SUSTAINED_DAYS}")
        if child is None:
            return None
        if _holds_sustained(child):
            return self.fail(f"{at}/sustained", "what is sustained cannot be sustained again")
        leaves = comparisons(child)
        for label in sorted({leaf.fact.label for leaf in leaves if leaf.fact.past is None}):
            self.fail(f"{at}/sustained", f"{label} keeps no past, so nobody can say whether it was so for days")
        if len(leaves) * days > MAX_SUSTAINED_PARTS:
            return self.fail(at, f"at most {MAX_SUSTAINED_PARTS // days} conditions can be watched for {days} days")
        # Without the days before it could not even be asked.
        return None if any(leaf.fact.past is None for leaf in leaves) else Sustained(child, days)

    def _group(self, tree: dict[object, object], at: str, depth: int) -> Node | None:
        key = "all" if "all" in tree else "any"
        items = tree[key]
        if not isinstance(items, list):
            return self.fail(f"{at}/{key}", f"expected a list, got {_name(items)}")
        children = [self.node(item, f"{at}/{key}/{i}", depth + 1) for i, item in enumerate(items)]
        found = tuple(child for child in children if child is not None)
        return AllOf(found) if key == "all" else AnyOf(found)

    def _compare(self, tree: dict[object, object], at: str) -> Node | None:
        for extra in sorted(map(str, set(tree) - {"fact", "with", "op", "value"})):
            self.fail(f"{at}/{_escape(extra)}", 'a comparison has only "fact", "with", "op" and "value"')
        word, fact = tree.get("op"), self._fact(tree, at)
        if fact is None:
            return None
        name = fact.measure or fact.name
        if not isinstance(word, str) or word not in set(Op):
            return self.fail(f"{at}/op", f"unknown operator {_show(word)}")
        op = Op(word)
        if op not in OPERATORS[fact.kind]:
            known = ", ".join(OPERATORS[fact.kind])
            return self.fail(f"{at}/op", f'"{op}" does not apply to the {fact.kind} "{name}"; use {known}')
        return self._with_value(fact, op, tree, at)

    def _fact(self, tree: dict[object, object], at: str) -> Fact | None:
        name, given = tree["fact"], tree.get("with")
        if measure := measure_of(name):
            return self._measured(measure, {} if given is None else given, at)
        fact = self.facts.get(name) if isinstance(name, str) else None
        if fact is None:
            self.fail(f"{at}/fact", f"unknown fact {_show(name)}")
        elif given is not None:
            self.fail(f"{at}/with", f'"{name}" takes no arguments')
            return None
        return fact

    def _measured(self, measure: Measure, given: object, at: str) -> Fact | None:
        if not isinstance(given, dict):
            self.fail(f"{at}/with", f"expected an object, got {_name(given)}")
            return None
        try:
            return measure.fact(given)
        except ArgumentError as wrong:
            self.fail(f"{at}/with" + (f"/{_escape(wrong.name)}" if wrong.name else ""), str(wrong))
            return None

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
    if op in WITHIN:
        return _days(raw)
    read = _READERS[kind]
    if op in LISTS:
        return tuple(map(read, _list(raw)))
    if op is Op.BETWEEN:
        return _range(raw, read)
    return read(raw)


def _holds_sustained(node: Node) -> bool:
    match node:
        case Compare():
            return False
        case Sustained():
            return True
        case Not(child):
            return _holds_sustained(child)
        case AllOf(children) | AnyOf(children):
            return any(map(_holds_sustained, children))


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
