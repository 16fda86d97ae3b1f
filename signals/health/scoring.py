"""What a health score is: from values of measures to points, a mean, a band, and why it changed. Pure; no Django.

A measure gives 0 to 100 points, on a straight line between its worst and its best value and level beyond them. The
score is the mean of the points by weight, over the measures that have a value, rounded half up to a whole number. A
value older than `stale_after` days is *stale* and counts; older than twice as much it is *missing*. What is missing
hands its weight on to the others in proportion. Without any value there is no score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

FEWEST, MOST = 3, 10
HEAVIEST: Final = 100
# A stale value counts until it is this many times as old as it may be.
GONE_AFTER: Final = 2
HAND: Final = "hand"
Number = int | float | Decimal | Fraction


class Band(StrEnum):
    """What a score means; the lower bound belongs to the band, the upper one to the next."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class State(StrEnum):
    """What a measure's value is worth."""

    KNOWN = "known"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of a scorecard.

    ``reading`` says what is read (a fact or measure with its arguments, or what is set by hand): two versions measure
    the same where it is the same. ``missing_as`` is the value that having none stands for, such as 0 days overdue.
    """

    key: str
    label: str
    reading: str
    worst: Fraction
    best: Fraction
    weight: int
    stale_after: int | None = None
    missing_as: Fraction | None = None

    def points(self, value: Number) -> Fraction:
        """0 to 100."""
        share = (exact(value) - self.worst) / (self.best - self.worst)
        return 100 * max(Fraction(0), min(Fraction(1), share))


@dataclass(frozen=True, slots=True)
class Card:
    """A version of a scorecard: what it measures, and where the bands begin."""

    measures: tuple[Measured, ...]
    yellow_from: int = 40
    green_from: int = 70

    def band(self, score: int | None) -> Band | None:
        if score is None:
            return None
        return Band.RED if score < self.yellow_from else Band.YELLOW if score < self.green_from else Band.GREEN


@dataclass(frozen=True, slots=True)
class Seen:
    """A value and how many days old it is; None: there is none."""

    value: Number | None
    age: int = 0


Values = Mapping[str, Seen]
"""By what is read; what is not in it is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A measure with its value. ``points`` is None when it is missing; ``share`` is its part of the whole, 0 to 1."""

    measure: Measured
    seen: Seen
    state: State
    points: Fraction | None
    share: Fraction

    @property
    def lost(self) -> Fraction:
        """How many points of the score it costs."""
        return Fraction(0) if self.points is None else self.share * (100 - self.points)


@dataclass(frozen=True, slots=True)
class Score:
    """The score of an account under a version; ``score`` is None when nothing has a value."""

    score: int | None
    band: Band | None
    lines: tuple[Line, ...]

    @property
    def worst(self) -> Line | None:
        """The measure that costs most points; None when none costs any."""
        found = max(self.lines, key=lambda line: line.lost, default=None)
        return found if found and found.lost else None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of score in points and what it comes from; the parts sum to `after` − `before`, exactly."""

    before: int
    after: int
    behaviour: int
    data: int
    model: int

    @property
    def points(self) -> int:
        return self.after - self.before


def exact(value: Number) -> Fraction:
    """A float as the decimal number that it is written as."""
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def state_of(measure: Measured, seen: Seen) -> State:
    if seen.value is None:
        return State.MISSING
    if measure.stale_after is None or seen.age <= measure.stale_after:
        return State.KNOWN
    return State.STALE if seen.age <= GONE_AFTER * measure.stale_after else State.MISSING


def score_of(card: Card, values: Values) -> Score:
    """The score of an account by the values of its measures."""
    nothing = Seen(None)
    found = [(m, seen := values.get(m.reading, nothing), state_of(m, seen)) for m in card.measures]
    whole = sum(measure.weight for measure, _, state in found if state is not State.MISSING)
    lines = tuple(_line(measure, seen, state, whole) for measure, seen, state in found)
    if not whole:
        return Score(None, None, lines)
    mean = sum((line.share * line.points for line in lines if line.points is not None), Fraction(0))
    score = rounded(mean)
    return Score(score, card.band(score), lines)


