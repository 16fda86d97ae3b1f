"""Statistics of experiments. Pure: numbers in, numbers out. The unit is always the account.

Sources: Wilson, JASA 1927;22:209-212 and Newcombe, Stat Med 1998;17:873-890, method 10 (shares); Welch, Biometrika
1947;34:28-35 (amounts); the delta method with the account as cluster for ratios of sums; Deng et al., WSDM 2013
(CUPED); Robbins, Ann Math Stat 1970;41:1397-1409 and Waudby-Smith et al., arXiv:2103.06476, for intervals that hold at
every look (mixture sequential probability ratio test with a normal mixture, asymptotic).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from journeys.experiments.later import stats

Values: TypeAlias = NDArray[np.float64]
RATIO_LIMIT: Final = 0.001
"""Below this p of the sample-ratio check no result is shown."""
SMALL: Final = 5
"""Expected counts below which shares are compared exactly."""
ALIKE: Final = 1e-9
"""Of the values: spread that comes of rounding alone."""


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Second minus first, with the interval at 1 − alpha; ``error`` is its standard error where nothing differs."""

    estimate: float
    low: float
    high: float
    p: float
    error: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> float:
    """p of the chi-square test that accounts were dealt by these shares; 1 where there is nothing to compare."""
    dealt = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    total, whole = sum(count for count, _ in dealt), sum(weight for _, weight in dealt)
    if any(count for count, weight in zip(counts, weights, strict=True) if not weight):
        return 0.0
    if total == 0 or len(dealt) < 2:
        return 1.0
    expected = [total * weight / whole for _, weight in dealt]
    return float(stats.chisquare([count for count, _ in dealt], expected).pvalue)


def critical(alpha: float) -> float:
    """The normal quantile of a two-sided interval."""
    return float(stats.norm.ppf(1 - alpha / 2))


# --- Shares -------------------------------------------------------------------------------------------------------


def wilson(hits: int, n: int, alpha: float = 0.05) -> Interval:
    """The score interval of a share."""
    if n == 0:
        return Interval(0.0, 1.0)
    z, share = critical(alpha), hits / n
    middle, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return Interval(0.0 if hits == 0 else max(low, 0.0), 1.0 if hits == n else min(high, 1.0))


def share_difference(first: tuple[int, int], second: tuple[int, int], alpha: float = 0.05) -> Difference:
    """Two shares, each as (hits, accounts): Newcombe's hybrid score interval; p exact (Fisher) for small counts."""
    (a, m), (b, n) = first, second
    p, q = a / m, b / n
    one, two = wilson(a, m, alpha), wilson(b, n, alpha)
    estimate = q - p
    low = estimate - sqrt((q - two.low) ** 2 + (one.high - p) ** 2)
    high = estimate + sqrt((two.high - q) ** 2 + (p - one.low) ** 2)
    return Difference(estimate, low, high, _share_p(a, m, b, n), pooled_error(a, m, b, n))


def pooled_error(a: int, m: int, b: int, n: int) -> float:
    """Standard error of a difference of shares if there is none; a share of 0 or 1 is taken as half an account off."""
    hits, total = a + b, m + n
    share = (hits + 0.5) / (total + 1) if hits in (0, total) else hits / total
    return sqrt(share * (1 - share) * (1 / m + 1 / n))


def _share_p(a: int, m: int, b: int, n: int) -> float:
    table = [[a, m - a], [b, n - b]]
    least = min((a + b), (m + n - a - b)) * min(m, n) / (m + n)
    if least < SMALL:
        return float(stats.fisher_exact(table).pvalue)
    return float(2 * stats.norm.sf(abs(b / n - a / m) / pooled_error(a, m, b, n)))


# --- Amounts and ratios -------------------------------------------------------------------------------------------


def mean_difference(first: Values, second: Values, alpha: float = 0.05) -> Difference:
    """Two means by Welch, whose variances need not be equal; each side has at least two accounts."""
    estimate = float(np.mean(second) - np.mean(first))
    error = sqrt(float(np.var(first, ddof=1)) / len(first) + float(np.var(second, ddof=1)) / len(second))
    if error <= ALIKE * max(float(np.max(np.abs(first))), float(np.max(np.abs(second)))):
        return _alike(estimate)
    found: Any = stats.ttest_ind(second, first, equal_var=False)
    bounds = found.confidence_interval(1 - alpha)
    return Difference(estimate, float(bounds.low), float(bounds.high), float(found.pvalue), error)


