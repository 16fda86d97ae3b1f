"""Figures of a back-test from counts: ranking, correlation and intervals. Pure; no Django.

A *histogram* counts by a whole number (a score, points, months) how many observations there were and how many of them
ended in the outcome. One account is observed on many days, so observations are not independent: intervals of rankings
and correlations leave out one of twenty groups of accounts at a time, those of shares count each account once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Histogram: TypeAlias = Mapping[int, Sequence[int]]
"""By value: how many, and how many of them with the outcome."""

GROUPS: Final = 20
# Two-sided 95% of the normal distribution, and of Student's with 19 degrees of freedom.
Z: Final = 1.959964
T: Final = 2.093024
# Up to ten measures are looked at together: 99%, or every second card would have a chance find.
T_STRICT: Final = 2.860935


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval, 95% unless said; None where the counts do not give it."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def holds(self, number: float) -> bool:
        """Whether the interval contains a number; what is not known contains every one."""
        return self.low is None or self.high is None or self.low <= number <= self.high

    def as_dict(self) -> dict[str, float | None]:
        return {"value": _short(self.value), "low": _short(self.low), "high": _short(self.high)}


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def wilson(part: float, whole: float) -> Estimate:
    """A share with its Wilson interval; ``whole`` may be an effective number."""
    if whole <= 0:
        return Estimate(None)
    share = part / whole
    middle = share + Z * Z / (2 * whole)
    spread = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    scale = 1 + Z * Z / whole
    return Estimate(share, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def share_of(part: int, whole: int, units: int) -> Estimate:
    """A share of observations with the interval that as many independent ``units`` would have."""
    if whole <= 0 or units <= 0:
        return Estimate(None)
    found = wilson(units * part / whole, units)
    return Estimate(part / whole, found.low, found.high)


def auc(histogram: Histogram) -> float | None:
    """The chance that an observation with the outcome has a lower value than one without; a tie counts half.

    None unless there are both.
    """
    hits = sum(with_it for _, with_it in histogram.values())
    rest = sum(count for count, _ in histogram.values()) - hits
    if not hits or not rest:
        return None
    pairs, above = 0, rest
    for value in sorted(histogram):
        count, with_it = histogram[value]
        without = count - with_it
        above -= without
        pairs += with_it * (2 * above + without)
    return pairs / (2 * hits * rest)


def correlation(histogram: Histogram) -> float | None:
    """Pearson's correlation of the value with *not* ending in the outcome; None where one of the two does not vary."""
    whole = sum(count for count, _ in histogram.values())
    kept = whole - sum(hit for _, hit in histogram.values())
    if not whole or not kept or kept == whole:
        return None
    total = sum(value * count for value, (count, _) in histogram.items())
    squares = sum(value * value * count for value, (count, _) in histogram.items())
    both = sum(value * (count - hit) for value, (count, hit) in histogram.items())
    spread = (whole * squares - total * total) * kept * (whole - kept)
    return (whole * both - total * kept) / math.sqrt(spread) if spread > 0 else None


def added(histograms: Sequence[Histogram]) -> dict[int, list[int]]:
    """Histograms taken together."""
    found: dict[int, list[int]] = {}
    for histogram in histograms:
        for value, (count, hits) in histogram.items():
            cell = found.setdefault(value, [0, 0])
            cell[0] += count
            cell[1] += hits
    return found


Parts: TypeAlias = Mapping[int, Histogram]
"""A histogram for each group of accounts."""


def jackknife(
    parts: Sequence[Parts],
    figure: Callable[[Sequence[Histogram]], float | None],
    bounds: tuple[float, float],
    width: float = T,
) -> Estimate:
    """A figure of one or more histograms taken over all groups, its interval from leaving out one group at a time."""
    groups = sorted({group for part in parts for group in part})
    value = figure([added(list(part.values())) for part in parts])
    if value is None:
        return Estimate(None)
    without = [figure([added([h for g, h in part.items() if g != out]) for part in parts]) for out in groups]
    known = [one for one in without if one is not None]
    if len(known) < GROUPS // 2:
        return Estimate(value)
    mean = sum(known) / len(known)
    error = math.sqrt((len(known) - 1) / len(known) * sum((one - mean) ** 2 for one in known))
    low, high = bounds
    return Estimate(value, max(low, value - width * error), min(high, value + width * error))


def ranking(part: Parts) -> Estimate:
    """`auc` with its interval."""
    return jackknife([part], lambda found: auc(found[0]), (0.0, 1.0))


def relation(part: Parts) -> Estimate:
    """`correlation` with its 99% interval."""
    return jackknife([part], lambda found: correlation(found[0]), (-1.0, 1.0), T_STRICT)


def either_way(histogram: Histogram) -> float | None:
    """`auc` in the direction that fits better: what a baseline gets that knows nothing beforehand."""
    found = auc(histogram)
    return None if found is None else max(found, 1 - found)


def advantage(own: Parts, baseline: Parts) -> Estimate:
    """How much better one ranks than the other, which may choose its direction."""

    def figure(found: Sequence[Histogram]) -> float | None:
        one, other = auc(found[0]), either_way(found[1])
        return None if one is None or other is None else one - other

    return jackknife([own, baseline], figure, (-1.0, 1.0))


def shifted(then: Sequence[float], now: Sequence[float]) -> float:
    """Population stability index of two lists of shares over the same bins; over 0.25 the population is another."""
    least = 1e-4
    pairs = [(max(a, least), max(b, least)) for a, b in zip(then, now, strict=True)]
    return sum((b - a) * math.log(b / a) for a, b in pairs)
