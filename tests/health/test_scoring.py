"""What a score is made of, and what a change of it comes from."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from signals.health.scoring import (
    Band,
    Card,
    Measured,
    Seen,
    State,
    change_of,
    kept,
    problems,
    read_back,
    rounded,
    score_of,
    state_of,
)

KEYS = "abcdefgh"
NUMBERS = st.integers(-1000, 1000) | st.floats(-1000, 1000, allow_nan=False).map(lambda x: round(x, 3))


def measured(reading: str, worst: float = 0, best: float = 100, weight: int = 1, **more: int) -> Measured:
    missing = more.get("missing_as")
    return Measured(
        reading, reading, reading, Fraction(str(worst)), Fraction(str(best)), weight, more.get("stale_after"),
        None if missing is None else Fraction(missing),
    )  # fmt: skip


@st.composite
def cards(draw: st.DrawFn) -> Card:
    readings = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=8, unique=True))
    measures = []
    for reading in readings:
        worst, best = draw(st.tuples(NUMBERS, NUMBERS).filter(lambda ends: ends[0] != ends[1]))
        stale = draw(st.none() | st.integers(1, 90))
        weight = draw(st.integers(1, 100))
        measures.append(Measured(reading, reading, reading, Fraction(str(worst)), Fraction(str(best)), weight, stale))
    return Card(tuple(measures))


SEEN = st.builds(Seen, st.none() | NUMBERS, st.integers(0, 200))
VALUES = st.dictionaries(st.sampled_from(KEYS), SEEN)


@given(cards(), VALUES)
def test_a_score_lies_between_the_points_of_its_measures(card: Card, values: dict[str, Seen]) -> None:
    found = score_of(card, values)
    points = [line.points for line in found.lines if line.points is not None]
    assert (found.score is None) is (not points)
    assert (found.band is None) is (not points)
    if points:
        assert found.score is not None
        assert rounded(min(points)) <= found.score <= rounded(max(points))
        assert sum(line.share for line in found.lines) == 1


@given(cards(), VALUES)
def test_the_weight_of_what_is_missing_goes_to_the_others_in_proportion(card: Card, values: dict[str, Seen]) -> None:
    found = score_of(card, values)
    there = tuple(line.measure for line in found.lines if line.state is not State.MISSING)
    assert score_of(Card(there), values).score == found.score
    for line in found.lines:
        if line.points is not None:
            assert line.share == Fraction(line.measure.weight, sum(m.weight for m in there))


@given(cards(), VALUES, st.integers(2, 9))
def test_weights_that_are_all_multiplied_change_nothing(card: Card, values: dict[str, Seen], factor: int) -> None:
    heavier = Card(tuple(replace(m, weight=m.weight * factor) for m in card.measures))
    assert score_of(heavier, values).score == score_of(card, values).score


@given(cards(), VALUES, cards(), VALUES)
def test_the_parts_of_a_change_sum_to_it(before: Card, old: dict[str, Seen], after: Card, new: dict[str, Seen]) -> None:
    change = change_of(before, old, after, new)
    first, last = score_of(before, old).score, score_of(after, new).score
    assert (change is None) is (first is None or last is None)
    if change is not None:
        assert change.behaviour + change.data + change.model == change.points == change.after - change.before
        assert (change.before, change.after) == (first, last)


@given(cards(), VALUES, st.data())
def test_weighing_anew_alone_moves_only_the_part_of_the_model(
    card: Card, values: dict[str, Seen], data: st.DataObject
) -> None:
    other = Card(tuple(replace(m, weight=data.draw(st.integers(1, 100))) for m in card.measures))
    change = change_of(card, values, other, values)
    if change is not None:
        assert (change.behaviour, change.data) == (0, 0)


@given(cards(), VALUES, VALUES)
def test_without_a_new_model_nothing_is_put_down_to_it(card: Card, old: dict[str, Seen], new: dict[str, Seen]) -> None:
    change = change_of(card, old, card, new)
    assert change is None or change.model == 0


@given(cards(), st.data())
def test_values_that_are_all_there_before_and_after_change_by_behaviour_alone(card: Card, data: st.DataObject) -> None:
    old, new = ({m.reading: Seen(data.draw(NUMBERS)) for m in card.measures} for _ in range(2))
    change = change_of(card, old, card, new)
    assert change is not None
    assert (change.data, change.model) == (0, 0)


def test_data_that_goes_missing_is_not_told_as_behaviour() -> None:
    card = Card((measured("a"), measured("b"), measured("c")))
    old = {"a": Seen(90), "b": Seen(60), "c": Seen(0)}
    change = change_of(card, old, card, {"a": Seen(90), "b": Seen(60), "c": Seen(None)})
    assert change is not None
    assert (change.before, change.after) == (50, 75)
    assert (change.behaviour, change.data, change.model) == (0, 25, 0)


def test_either_direction_is_a_straight_line_and_level_beyond_its_ends() -> None:
    rising, falling = measured("a", 10, 30), measured("a", 5, 0)
    assert [rising.points(v) for v in (0, 10, 20, 30, 99)] == [0, 0, 50, 100, 100]
    assert [falling.points(v) for v in (-1, 0, 1, 5, 9)] == [100, 100, 80, 0, 0]


def test_a_band_has_its_lower_bound_and_not_its_upper() -> None:
    card = Card((measured("a"),))
    bands = [score_of(card, {"a": Seen(value)}).band for value in (39, 39.4, 39.5, 40, 69, 70, 100)]
    assert bands == [Band.RED, Band.RED, Band.YELLOW, Band.YELLOW, Band.YELLOW, Band.GREEN, Band.GREEN]
    assert Card(card.measures, 20, 90).band(89) is Band.YELLOW


def test_a_stale_value_counts_until_it_is_twice_as_old_as_it_may_be() -> None:
    measure = measured("a", stale_after=60)
    ages = (0, 60, 61, 120, 121)
    assert [state_of(measure, Seen(1, age)) for age in ages] == ["known", "known", "stale", "stale", "missing"]
    assert state_of(measured("a"), Seen(1, 9999)) is State.KNOWN


def test_the_worst_input_is_the_one_that_costs_most() -> None:
    card = Card((measured("light", weight=1), measured("heavy", weight=9), measured("gone", weight=50)))
    found = score_of(card, {"light": Seen(0), "heavy": Seen(80)})
    assert found.worst is not None
    assert found.worst.measure.key == "heavy"
    assert score_of(card, {"light": Seen(100), "heavy": Seen(100)}).worst is None
    assert score_of(card, {}).worst is None


@given(VALUES)
def test_values_come_back_as_they_were_kept(values: dict[str, Seen]) -> None:
    assert read_back(kept(values)) == values


def test_a_card_that_cannot_be_says_why() -> None:
    good = Card(tuple(measured(key) for key in "abc"))
    assert problems(good) == []
    assert problems(Card(good.measures[:2])) == ["a scorecard has 3 to 10 measures, this one has 2"]
    level = Card((*good.measures, measured("d", 5, 5)))
    assert problems(level) == ["d: the worst and the best value are the same"]
    assert "“a” is measured twice" in problems(Card((*good.measures, measured("a"))))
    assert problems(Card(good.measures, 70, 70)) == ["the bands need 0 < yellow from < green from ≤ 100"]
    assert problems(Card((*good.measures, measured("d", weight=0)))) == [
        "d: the weight is a whole number from 1 to 100"
    ]