def _line(measure: Measured, seen: Seen, state: State, whole: int) -> Line:
    if state is State.MISSING or seen.value is None:
        return Line(measure, seen, State.MISSING, None, Fraction(0))
    return Line(measure, seen, state, measure.points(seen.value), Fraction(measure.weight, whole))


def rounded(number: Fraction) -> int:
    """Half up."""
    return int((number + Fraction(1, 2)) // 1)


def change_of(before: Card, old: Values, after: Card, new: Values) -> Change | None:
    """What a change of score comes from; None when there was no score, or is none.

    Asked in three steps, each of which changes one thing: the old values under the new card (*model*; what the old card
    did not measure is taken as it is now), then what has or lacks a value as now (*data*), then the values as now
    (*behaviour*).
    """
    first, last = score_of(before, old).score, score_of(after, new).score
    if first is None or last is None:
        return None
    known = {measure.reading for measure in before.measures}
    remodelled, same_data = dict[str, Seen](), dict[str, Seen]()
    for measure in after.measures:
        now = new.get(measure.reading, Seen(None))
        then = old.get(measure.reading, Seen(None)) if measure.reading in known else now
        remodelled[measure.reading], same_data[measure.reading] = then, _as_available(measure, then, now)
    filled = score_of(after, same_data).score
    assert filled is not None, "what has a value now has one here"
    model = score_of(after, remodelled).score
    if model is None:
        # Nothing that the new card measures had a value: there is no line between model and data.
        model = filled
    return Change(first, last, behaviour=last - filled, data=filled - model, model=model - first)


def _as_available(measure: Measured, before: Seen, now: Seen) -> Seen:
    """The value before, as far as there is one now; the value now where there was none before."""
    if state_of(measure, now) is State.MISSING or state_of(measure, before) is State.MISSING:
        return now
    return Seen(before.value, 0)


def problems(card: Card) -> list[str]:
    """What is wrong with a card; empty when it can be published."""
    found = []
    if not FEWEST <= len(card.measures) <= MOST:
        found.append(f"a scorecard has {FEWEST} to {MOST} measures, this one has {len(card.measures)}")
    found += _repeated([m.reading for m in card.measures], "is measured twice")
    found += _repeated([m.label.casefold() for m in card.measures], "is the name of two measures")
    for measure in card.measures:
        found += [f"{measure.label}: {wrong}" for wrong in _wrong(measure)]
    if not 0 < card.yellow_from < card.green_from <= 100:
        found.append("the bands need 0 < yellow from < green from ≤ 100")
    return found


def _wrong(measure: Measured) -> list[str]:
    found = []
    if measure.worst == measure.best:
        found.append("the worst and the best value are the same")
    if not 1 <= measure.weight <= HEAVIEST:
        found.append(f"the weight is a whole number from 1 to {HEAVIEST}")
    if measure.stale_after is not None and not 1 <= measure.stale_after <= 730:
        found.append("stale after 1 to 730 days")
    return found


def _repeated(names: Sequence[str], words: str) -> list[str]:
    return [f"“{name}” {words}" for name in dict.fromkeys(n for n in names if names.count(n) > 1)]


# --- As JSON has it -----------------------------------------------------------------------------------------------


def plain(number: Number | None) -> int | float | None:
    """A number as JSON has it; what has no end, in six digits."""
    if number is None or isinstance(number, int):
        return number
    value = exact(number)
    return int(value) if value.denominator == 1 else round(float(value), 6)


def kept(values: Values) -> dict[str, list[Any]]:
    """Values for storing: by reading, value and age."""
    return {reading: [plain(seen.value), seen.age] for reading, seen in values.items()}


def read_back(stored: Mapping[str, Sequence[Any]]) -> dict[str, Seen]:
    """Values as they were stored."""
    return {reading: Seen(value, age) for reading, (value, age) in stored.items()}
