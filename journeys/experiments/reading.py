"""From values by arm to what may be said: the check of the deal, estimates with intervals, a verdict or its refusal.

Pure. The first arm is the control; each other one is compared with it, at alpha ÷ comparisons (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from journeys.experiments import stats
from journeys.experiments.kinds import Kind
from journeys.experiments.later import stats as distributions
from journeys.experiments.stats import Difference, Interval, Values


class State(StrEnum):
    """Why there is, or is no, result: the deal is off, too few accounts, before its day, or it can be read."""

    RATIO = "ratio"
    FEW = "few"
    EARLY = "early"
    READ = "read"


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SMALL = "small"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Design:
    """What was fixed at launch. ``planned``: accounts in all arms; ``day``: when a fixed reading takes place."""

    kind: Kind
    weights: Sequence[int]
    alpha: float = 0.05
    power: float = 0.8
    sequential: bool = False
    planned: int = 0
    day: date | None = None

    @property
    def level(self) -> float:
        """Alpha of one comparison."""
        return self.alpha / max(len(self.weights) - 1, 1)


@dataclass(frozen=True, slots=True)
class Sample:
    """The accounts of one arm whose window is over; ``before`` where every account has such a value."""

    values: Values
    bases: Values
    before: Values | None = None

    @property
    def n(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An arm: accounts, its share, mean or ratio, and the interval of that."""

    n: int
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm against the first. ``detectable``: the smallest difference that this sample shows at the stated power."""

    arm: int
    difference: Difference
    detectable: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """``ratio_p``: of the sample-ratio check, which comes first. ``saved``: variance taken out by the time before."""

    state: State
    ratio_p: float
    arms: Sequence[Estimate] = ()
    comparisons: Sequence[Comparison] = ()
    saved: float = 0.0


LEAST = 2
"""Accounts in each arm without which nothing can be said."""


def read(design: Design, counts: Sequence[int], samples: Sequence[Sample], today: date) -> Result:
    """The result of an experiment; ``counts``: accounts assigned to each arm, whether their window is over or not."""
    ratio_p = stats.sample_ratio(counts, design.weights)
    if ratio_p < stats.RATIO_LIMIT:
        return Result(State.RATIO, ratio_p)
    compared, saved = _adjusted(design, samples)
    arms = [_estimate(design, sample) for sample in compared]
    if min((sample.n for sample in samples), default=0) < LEAST:
        return Result(State.FEW, ratio_p, arms, saved=saved)
    if design.day is not None and not design.sequential and today < design.day:
        return Result(State.EARLY, ratio_p, arms, saved=saved)
    comparisons = [compare(design, compared[0], sample, arm) for arm, sample in enumerate(compared) if arm]
    return Result(State.READ, ratio_p, arms, comparisons, saved)


def compare(design: Design, control: Sample, other: Sample, arm: int = 1) -> Comparison:
    """One arm against the control."""
    level = design.level
    found, error = _difference(design, control, other)
    reach = stats.critical(level)
    if design.sequential:
        n = control.n + other.n
        found = stats.always(found, error, n, design.planned, level)
        reach = stats.always_multiplier(n, stats.mixture(design.planned, level), level)
    detectable = (reach + float(distributions.norm.ppf(design.power))) * found.error
    return Comparison(arm, found, detectable, _verdict(found, detectable))


def _verdict(found: Difference, detectable: float) -> Verdict:
    if not found.excludes_zero:
        return Verdict.NONE
    # Accounts that are all alike say nothing of how far chance reaches.
    if found.error == 0 or abs(found.estimate) < detectable:
        return Verdict.SMALL
    return Verdict.BETTER if found.estimate > 0 else Verdict.WORSE


def _difference(design: Design, control: Sample, other: Sample) -> tuple[Difference, float]:
    """The difference, and its standard error as the two sides are."""
    if design.kind is Kind.SHARE:
        first, second = (_hits(control), control.n), (_hits(other), other.n)
        return stats.share_difference(first, second, design.level), stats.share_error(*first, *second)
    if design.kind is Kind.RATIO:
        pairs = (control.values, control.bases), (other.values, other.bases)
        found = stats.ratio_difference(*pairs, design.level)
    else:
        found = stats.mean_difference(control.values, other.values, design.level)
    return found, found.error


def _adjusted(design: Design, samples: Sequence[Sample]) -> tuple[Sequence[Sample], float]:
    """Amounts less what the time before explains."""
    before = [sample.before for sample in samples]
    if design.kind is not Kind.AMOUNT or any(past is None for past in before) or not all(s.n for s in samples):
        return samples, 0.0
    found = stats.cuped([sample.values for sample in samples], [past for past in before if past is not None])
    return [Sample(values, sample.bases) for values, sample in zip(found.arms, samples, strict=True)], found.saved


def _estimate(design: Design, sample: Sample) -> Estimate:
    if sample.n == 0:
        return Estimate(0, 0.0, Interval(0.0, 0.0))
    if design.kind is Kind.SHARE:
        hits = _hits(sample)
        return Estimate(sample.n, hits / sample.n, stats.wilson(hits, sample.n, design.alpha))
    if design.kind is Kind.RATIO:
        value, error = stats.ratio(sample.values, sample.bases) if sample.n > 1 else (float(sample.values[0]), 0.0)
        half = stats.critical(design.alpha) * error
        return Estimate(sample.n, value, Interval(value - half, value + half))
    return Estimate(sample.n, float(np.mean(sample.values)), stats.mean_interval(sample.values, design.alpha))


def _hits(sample: Sample) -> int:
    return round(float(np.sum(sample.values)))
