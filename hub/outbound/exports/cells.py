"""What a value looks like in a file: plain, the same in every language, and never run by a spreadsheet. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from hub.registry.exports import Cell, Money

# A spreadsheet would run a text that starts with one of these.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
# What XML cannot hold.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MAX_TEXT: Final = 32_767  # what a cell of a spreadsheet holds

Plain = str | int | float | bool | Decimal | date | datetime | None


def plain(cell: Cell, zone: ZoneInfo) -> Plain:
    """A cell as text, number or time of the tenant's zone; money in major units; text that no spreadsheet runs."""
    match cell:
        case Money(minor, currency):
            return Decimal(minor).scaleb(-get_currency_precision(currency))
        case datetime():
            return cell.astimezone(zone)
        case str():
            return harmless(_UNPRINTABLE.sub("", cell)[:MAX_TEXT])
        case _:
            return cell


def harmless(text: str) -> str:
    """``text`` as a spreadsheet shows it and never runs it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
