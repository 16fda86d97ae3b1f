"""Currencies: which there are, and what an amount is in another one. Pure; no Django."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from babel.core import get_global
from babel.numbers import get_currency_precision

# Integers up to here are exact in every JSON reader, and a thousand of them still fit into a column.
LARGEST = 2**53 - 1


class CurrencyError(ValueError):
    """An amount in a currency that nobody knows, or that has no rate on the day it counts from."""


def check_known(currency: str) -> str:
    """The code itself; raises CurrencyError unless it is one of ISO 4217 in capitals."""
    if currency not in get_global("all_currencies") or currency in ("XTS", "XXX"):
        raise CurrencyError(f"{currency!r} is not a currency: expected a code of ISO 4217 such as EUR")
    return currency


def converted(minor: int, currency: str, home: str, rate: Decimal) -> int:
    """`minor` units of `currency` in minor units of `home`, half to even; `rate` is home units for one unit.

    Minor units differ: a yen has none, a dinar a thousand. 1000 JPY at 0.0065 is 650 US cents.
    """
    scale = get_currency_precision(home) - get_currency_precision(currency)
    amount = int((Decimal(minor) * rate).scaleb(scale).to_integral_value(rounding=ROUND_HALF_EVEN))
    if abs(amount) > LARGEST:
        raise CurrencyError(f"{minor} minor units of {currency} at {rate} are more {home} than can be counted")
    return amount
