"""A trend as a line a word high: the geometry of an inline SVG. Pure; no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Path data in a ``width`` × ``height`` box: the line, the area under it, and where the last value stands."""

    width: int
    height: int
    line: str
    area: str
    last: tuple[float, float]


def sparkline(values: Sequence[float], *, width: int = 72, height: int = 20) -> Sparkline | None:
    """Scale values to the box, the lowest at its foot; None for fewer than two values."""
    if len(values) < 2:
        return None
    pad = 2.0
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    flat = high == low
    stride = (width - 2 * pad) / (len(values) - 1)

    def point(at: int, value: float) -> tuple[float, float]:
        share = 0.5 if flat else (value - low) / spread
        return round(pad + at * stride, 1), round(height - pad - share * (height - 2 * pad), 1)

    points = [point(at, value) for at, value in enumerate(values)]
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    area = f"{line}L{points[-1][0]:g} {height}L{points[0][0]:g} {height}Z"
    return Sparkline(width=width, height=height, line=line, area=area, last=points[-1])
