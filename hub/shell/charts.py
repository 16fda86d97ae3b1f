"""Charts as data: a spec that static/src/charts draws, and the same figures as a table. Pure; no Django.

Values are in the unit of the chart: money in minor units, percentages as ratios. The table is what a
screen reader, a printer without colour and a person who wants the exact figure read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from babel import Locale
from babel.numbers import get_currency_precision

from hub.shell import formatting

Value: TypeAlias = int | float | Decimal | None
Tone: TypeAlias = Literal["", "up", "down"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What a chart's values are: ``money`` (minor units of ``currency``), ``percent`` (ratios) or ``number``."""

    style: Literal["money", "percent", "number"]
    label: str = ""
    currency: str = ""

    def spec(self) -> dict[str, Any]:
        digits = get_currency_precision(self.currency) if self.style == "money" else 0
        return {"style": self.style, "currency": self.currency, "digits": digits}

    def text(self, value: Value, locale: Locale) -> str:
        """The exact figure, for the table."""
        if value is None:
            return formatting.NOTHING
        if self.style == "money":
            return formatting.money(int(value), self.currency, locale, cents=True)
        if self.style == "percent":
            return formatting.percent(value, locale, digits=2)
        return formatting.number(value, locale)


@dataclass(frozen=True, slots=True)
class Table:
    """A chart's figures: column heads, then rows whose first cell is their head."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Series:
    """One named run of values along the x axis; ``tone`` colours gains and losses."""

    name: str
    values: Sequence[Value]
    tone: Tone = ""
    dashed: bool = False

    def spec(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "values": [_plain(value) for value in self.values],
            "tone": self.tone,
            "dashed": self.dashed,
        }


@dataclass(frozen=True, slots=True)
class Mark:
    """A reference line across a line chart, such as NRR 100%."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class XYChart:
    """Bars, stacked bars or lines over shared labels. ``links`` opens a page per label on click."""

    kind: Literal["bar", "stacked", "line"]
    title: str
    unit: Unit
    x: Sequence[str]
    series: Sequence[Series]
    x_name: str = ""
    mark: Mark | None = None
    from_zero: bool = True
    links: Sequence[str] = ()

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.x):
                raise ValueError(
                    f"{self.title}: {series.name} has {len(series.values)} values for {len(self.x)} labels"
                )
        if self.kind != "line" and not self.from_zero:
            raise ValueError(f"{self.title}: a bar's axis starts at zero")

    def spec(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "unit": self.unit.spec(),
            "x": list(self.x),
            "series": [series.spec() for series in self.series],
            "mark": {"value": self.mark.value, "label": self.mark.label} if self.mark else None,
            "from_zero": self.from_zero,
            "links": list(self.links),
        }

    def table(self, locale: Locale) -> Table:
        rows = [
            [label, *(self.unit.text(series.values[at], locale) for series in self.series)]
            for at, label in enumerate(self.x)
        ]
        return Table(head=[self.x_name, *(series.name for series in self.series)], rows=rows)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a waterfall: a ``total`` stands on zero, a ``delta`` floats on what came before."""

    label: str
    value: int
    kind: Literal["total", "delta"] = "delta"


@dataclass(frozen=True, slots=True)
class Waterfall:
    """From an opening to a closing total; the steps between must tie out, or it raises ValueError."""

    title: str
    unit: Unit
    steps: Sequence[Step]
    links: Sequence[str] = ()
    kind: str = "waterfall"

    def __post_init__(self) -> None:
        level = 0
        for at, step in enumerate(self.steps):
            if step.kind == "total" and at and step.value != level:
                raise ValueError(f"{self.title}: {step.label} is {step.value}, but the steps before it give {level}")
            level = step.value if step.kind == "total" else level + step.value

    def spec(self) -> dict[str, Any]:
        steps = [{"label": step.label, "value": step.value, "kind": step.kind} for step in self.steps]
        return {"kind": "waterfall", "unit": self.unit.spec(), "steps": steps, "links": list(self.links)}

    def table(self, locale: Locale) -> Table:
        return Table(
            head=["", self.unit.label],
            rows=[[step.label, self.unit.text(step.value, locale)] for step in self.steps],
        )


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A grid of values: ``cells[row][column]``, None where there is nothing (a cohort's future)."""

    title: str
    unit: Unit
    rows: Sequence[str]
    x: Sequence[str]
    cells: Sequence[Sequence[Value]]
    row_name: str = ""
    low: float | None = None
    high: float | None = None
    kind: str = "heatmap"

    def __post_init__(self) -> None:
        if len(self.cells) != len(self.rows) or any(len(row) != len(self.x) for row in self.cells):
            raise ValueError(f"{self.title}: cells must be {len(self.rows)} rows of {len(self.x)}")

    def spec(self) -> dict[str, Any]:
        return {
            "kind": "heatmap",
            "unit": self.unit.spec(),
            "rows": list(self.rows),
            "x": list(self.x),
            "cells": [[_plain(value) for value in row] for row in self.cells],
            "low": self.low,
            "high": self.high,
        }

    def table(self, locale: Locale) -> Table:
        rows = [
            [name, *(self.unit.text(value, locale) for value in cells)]
            for name, cells in zip(self.rows, self.cells, strict=True)
        ]
        return Table(head=[self.row_name, *self.x], rows=rows)


Chart: TypeAlias = XYChart | Waterfall | HeatMap


def _plain(value: Value) -> int | float | None:
    return float(value) if isinstance(value, Decimal) else value
