"""Where contract lines leave a gap and where they run at once. Pure; no Django."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Span:
    """A paid line in time: live when start ≤ day < end; `end` None is open."""

    name: str
    product: str
    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without any paid line between two that were: first ≤ day < end."""

    first: date
    end: date


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two lines of one product that run at once: first ≤ day < end; `end` None while both are open."""

    product: str
    one: str
    other: str
    first: date
    end: date | None


def gaps(spans: Iterable[Span]) -> list[Gap]:
    """Every stretch between the first and the last day on which no line runs, in order."""
    found: list[Gap] = []
    reached: date | None = None
    for span in _real(spans):
        if reached is not None and span.start > reached:
            found.append(Gap(reached, span.start))
        if span.end is None:
            break
        reached = span.end if reached is None else max(reached, span.end)
    return found


def overlaps(spans: Iterable[Span]) -> list[Overlap]:
    """Every line that begins while an earlier one of its product still runs, with the one that runs longest."""
    found: list[Overlap] = []
    running: dict[str, Span] = {}
    for span in _real(spans):
        before = running.get(span.product)
        if before is not None and (before.end is None or span.start < before.end):
            ends = [end for end in (before.end, span.end) if end is not None]
            found.append(Overlap(span.product, before.name, span.name, span.start, min(ends) if ends else None))
        if before is None or (before.end is not None and (span.end is None or span.end > before.end)):
            running[span.product] = span
    return found


def _real(spans: Iterable[Span]) -> list[Span]:
    lasting = (span for span in spans if span.end is None or span.end > span.start)
    return sorted(lasting, key=lambda span: (span.start, span.name))
