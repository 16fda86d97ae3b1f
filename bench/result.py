"""What a benchmark reports."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """One figure of ours beside the limit measured with it.

    `ours` and `limit` are in `unit`; `ratio` is ours / limit; times in milliseconds, memory in megabytes.
    What was not measured is None.
    """

    name: str
    unit: str
    ours: float
    limit: float | None = None
    ratio: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    peak_mb: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of bench/results."""
        return asdict(self)


def result(
    name: str,
    unit: str,
    ours: float,
    *,
    limit: float | None = None,
    times_ms: Sequence[float] = (),
    **detail: Any,
) -> Result:
    """A result with its ratio, its percentiles and this process's peak memory filled in."""
    p50, p95, p99 = (percentile(times_ms, share) if times_ms else None for share in (0.5, 0.95, 0.99))
    ratio = ours / limit if limit else None
    return Result(name, unit, ours, limit, ratio, p50, p95, p99, peak_mb(), detail)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; `values` must not be empty."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)
    return ordered[max(int(rank) - 1, 0)]


def peak_mb() -> float:
    """Peak resident memory of this process and of the children it has waited for, whichever is larger."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children) / 1024


COLUMNS = ("name", "unit", "ours", "limit", "ratio", "p50_ms", "p95_ms", "p99_ms", "peak_mb")


def table(results: Sequence[Result]) -> str:
    """The results as aligned text, one line each."""
    rows = [COLUMNS, *(tuple(_cell(getattr(entry, column)) for column in COLUMNS) for entry in results)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:,.2f}"
