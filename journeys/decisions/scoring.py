"""Chances and what they are learnt from: priors, draws that come again, intervals, lift. Pure; no Django.

The chance that a play succeeds is a Beta distribution: a prior that somebody states, and every outcome added to it.
Each decision draws from it (Thompson sampling): plays that are little known are tried now and then, those that proved
themselves most of the time. The draw is seeded by tenant, account, day and play, so that it comes out the same again.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

# Two-sided 95% of the normal distribution.
Z: Final = 1.959964
LEAST_FOR_LIFT: Final = 30
"""Fewer outcomes than this on either side say nothing about a difference."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of a chance: Beta(a, b), of which ``successes`` and ``failures`` are outcomes."""

    prior_a: float
    prior_b: float
    successes: int = 0
    failures: int = 0

    @property
    def a(self) -> float:
        return self.prior_a + self.successes

    @property
    def b(self) -> float:
        return self.prior_b + self.failures

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def interval(self) -> tuple[float, float]:
        """The middle 90% of the distribution."""
        # Looked at by one page: no other process has to load it, and `scipy.stats` would take ten times as long.
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, 0.05)), float(betaincinv(self.a, self.b, 0.95))


def seed_of(tenant_id: UUID, account_id: UUID, day: date, play: str) -> int:
    """The seed of a draw: the same for ever for the same four."""
    text = f"{tenant_id}:{account_id}:{day.isoformat()}:{play}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def draw(belief: Belief, seed: int) -> float:
    """One draw from the belief, the same for the same seed, rounded to nine digits."""
    rng = random.Random(seed)
    x, y = _gamma(belief.a, rng), _gamma(belief.b, rng)
    return round(x / (x + y), 9)


def _gamma(shape: float, rng: random.Random) -> float:
    """Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables" (2000).

    Made of ``random()`` alone: of the generator's other methods Python does not promise the same numbers for ever.
    """
    if shape < 1:
        return _gamma(shape + 1, rng) * float((1 - rng.random()) ** (1 / shape))
    d = shape - 1 / 3
    c = 1 / math.sqrt(9 * d)
    while True:
        x = _normal(rng)
        v = (1 + c * x) ** 3
        if v > 0 and math.log(1 - rng.random()) < 0.5 * x * x + d - d * v + d * math.log(v):
            return d * v


def _normal(rng: random.Random) -> float:
    return math.sqrt(-2 * math.log(1 - rng.random())) * math.cos(2 * math.pi * rng.random())


# --- Lift ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """Accounts that reached a measure, of all whose time is over."""

    met: int
    total: int

    @property
    def share(self) -> float | None:
        return self.met / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Lift:
    """The difference of two shares with its 95% interval, as fractions; ``why`` says why there is none."""

    difference: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""


def lift(treated: Tally, held_out: Tally) -> Lift:
    """Newcombe's hybrid score interval (1998, method 10) of the difference; refused under `LEAST_FOR_LIFT` a side."""
    least = min(treated.total, held_out.total)
    if least < LEAST_FOR_LIFT:
        return Lift(why=f"needs {LEAST_FOR_LIFT} outcomes on each side, the smaller has {least}")
    p, q = treated.met / treated.total, held_out.met / held_out.total
    p_low, p_high = wilson(treated)
    q_low, q_high = wilson(held_out)
    low = p - q - math.hypot(p - p_low, q_high - q)
    high = p - q + math.hypot(p_high - p, q - q_low)
    return Lift(p - q, max(-1.0, low), min(1.0, high))


def wilson(tally: Tally) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    n, share = tally.total, tally.met / tally.total
    middle = share + Z * Z / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
