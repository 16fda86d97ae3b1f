"""How many accounts an experiment needs, and what a number of accounts can detect. Pure.

By the normal approximation, two-sided: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd ed.,
section 4.2, without correction for continuity; tests hold it against statsmodels, which is too slow to load in a web
process. With several arms each is compared with the first at alpha ÷ comparisons (Bonferroni). Read at any time, an
experiment needs more: the interval is wider by the multiplier of stats.always_multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from journeys.experiments.later import optimize, stats
from journeys.experiments.stats import always_multiplier, critical, mixture

MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment is planned with; shares from 0 to 1."""

    arms: int = 2
    alpha: float = 0.05
    power: float = 0.8
    sequential: bool = False

    @property
    def level(self) -> float:
        """Alpha of one comparison."""
        return self.alpha / max(self.arms - 1, 1)

    def widening(self, per_arm: int) -> float:
        """How much wider than once on its day the reading is."""
        if not self.sequential:
            return 1.0
        n = 2 * per_arm
        return always_multiplier(n, mixture(n, self.level), self.level) / critical(self.level)


def accounts_for_share(baseline: float, change: float, plan: Plan) -> int | None:
    """Accounts in each arm to detect a change of a share; None where more than ten million would not do."""
    other = baseline + change
    if not 0 < baseline < 1 or not 0 <= other <= 1 or change == 0:
        return None
    middle = (baseline + other) / 2
    null, real = sqrt(2 * middle * (1 - middle)), sqrt(baseline * (1 - baseline) + other * (1 - other))
    reach = float(stats.norm.ppf(plan.power))
    return _widened(_square((critical(plan.level) * null + reach * real) / change), plan)


def accounts_for_amount(spread: float, change: float, plan: Plan) -> int | None:
    """Accounts in each arm to detect a change of a mean whose standard deviation is `spread`."""
    if spread <= 0 or change == 0:
        return None
    reach = critical(plan.level) + float(stats.norm.ppf(plan.power))
    return _widened(2 * _square(reach * spread / change), plan)


def _square(value: float) -> float:
    """Infinite where it is too great for a number."""
    return value * value


def _widened(per_arm: float, plan: Plan) -> int | None:
    if per_arm > MOST:
        return None
    reach = float(stats.norm.ppf(plan.power))
    wide = (critical(plan.level) * plan.widening(ceil(per_arm)) + reach) / (critical(plan.level) + reach)
    needed = max(ceil(per_arm * wide * wide), 2)
    return needed if needed <= MOST else None


def detectable_share(baseline: float, per_arm: int, plan: Plan) -> float | None:
    """The smallest rise (where there is no room, fall) of a share that so many accounts in each arm detect."""
    if per_arm < 2 or not 0 < baseline < 1:
        return None
    room, sign = (1 - baseline, 1) if baseline <= 0.5 else (baseline, -1)

    def short(change: float) -> float:
        return (accounts_for_share(baseline, sign * change, plan) or MOST) - per_arm

    if short(room * 0.999) > 0:
        return None
    return sign * float(optimize.brentq(short, 1e-6, room * 0.999, xtol=1e-6))
