"""A row's value: from what was typed to what a rule holds, and back."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from hub.registry.facts import Fact, FactKind
from hub.rules.language import LISTS, WITHIN, Op
from hub.tenancy.models import Tenant


class Unreadable(ValueError):
    """Something of the form that a rule cannot hold; the message says what was expected."""


def value_typed(fact: Fact, op: str, first: str, second: str, tenant: Tenant) -> dict[str, Any]:
    """``{"value": …}`` as the operator takes it, nothing where it takes none; raises Unreadable."""
    if op in (Op.IS_SET, Op.IS_NOT_SET):
        return {}
    if op in WITHIN:
        return {"value": whole(first, "days")}
    if op == Op.BETWEEN:
        return {"value": [_value(fact, first, tenant), _value(fact, second, tenant)]}
    if op in LISTS:
        return {"value": [_value(fact, part, tenant) for part in first.split(",") if part.strip()]}
    return {"value": _value(fact, first, tenant)}


def value_shown(fact: Fact, op: Op, value: Any, tenant: Tenant) -> tuple[str, str]:
    """What stands in the row's two fields for a value."""

    def text(item: Any) -> str:
        return str(item) if op in WITHIN else _shown(fact, item, tenant)

    if isinstance(value, tuple) and op is Op.BETWEEN:
        return text(value[0]), text(value[1])
    if isinstance(value, tuple):
        return ", ".join(map(text, value)), ""
    return ("" if value is None else text(value)), ""


def whole(text: str, what: str) -> int:
    """A whole number as typed; raises Unreadable."""
    if not text.strip().isascii() or not text.strip().isdigit():
        raise Unreadable(f"expected a whole number of {what}")
    return int(text.strip()[:9])


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


def _value(fact: Fact, text: str, tenant: Tenant) -> Any:
    text = text.strip()
    match fact.kind:
        case FactKind.NUMBER:
            return _number(text)
        case FactKind.MONEY:
            return _minor(text, tenant.currency)
        case FactKind.BOOLEAN:
            if text not in ("yes", "no"):
                raise Unreadable("choose yes or no")
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
        raise Unreadable(f"{currency} has no smaller amounts than {get_currency_precision(currency)} decimals")
    return int(amount)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number) > 2**53:
        raise Unreadable("expected a number such as 12.5")
    return number


def _moment(text: str, zone: ZoneInfo) -> str:
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone).isoformat()
    except ValueError:
        raise Unreadable("expected a day such as 2026-03-31") from None
