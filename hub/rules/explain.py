"""A rule in words: one sentence, and the same with the values that were seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from hub.registry.facts import Fact, FactKind
from hub.rules.compile import Clock, evaluate, holds, seen
from hub.rules.language import (
    WITHIN,
    AllOf,
    AnyOf,
    Compare,
    Node,
    Not,
    Op,
    RuleError,
    Sustained,
    comparisons,
    parse,
)

_WORDS: Final[Mapping[Op, str]] = {
    Op.EQ: "is {}",
    Op.NE: "is not {}",
    Op.GT: "is more than {}",
    Op.GTE: "is at least {}",
    Op.LT: "is less than {}",
    Op.LTE: "is at most {}",
    Op.BETWEEN: "is from {} to {}",
    Op.IN: "is one of {}",
    Op.NOT_IN: "is none of {}",
    Op.CONTAINS: "contains {}",
    Op.CONTAINS_ANY: "contains any of {}",
    Op.WITHIN_DAYS_BEFORE: "is due within {}",
    Op.WITHIN_DAYS_AFTER: "was within the last {}",
    Op.WITHIN_DAYS_OF: "is within {} of today",
    Op.IS_SET: "is known",
    Op.IS_NOT_SET: "is not known",
}
_DATE_WORDS: Final[Mapping[Op, str]] = {
    Op.GT: "is after {}",
    Op.GTE: "is on or after {}",
    Op.LT: "is before {}",
    Op.LTE: "is on or before {}",
}
_NOT_WORDS: Final[Mapping[Op, str]] = {
    Op.EQ: "is not {}",
    Op.IN: "is none of {}",
    Op.CONTAINS: "does not contain {}",
    Op.CONTAINS_ANY: "contains none of {}",
    Op.WITHIN_DAYS_BEFORE: "is not due within {}",
    Op.WITHIN_DAYS_AFTER: "was not within the last {}",
    Op.WITHIN_DAYS_OF: "is not within {} of today",
}
_SYMBOLS: Final = {Op.EQ: "=", Op.NE: "≠", Op.GT: ">", Op.GTE: "≥", Op.LT: "<", Op.LTE: "≤"}
_OPPOSITE: Final = {Op.EQ: "≠", Op.NE: "=", Op.GT: "≤", Op.GTE: "<", Op.LT: "≥", Op.LTE: ">"}
_MINOR_DIGITS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3}
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison against one account: what was seen and whether it was met."""

    fact: str
    label: str
    met: bool
    value: object
    text: str
    code: str


def stored_sentence(tree: object, facts: Mapping[str, Fact]) -> str:
    """A stored rule as a sentence; of one that reads what is gone since, what that is."""
    try:
        return sentence(parse(tree, facts))
    except RuleError as error:
        return f"a rule that cannot be asked any more ({error})"


def sentence(node: Node) -> str:
    """The rule as one English sentence without its full stop."""
    return _sentence(node, top=True)


def findings(node: Node, values: Mapping[str, object], clock: Clock) -> tuple[Finding, ...]:
    """Every comparison with the value seen, from left to right."""
    return tuple(_finding(compare, values, clock) for compare in comparisons(node))


def why_false(node: Node, values: Mapping[str, object], clock: Clock) -> tuple[Finding, ...]:
    """The comparisons that make a rule false; empty when it is true.

    Under ``all`` those that failed, under ``any`` every branch, under ``not`` what was met.
    """
    if evaluate(node, values, clock):
        return ()
    return tuple(_finding(compare, values, clock) for compare in _blame(node, values, clock, wanted=True))


def reason_code(node: Node, values: Mapping[str, object], clock: Clock) -> str:
    """``rule_false: usage_drop_30d = 12 < 20`` of the first comparison to blame; "" when true."""
    blamed = why_false(node, values, clock)
    if blamed:
        return f"rule_false: {blamed[0].code}"
    return "" if evaluate(node, values, clock) else "rule_false: no condition can be met"


def show(fact: Fact, value: object) -> str:
    """A fact's value for people: ``12%``, ``14 days``, ``1,234.50 EUR``, ``not known``."""
    if value is None or value == "":
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return _show_money(fact, value) if fact.kind is FactKind.MONEY else _show_number(fact, value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M %Z}".strip()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(str, value))) or "not known"
    return str(value)


def _sentence(node: Node, *, top: bool = False) -> str:
    match node:
        case Compare(op=Op.EQ, value=bool(wanted)):
            return node.fact.label if wanted else f"not {node.fact.label}"
        case Compare():
            return f"{node.fact.label} {_predicate(node)}"
        case Not(Compare(op=Op.EQ, value=True) as child):
            return f"not {child.fact.label}"
        case Not(Compare(op=op) as child) if op in _NOT_WORDS and not isinstance(child.value, bool):
            return f"{child.fact.label} {_NOT_WORDS[op].format(*_constants(child))}"
        case Not(child):
            return f"it is not so that {_sentence(child)}"
        case Sustained(child, days):
            return f"for {days} days running {_sentence(child)}"
        case AllOf(()):
            return "always"
        case AnyOf(()):
            return "never"
        case AllOf(children) | AnyOf(children):
            word = " and " if isinstance(node, AllOf) else " or "
            text = word.join(_sentence(child) for child in children)
            return text if top or len(children) == 1 else f"({text})"


