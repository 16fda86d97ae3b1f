"""The form that makes a rule: rows of fact, operator and value, all or any of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from hub.accounts.models import LifecycleStage
from hub.registry.facts import Fact, FactKind, known_facts
from hub.rules.language import LISTS, OPERATORS, WITHIN, AllOf, AnyOf, Compare, Node, Op, RuleError, parse
from hub.tenancy.models import Tenant

MOST_ROWS: Final = 20
WORDS: Final[Mapping[Op, str]] = {
    Op.EQ: "is",
    Op.NE: "is not",
    Op.GT: "is more than",
    Op.GTE: "is at least",
    Op.LT: "is less than",
    Op.LTE: "is at most",
    Op.BETWEEN: "is between",
    Op.IN: "is one of",
    Op.NOT_IN: "is none of",
    Op.CONTAINS: "contains",
    Op.CONTAINS_ANY: "contains any of",
    Op.WITHIN_DAYS_BEFORE: "is due within days",
    Op.WITHIN_DAYS_AFTER: "was within the last days",
    Op.WITHIN_DAYS_OF: "is within days of today",
    Op.IS_SET: "is known",
    Op.IS_NOT_SET: "is not known",
}
DAY_WORDS: Final[Mapping[Op, str]] = {
    Op.GT: "is after",
    Op.GTE: "is on or after",
    Op.LT: "is before",
    Op.LTE: "is on or before",
}
_DATED: Final = (FactKind.DATE, FactKind.DATETIME)
_YES_NO: Final = (("yes", "yes"), ("no", "no"))


class _Unreadable(ValueError):
    """A value of the form that its fact cannot have; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the form as typed; ``problem`` says what is wrong with it."""

    fact: str = ""
    op: str = ""
    value: str = ""
    second: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A row ready to show: its operators, what kind of value it takes, and the choices when there are few."""

    row: Row
    operators: Sequence[tuple[str, str]]
    input_type: str
    choices: Sequence[tuple[str, str]]
    takes_value: bool
    takes_two: bool
    hint: str


def field_of(row: Row, known: Mapping[str, Fact], currency: str) -> Field:
    """A row with what its fact and operator ask for; an operator that the fact does not take gives way to its first."""
    fact = known.get(row.fact)
    if fact is None:
        return Field(Row(problem=row.problem), (), "text", (), False, False, "")
    allowed = OPERATORS[fact.kind]
    op = Op(row.op) if row.op in allowed else allowed[0]
    words = {**WORDS, **DAY_WORDS} if fact.kind in _DATED else WORDS
    many = op in LISTS
    return Field(
        row=Row(fact.name, str(op), row.value, row.second, row.problem),
        operators=[(str(each), words[each]) for each in allowed],
        input_type="text" if many else "date" if fact.kind in _DATED and op not in WITHIN else "text",
        choices=() if many else _choices(fact),
        takes_value=op not in (Op.IS_SET, Op.IS_NOT_SET),
        takes_two=op is Op.BETWEEN,
        hint=_hint(fact, op, currency),
    )


def _hint(fact: Fact, op: Op, currency: str) -> str:
    if op in WITHIN:
        return "days"
    if op in LISTS:
        return "with commas between"
    return currency if fact.kind is FactKind.MONEY else fact.unit


def _choices(fact: Fact) -> Sequence[tuple[str, str]]:
    if fact.kind is FactKind.BOOLEAN:
        return _YES_NO
    return LifecycleStage.choices if fact.name == "stage" else ()


def rows_of(node: Node | None, tenant: Tenant) -> tuple[str, list[Row]] | None:
    """A rule as ``all`` or ``any`` and rows; None when it is more than the form can show."""
    if node is None:
        return "all", []
    if isinstance(node, Compare):
        return "all", [_row_of(node, tenant)]
    if not isinstance(node, AllOf | AnyOf) or not all(isinstance(child, Compare) for child in node.children):
        return None
    rows = [_row_of(child, tenant) for child in node.children if isinstance(child, Compare)]
    return ("all" if isinstance(node, AllOf) else "any"), rows


