"""Stripe's amounts: minor units, intervals, discounts. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

from babel.numbers import get_currency_precision

from hub.ingest.connectors.base import Facts, day, items, mapping, number, part, text

# Stripe writes these with two decimals although they have none.
TWO_DECIMALS: Final = frozenset({"ISK", "UGX"})
# Months of an interval.
MONTHS: Final = {
    "month": Fraction(1),
    "year": Fraction(12),
    "week": Fraction(12, 52),
    "day": Fraction(12, 365),
}


def currency(value: Any) -> str:
    """The code in capitals."""
    return text(value, 3).upper() if len(text(value)) == 3 else text(value).upper()


def minor(amount: Fraction | int, code: str) -> Fraction:
    """Stripe's smallest unit in the currency's own minor units."""
    exponent = 2 if code in TWO_DECIMALS else get_currency_precision(code)
    return Fraction(amount) * Fraction(10) ** (get_currency_precision(code) - exponent)


def minor_whole(amount: Any, code: str) -> int:
    """An amount of an invoice or charge; what is below nothing counts as nothing."""
    return max(round(minor(number(amount) or 0, code)), 0)


def months_of(plan: dict[str, Any]) -> Fraction:
    """How many months one period of a price or plan is."""
    recurring = part(plan, "recurring") or plan
    count = number(recurring.get("interval_count")) or 1
    return MONTHS.get(text(recurring.get("interval")), Fraction(1)) * max(count, 1)


def period_of(plan: dict[str, Any]) -> str:
    """The billing period in words: month, year, 3 months."""
    recurring = part(plan, "recurring") or plan
    interval, count = text(recurring.get("interval"), 10), number(recurring.get("interval_count")) or 1
    return (interval if count == 1 else f"{count} {interval}s")[:20]


def is_metered(plan: dict[str, Any]) -> bool:
    """Whether a price or plan is charged by what was used."""
    return text((part(plan, "recurring") or plan).get("usage_type")) == "metered"


def monthly(plan: dict[str, Any], quantity: int) -> Fraction:
    """Minor units a month of `quantity` of a price, before discounts. What is metered costs nothing by itself."""
    if is_metered(plan):
        return Fraction(0)
    code = currency(plan.get("currency"))
    bundle = part(plan, "transform_quantity") or part(plan, "transform_usage")
    if size := number(bundle.get("divide_by")):
        whole, rest = divmod(quantity, max(size, 1))
        quantity = whole + (1 if rest and text(bundle.get("round")) == "up" else 0)
    return minor(_price(plan, quantity), code) / months_of(plan)


def _price(plan: dict[str, Any], quantity: int) -> Fraction:
    """Stripe's smallest units for one period."""
    if text(plan.get("billing_scheme")) == "tiered":
        return _tiered(plan, quantity)
    return _decimal(plan, "unit_amount_decimal", "unit_amount", "amount_decimal", "amount") * quantity


def _decimal(values: dict[str, Any], *names: str) -> Fraction:
    for name in names:
        if values.get(name) is not None:
            try:
                return Fraction(Decimal(str(values[name])))
            except (InvalidOperation, ValueError, OverflowError):
                continue
    return Fraction(0)


def _tiered(plan: dict[str, Any], quantity: int) -> Fraction:
    """Graduated: each tier for the units in it; volume: all units at the price of the tier they reach."""
    total, below = Fraction(0), 0
    graduated = text(plan.get("tiers_mode")) != "volume"
    for tier in items(plan.get("tiers")):
        top = number(tier.get("up_to"))
        here = quantity if top is None else min(quantity, top)
        unit = _decimal(tier, "unit_amount_decimal", "unit_amount")
        flat = _decimal(tier, "flat_amount_decimal", "flat_amount")
        reached = top is None or quantity <= top
        if graduated and here > below:
            total += unit * (here - below) + flat
        elif not graduated and reached:
            return unit * quantity + flat
        below = here
        if reached:
            break
    return total


def discounts_of(thing: dict[str, Any]) -> list[Facts]:
    """What lowers the price for more than one invoice: ``{"percent", "off", "currency", "end"}``.

    A discount that is only named by its id cannot be counted.
    """
    given = [part(thing, "discount"), *items(thing.get("discounts"))]
    return [entry for discount in given if discount and (entry := _discount(discount))]


def _discount(discount: dict[str, Any]) -> Facts | None:
    coupon = part(discount, "coupon") or part(discount, "source", "coupon")
    if not coupon or text(coupon.get("duration")) == "once":
        return None
    percent, off = coupon.get("percent_off"), number(coupon.get("amount_off"))
    if percent is None and off is None:
        return None
    return {
        "percent": text(percent) or "0",
        "off": off or 0,
        "currency": currency(coupon.get("currency")),
        "end": day(discount.get("end")),
    }


def ratio(discounts: list[Facts], total: Fraction, months: Fraction, code: str) -> Fraction:
    """What is left of `total` (minor units a month) after discounts, as a ratio between 0 and 1."""
    if total <= 0:
        return Fraction(1)
    left = total
    for entry in discounts:
        left *= 1 - min(max(_decimal(mapping(entry), "percent") / 100, Fraction(0)), Fraction(1))
    for entry in discounts:
        if entry["off"] and entry["currency"] in ("", code):
            left -= minor(entry["off"], code) / months
    return max(left, Fraction(0)) / total
