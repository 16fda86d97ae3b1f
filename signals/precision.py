"""How often a trigger was right, by what people made of its signals. Pure; no Django.

Judged is what somebody resolved or dismissed; wrong is what was dismissed as *not true*. A signal that was known
already or not relevant was true all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

# Of fewer judged signals nothing is said.
ENOUGH: Final = 20
# 95% of a normal distribution lie within so many deviations.
Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Precision:
    """``judged`` signals of which ``not_true`` were wrong."""

    judged: int
    not_true: int

    @property
    def is_enough(self) -> bool:
        return self.judged >= ENOUGH

    @property
    def value(self) -> float | None:
        """The share that was right, 0 to 1; None while too few are judged."""
        return (self.judged - self.not_true) / self.judged if self.is_enough else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Within which the share lies with 95% certainty; None while too few are judged."""
        return wilson(self.judged - self.not_true, self.judged) if self.is_enough else None


def wilson(right: int, count: int) -> tuple[float, float]:
    """Wilson's score interval of 95% for ``right`` of ``count``; ``count`` must not be 0."""
    share, squared = right / count, Z * Z
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = Z / (1 + squared / count) * sqrt(share * (1 - share) / count + squared / (4 * count * count))
    # Rounding must not leave the share outside.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