def _alike(estimate: float) -> Difference:
    """Of accounts that are all alike: what the difference is, and nothing of how far chance reaches."""
    return Difference(estimate, estimate, estimate, 1.0, 0.0)


def mean_interval(values: Values, alpha: float = 0.05) -> Interval:
    """The t interval of a mean."""
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Interval(float("-inf"), float("inf"))
    half = float(stats.t.ppf(1 - alpha / 2, n - 1)) * float(np.std(values, ddof=1)) / sqrt(n)
    return Interval(mean - half, mean + half)


def ratio(values: Values, bases: Values) -> tuple[float, float]:
    """Sum ÷ sum with its standard error by the delta method: accounts are the clusters, however much each weighs."""
    whole = float(np.mean(bases))
    if whole == 0:
        return 0.0, 0.0
    found = float(np.mean(values)) / whole
    error = float(np.std((values - found * bases) / whole, ddof=1)) / sqrt(len(values))
    return found, error


def ratio_difference(first: tuple[Values, Values], second: tuple[Values, Values], alpha: float = 0.05) -> Difference:
    """Two ratios of sums, each as (values, bases)."""
    (p, e), (q, f) = ratio(*first), ratio(*second)
    error, estimate = sqrt(e * e + f * f), q - p
    if error <= ALIKE * max(abs(p), abs(q)):
        return _alike(estimate)
    half = critical(alpha) * error
    return Difference(
        estimate, estimate - half, estimate + half, float(2 * stats.norm.sf(abs(estimate) / error)), error
    )


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Amounts with what the time before explains taken out; ``saved`` is the share of the variance that it explains."""

    arms: Sequence[Values]
    theta: float
    saved: float


def cuped(arms: Sequence[Values], before: Sequence[Values]) -> Adjusted:
    """Each arm's values less theta × (its value before − the mean before): the same mean, less variance.

    One theta for all arms, from deviations within each arm, so that a difference between arms does not bend it.
    """
    y = np.concatenate([values - np.mean(values) for values in arms if len(values)])
    x = np.concatenate([values - np.mean(values) for values in before if len(values)])
    spread = float(np.dot(x, x))
    if spread == 0 or float(np.dot(y, y)) == 0:
        return Adjusted(list(arms), 0.0, 0.0)
    theta = float(np.dot(x, y)) / spread
    mean = float(np.mean(np.concatenate(list(before))))
    adjusted = [values - theta * (past - mean) for values, past in zip(arms, before, strict=True)]
    return Adjusted(adjusted, theta, theta * theta * spread / float(np.dot(y, y)))


# --- Reading at any time ------------------------------------------------------------------------------------------


def mixture(planned: int, alpha: float) -> float:
    """The width of the mixture that makes the interval narrowest at the planned number of accounts."""
    return sqrt((-2 * log(alpha) + log(-2 * log(alpha) + 1)) / max(planned, 1))


def always_multiplier(n: int, rho: float, alpha: float) -> float:
    """How many standard errors of n accounts an interval reaches to that holds at every look."""
    spread = n * rho * rho
    return sqrt(2 * (spread + 1) / spread * log(sqrt(spread + 1) / alpha))


def always(difference: Difference, error: float, n: int, planned: int, alpha: float = 0.05) -> Difference:
    """The same difference with an interval and a p that hold at every look; ``error`` is its standard error now."""
    rho = mixture(planned, alpha)
    half = always_multiplier(n, rho, alpha) * error
    return Difference(
        difference.estimate,
        difference.estimate - half,
        difference.estimate + half,
        _always_p(difference.estimate, error, n, rho),
        difference.error,
    )


def _always_p(estimate: float, error: float, n: int, rho: float) -> float:
    if error == 0:
        return 1.0
    spread = n * rho * rho
    evidence = (estimate / error) ** 2 * spread / (2 * (spread + 1))
    return min(1.0, sqrt(spread + 1) * exp(-min(evidence, 700.0)))


def share_error(a: int, m: int, b: int, n: int) -> float:
    """Standard error of a difference of shares as they are; shares of 0 and 1 are taken as half an account off."""
    p = (a + 0.5) / (m + 1) if a in (0, m) else a / m
    q = (b + 0.5) / (n + 1) if b in (0, n) else b / n
    return sqrt(p * (1 - p) / m + q * (1 - q) / n)
