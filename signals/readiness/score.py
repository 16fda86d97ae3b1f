"""How much speaks for an expansion, 0 to 100: how fast use grows, how wide it is, how deep. Pure.

Each part is a straight line between two values of one measure, level beyond them:

- velocity: change of active users in 28 days against the 28 days before, −20% → 0, +40% → 100; weight 40
- breadth: different events used in 30 days, 0 → 0, 8 → 100; weight 30
- depth: days with use in 30 days, 0 → 0, 20 → 100; weight 30

The score is their mean by weight, rounded half up. A part without a value hands its weight on to the others; without
any there is no score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from signals.health.scoring import Card, Measured, Seen, rounded, score_of

Reading = tuple[str, dict[str, Any]]
# By part: the measure with its arguments, worst, best, weight.
PARTS: Final[Mapping[str, tuple[str, dict[str, Any], int, int, int]]] = {
    "velocity": ("users_change", {"days": 28}, -20, 40, 40),
    "breadth": ("events_used", {"days": 30}, 0, 8, 30),
    "depth": ("use_days", {"days": 30}, 0, 20, 30),
}
CARD: Final = Card(tuple(
    Measured(part, part, part, Fraction(worst), Fraction(best), weight)
    for part, (_, _, worst, best, weight) in PARTS.items()
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Propensity:
    """The score with its parts, each 0 to 100; None where there is no value."""

    score: int | None
    velocity: int | None
    breadth: int | None
    depth: int | None


def propensity(values: Mapping[str, Any]) -> Propensity:
    """The score of an account by the values of its parts."""
    score = score_of(CARD, {part: Seen(values.get(part)) for part in PARTS})
    points = {line.measure.key: line.points for line in score.lines}
    return Propensity(
        score.score, **{part: None if (found := points[part]) is None else rounded(found) for part in PARTS}
    )
