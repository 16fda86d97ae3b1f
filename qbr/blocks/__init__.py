"""The blocks of a QBR: one folder each, with its data, its sentence and its template, found through this registry.

A block's `show` gives what its template needs, live, and only what a customer may see: internal lines are handled by
qbr/selectors.py, past which nothing reaches a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

from hub.accounts.models import Account
from hub.registry.base import Registry

Data = dict[str, Any]
KINDS = ("narrative", "usage", "milestones", "goals", "support", "next_steps")


@dataclass(frozen=True)
class Period:
    """The quarter that a QBR looks back on: first day, and the day after its last."""

    starts_on: date
    ends_on: date
    today: date

    @property
    def last_day(self) -> date:
        """The last day with data: the quarter may still run."""
        return min(self.today, self.ends_on)


@dataclass(frozen=True)
class BlockKind:
    """How a kind of block is shown.

    `show(account, period)` → the template's data; `opening(account, facts)` → the line that generation writes, from the
    account's fact row ("" = none). `template` is included with `data`, `account`, `period`.
    """

    key: str
    title: str
    template: str
    show: Callable[[Account, Period], Data]
    opening: Callable[[Account, Mapping[str, Any]], str]
    order: int = 100


block_kinds: Registry[BlockKind] = Registry("QBR block")


def load() -> None:
    """Import every block's folder; each registers itself by the name `BLOCK`."""
    for kind in KINDS:
        block_kinds.register(import_module(f"qbr.blocks.{kind}").BLOCK)


def no_data(account: Account, period: Period) -> Data:
    return {}


def no_opening(account: Account, facts: Mapping[str, Any]) -> str:
    return ""
