"""Amounts that sources write in whole units with decimals, as minor units of their currency. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import get_currency_precision

MOST = 2**53


def minor_of(value: Any, code: str = "") -> int | None:
    """Minor units of an amount such as 1200.50; None for what is none, is below nothing, or too large.

    A currency has the decimals that it has (1000 JPY are 1000); without a code there are two.
    """
    try:
        amount = Decimal(str(value)).scaleb(get_currency_precision(code.upper()) if code else 2)
        minor = int(amount.quantize(Decimal(1)))
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return minor if 0 <= minor < MOST else None