def _predicate(compare: Compare) -> str:
    dated = compare.fact.kind in (FactKind.DATE, FactKind.DATETIME)
    words = (_DATE_WORDS.get(compare.op) if dated else None) or _WORDS[compare.op]
    return words.format(*_constants(compare))


def _constants(compare: Compare) -> tuple[str, ...]:
    value = compare.value
    if compare.op in WITHIN:
        return (f"{value} day{'' if value == 1 else 's'}",)
    if not isinstance(value, tuple):
        return (_constant(compare.fact, value),)
    shown = tuple(_constant(compare.fact, item) for item in value)
    if compare.op is Op.BETWEEN:
        return shown
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return (", ".join(shown[:_LISTED]) + more,)


def _constant(fact: Fact, value: object) -> str:
    return f"“{value}”" if isinstance(value, str) else show(fact, value)


def _finding(compare: Compare, values: Mapping[str, object], clock: Clock) -> Finding:
    fact, value, met = compare.fact, seen(compare, values), holds(compare, values, clock)
    label = f"{fact.label} {compare.ago} day{'' if compare.ago == 1 else 's'} before" if compare.ago else fact.label
    return Finding(
        fact=fact.name,
        label=label,
        met=met,
        value=value,
        text=_with_value(compare, value, met, label, show(fact, _readable(compare, value))),
        code=_code(compare, value, met),
    )


def _readable(compare: Compare, value: object) -> object:
    """A measured value without the digits that nobody reads, unless they decide on which side of the limit it lies."""
    if not isinstance(value, float | Decimal):
        return value
    limit = compare.value
    for digits in (1, 3):
        rounded = round(float(value), digits)
        if not isinstance(limit, int | float | Decimal) or _side(rounded, limit) == _side(value, limit):
            return rounded
    return value


def _side(value: float | Decimal, limit: int | float | Decimal) -> int:
    return (value > limit) - (value < limit)


def _with_value(compare: Compare, value: object, met: bool, label: str, shown: str) -> str:
    if isinstance(value, bool) and compare.op is Op.EQ:
        return label if value else f"not {label}"
    if value is not None and compare.op in _SYMBOLS:
        symbol = (_SYMBOLS if met else _OPPOSITE)[compare.op]
        return f"{label} {shown} {symbol} {_constants(compare)[0]}"
    if compare.op in (Op.IS_SET, Op.IS_NOT_SET):
        return f"{label} is {shown}" if value is None else f"{label} is known: {shown}"
    verdict = "met" if met else "not met"
    return f"{label} is {shown}; “{_predicate(compare)}” is {verdict}"


def _code(compare: Compare, value: object, met: bool) -> str:
    name = compare.fact.name
    if value is None:
        return f"{name} is missing"
    if compare.op in _SYMBOLS:
        symbol = (_SYMBOLS if met else _OPPOSITE)[compare.op]
        return f"{name} = {_plain(value)} {symbol} {_plain(compare.value)}"
    return f"{name} = {_plain(value)}, {compare.op} {_plain(compare.value)} {'met' if met else 'not met'}"


def _plain(value: object) -> str:
    if isinstance(value, tuple | list | set | frozenset):
        return f"[{', '.join(sorted(map(_plain, value)))}]"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def _blame(node: Node, values: Mapping[str, object], clock: Clock, *, wanted: bool) -> tuple[Compare, ...]:
    """Comparisons through which ``node`` is not what was ``wanted``."""
    if evaluate(node, values, clock) is wanted:
        return ()
    match node:
        case Compare():
            return (node,)
        case Sustained():
            # The latest day that was otherwise tells enough.
            return next((found for day in node.each_day() if (found := _blame(day, values, clock, wanted=wanted))), ())
        case Not(child):
            return _blame(child, values, clock, wanted=not wanted)
        case AllOf(children) | AnyOf(children):
            return tuple(c for child in children for c in _blame(child, values, clock, wanted=wanted))


def _show_number(fact: Fact, value: int | float | Decimal) -> str:
    number = Decimal(str(value))
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if not fact.unit:
        return text
    return f"{text}{fact.unit}" if fact.unit == "%" else f"{text} {fact.unit}"


def _show_money(fact: Fact, minor: int | float | Decimal) -> str:
    digits = _MINOR_DIGITS.get(fact.unit, 2)
    amount = Decimal(str(minor)).scaleb(-digits)
    return f"{amount:,.{0 if amount == int(amount) else digits}f} {fact.unit}".strip()