def _row_of(compare: Compare, tenant: Tenant) -> Row:
    value, days = compare.value, compare.op in WITHIN

    def text(item: Any) -> str:
        return str(item) if days else _shown(compare.fact, item, tenant)

    if isinstance(value, tuple) and compare.op is Op.BETWEEN:
        return Row(compare.fact.name, str(compare.op), text(value[0]), text(value[1]))
    if isinstance(value, tuple):
        return Row(compare.fact.name, str(compare.op), ", ".join(map(text, value)))
    return Row(compare.fact.name, str(compare.op), "" if value is None else text(value))


def _shown(fact: Fact, value: Any, tenant: Tenant) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(tenant.zone).date().isoformat()
        case int() if fact.kind is FactKind.MONEY:
            amount = Decimal(value).scaleb(-get_currency_precision(tenant.currency))
            return f"{amount.normalize():f}"
        case _:
            return str(value)


def read_rows(match: str, rows: Sequence[Row], tenant: Tenant) -> tuple[str, list[Row]]:
    """The rule of filled-in rows as JSON text ("" without any), and the rows, marked where something is wrong.

    Rows without a fact are left out.
    """
    known = known_facts()
    children, marked, wrong = [], list[Row](), False
    for row in [row for row in rows if row.fact][:MOST_ROWS]:
        try:
            tree = _tree(row, known.get(row.fact), tenant)
            parse(tree, known)
        except (_Unreadable, RuleError) as error:
            told = error.problems[0].message if isinstance(error, RuleError) else str(error)
            marked.append(Row(row.fact, row.op, row.value, row.second, told))
            wrong = True
        else:
            children.append(tree)
            marked.append(row)
    if wrong or not children:
        return "", marked
    return json.dumps({"any" if match == "any" else "all": children}, separators=(",", ":"), ensure_ascii=False), marked


def _tree(row: Row, fact: Fact | None, tenant: Tenant) -> dict[str, Any]:
    if fact is None:
        raise _Unreadable("this fact is not there any more")
    tree: dict[str, Any] = {"fact": fact.name, "op": row.op}
    if row.op in (Op.IS_SET, Op.IS_NOT_SET):
        return tree
    if row.op in WITHIN:
        return tree | {"value": _whole(row.value)}
    if row.op == Op.BETWEEN:
        return tree | {"value": [_value(fact, row.value, tenant), _value(fact, row.second, tenant)]}
    if row.op in LISTS:
        return tree | {"value": [_value(fact, part, tenant) for part in row.value.split(",") if part.strip()]}
    return tree | {"value": _value(fact, row.value, tenant)}


def _whole(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit():
        raise _Unreadable("expected a whole number of days")
    return int(text.strip()[:9])


def _value(fact: Fact, text: str, tenant: Tenant) -> Any:
    text = text.strip()
    match fact.kind:
        case FactKind.NUMBER:
            return _number(text)
        case FactKind.MONEY:
            return _minor(text, tenant.currency)
        case FactKind.BOOLEAN:
            if text not in ("yes", "no"):
                raise _Unreadable("choose yes or no")
            return text == "yes"
        case FactKind.DATETIME:
            return _moment(text, tenant.zone)
        case _:
            return text


def _number(text: str) -> int | float:
    number = _decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _minor(text: str, currency: str) -> int:
    amount = _decimal(text).scaleb(get_currency_precision(currency))
    if amount != amount.to_integral_value():
        raise _Unreadable(f"{currency} has no smaller amounts than {get_currency_precision(currency)} decimals")
    return int(amount)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number) > 2**53:
        raise _Unreadable("expected a number such as 12.5")
    return number


def _moment(text: str, zone: ZoneInfo) -> str:
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone).isoformat()
    except ValueError:
        raise _Unreadable("expected a day such as 2026-03-31") from None
