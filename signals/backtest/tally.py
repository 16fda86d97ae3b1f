"""What a back-test counts, account by account, and keeps as JSON between the steps of a worker. Pure; no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from signals.backtest.statistics import GROUPS

HORIZONS: Final = (30, 60, 90, 180)
# The horizon of the ranking of measures, of segments and of the list of losses.
MAIN: Final = 90
BANDS: Final = ("red", "yellow", "green", "none")
MOST_MONTHS: Final = 240
# A field with more values than these says nothing about any one of them.
MOST_VALUES: Final = 40


@dataclass(frozen=True, slots=True)
class Observation:
    """A paying account at the end of a day: how it was scored, what it paid, and what it paid after each horizon.

    Money in minor units a month; a horizon that is not over yet is not in ``later``. ``points`` by measure, 0 to 100,
    None where the measure had no value.
    """

    day: date
    mrr: int
    score: int | None
    band: str
    shown_band: str
    months: int
    later: Mapping[int, int]
    points: Mapping[str, int | None] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)

    def churned(self, horizon: int) -> bool:
        return self.later[horizon] == 0


def empty() -> dict[str, Any]:
    """Nothing counted."""
    return {
        "observations": 0,
        "horizons": {str(horizon): _horizon() for horizon in HORIZONS},
        "measures": {},
        "segments": {},
        "days": {},
        "recent": {"left": 0, "red": 0, "yellow": 0, "green": 0, "none": 0, "shown_green": 0},
    }


def _horizon() -> dict[str, Any]:
    cells = {band: {"kept": [0, 0], "contracted": [0, 0, 0], "churned": [0, 0]} for band in BANDS}
    return {
        "bands": cells,
        "accounts": {band: [0, 0] for band in BANDS},
        "every": [0, 0],
        "score": {},
        "tenure": {},
    }


def group_of(account_id: int) -> int:
    """The group that an account belongs to, by its id as a number."""
    return (account_id >> 5) % GROUPS


def count(tally: dict[str, Any], group: int, seen: Sequence[Observation]) -> None:
    """Add what was seen of one account on its days."""
    tally["observations"] += len(seen)
    for horizon in HORIZONS:
        over = [one for one in seen if horizon in one.later]
        if over:
            _count_horizon(tally["horizons"][str(horizon)], str(group), over, horizon)
    for one in seen:
        if MAIN in one.later:
            _count_main(tally, str(group), one)


def _count_horizon(found: dict[str, Any], group: str, seen: Sequence[Observation], horizon: int) -> None:
    lost_in: dict[str, bool] = {}
    for one in seen:
        churned = one.churned(horizon)
        _count_band(found["bands"][one.band], one, one.later[horizon])
        lost_in[one.band] = lost_in.get(one.band, False) or churned
        if one.score is not None:
            _hit(found["score"].setdefault(group, {}), one.score, churned)
            _hit(found["tenure"].setdefault(group, {}), min(one.months, MOST_MONTHS), churned)
    for band, lost in lost_in.items():
        _add(found["accounts"][band], 1, lost)
    _add(found["every"], 1, any(lost_in.values()))


def _count_band(cells: dict[str, list[int]], one: Observation, later: int) -> None:
    if later == 0:
        _add(cells["churned"], 1, one.mrr)
    elif later < one.mrr:
        _add(cells["contracted"], 1, one.mrr, one.mrr - later)
    else:
        _add(cells["kept"], 1, one.mrr)


def _count_main(tally: dict[str, Any], group: str, one: Observation) -> None:
    churned = one.churned(MAIN)
    _add(tally["days"].setdefault(one.day.isoformat(), [0, 0]), 1, churned)
    for key, points in one.points.items():
        found = tally["measures"].setdefault(key, {"missing": [0, 0], "groups": {}})
        if points is None:
            _add(found["missing"], 1, churned)
        else:
            _hit(found["groups"].setdefault(group, {}), points, churned)
    for name, value in one.segments.items():
        values = tally["segments"].setdefault(name, {})
        if value not in values and len(values) >= MOST_VALUES:
            value = "other"
        _count_segment(values.setdefault(value, _segment()), one, churned)


def _segment() -> dict[str, Any]:
    return {"bands": {band: [0, 0] for band in BANDS}, "mrr": 0, "lost": 0, "score": {}}


def _count_segment(found: dict[str, Any], one: Observation, churned: bool) -> None:
    _add(found["bands"][one.band], 1, churned)
    found["mrr"] += one.mrr
    found["lost"] += max(one.mrr - one.later[MAIN], 0)
    if one.score is not None:
        _hit(found["score"], one.score, churned)


def count_recent(tally: dict[str, Any], band: str, shown_band: str) -> None:
    """Add an account that left lately, with the band it was in ninety days before."""
    tally["recent"]["left"] += 1
    tally["recent"][band] += 1
    tally["recent"]["shown_green"] += shown_band == "green"


def _hit(histogram: dict[str, list[int]], value: int, churned: bool) -> None:
    # Keys of JSON are texts.
    _add(histogram.setdefault(str(value), [0, 0]), 1, churned)


def _add(cell: list[int], *amounts: int) -> None:
    for at, amount in enumerate(amounts):
        cell[at] += int(amount)
