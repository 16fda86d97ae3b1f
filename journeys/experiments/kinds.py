"""How values of a measure are put together. Pure."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Of each account: 0 or 1, an amount, or a value over a base."""

    SHARE = "share"
    AMOUNT = "amount"
    RATIO = "ratio"
