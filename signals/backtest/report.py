"""What a back-test says, from what was counted: a verdict, figures with intervals, weights. Pure; no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from signals.backtest.statistics import (
    Estimate,
    Histogram,
    Parts,
    added,
    advantage,
    auc,
    either_way,
    ranking,
    relation,
    share_of,
    wilson,
)
from signals.backtest.tally import BANDS, HORIZONS, MAIN

# Fewer say nothing that holds; from so many on the intervals are of use.
LEAST_ACCOUNTS: Final = 20
LEAST_CHURNED: Final = 5
ENOUGH_CHURNED: Final = 30
# More of those who left than this were green ninety days before: the score does not see it coming.
BROKEN_SHARE: Final = 0.40
LEAST_LEFT: Final = 5
# A segment with fewer observations of either kind is not ranked.
LEAST_SEGMENT: Final = 5


def report(tally: Mapping[str, Any], measures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The result of a run as JSON: `measures` are the draft's, as stored."""
    horizons = {str(horizon): _horizon(tally["horizons"][str(horizon)]) for horizon in HORIZONS}
    main, recent = horizons[str(MAIN)], _recent(tally["recent"])
    enough = main["accounts"] >= LEAST_ACCOUNTS and main["churned_accounts"] >= LEAST_CHURNED
    return {
        "verdict": _verdict(enough, main, recent),
        "enough": enough,
        "few": enough and main["churned_accounts"] < ENOUGH_CHURNED,
        "observations": tally["observations"],
        "horizons": horizons,
        "recent": recent,
        "measures": _measures(tally["measures"], measures, enough),
        "segments": {name: _segments(values) for name, values in sorted(tally["segments"].items())},
        "days": [[day, *tally["days"][day]] for day in sorted(tally["days"], key=date.fromisoformat)],
    }


def _verdict(enough: bool, main: Mapping[str, Any], recent: Mapping[str, Any]) -> str:
    if not enough:
        return "not_enough"
    if recent["broken"]:
        return "broken"
    low = main["advantage"]["low"]
    return "ranks" if low is not None and low > 0 else "no_better"


def _parts(stored: Mapping[str, Mapping[str, Sequence[int]]]) -> Parts:
    return {int(group): _histogram(found) for group, found in stored.items()}


def _histogram(stored: Mapping[str, Sequence[int]]) -> Histogram:
    return {int(value): cell for value, cell in stored.items()}


# --- One horizon --------------------------------------------------------------------------------------------------


def _horizon(found: Mapping[str, Any]) -> dict[str, Any]:
    """The matrix of a horizon with what it says of red, of ranking, and against the baselines."""
    matrix = {band: _cells(found["bands"][band]) for band in BANDS}
    whole = sum(row["count"] for row in matrix.values())
    churned = sum(row["churned"] for row in matrix.values())
    accounts, churned_accounts = found["every"]
    score, tenure = _parts(found["score"]), _parts(found["tenure"])
    base = share_of(churned, whole, accounts)
    red = matrix["red"]
    precision = share_of(red["churned"], red["count"], found["accounts"]["red"][0])
    arr, lost = (12 * sum(row[name] for row in matrix.values()) for name in ("mrr", "lost"))
    return {
        "matrix": matrix,
        "observations": whole,
        "churned": churned,
        "accounts": accounts,
        "churned_accounts": churned_accounts,
        "arr": arr,
        "arr_lost": lost,
        "base": base.as_dict(),
        "precision": precision.as_dict(),
        "recall": share_of(red["churned"], churned, churned_accounts).as_dict(),
        "lost_in_red": None if not lost else round(12 * red["lost"] / lost, 4),
        "lift": _ratio(precision, base).as_dict(),
        "auc": ranking(score).as_dict(),
        "tenure_auc": Estimate(either_way(added(list(tenure.values())))).as_dict(),
        "advantage": advantage(score, tenure).as_dict(),
        "tenths": _tenths(added(list(score.values()))),
        **_against_everybody_renews(matrix, whole, churned),
    }


def _cells(band: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """A row of the matrix; money a month, `lost` with what contracted."""
    (kept, kept_mrr), (less, less_mrr, less_lost), (gone, gone_mrr) = band["kept"], band["contracted"], band["churned"]
    return {
        "kept": kept,
        "contracted": less,
        "churned": gone,
        "count": kept + less + gone,
        "mrr": kept_mrr + less_mrr + gone_mrr,
        "churned_mrr": gone_mrr,
        "contracted_mrr": less_lost,
        "lost": gone_mrr + less_lost,
    }


def _tenths(scores: Histogram) -> list[list[int]]:
    """Observations and those that churned, by score: 0 to 9, 10 to 19 and so on; 100 belongs to the last."""
    found = [[0, 0] for _ in range(10)]
    for score, (count, churned) in scores.items():
        cell = found[min(score // 10, 9)]
        cell[0] += count
        cell[1] += churned
    return found


def _ratio(part: Estimate, base: Estimate) -> Estimate:
    """How many times the base rate; the interval is the part's, over the base as it was."""
    if part.value is None or not base.value:
        return Estimate(None)
    low, high = (None if end is None else end / base.value for end in (part.low, part.high))
    return Estimate(part.value / base.value, low, high)


def _against_everybody_renews(matrix: Mapping[str, Mapping[str, int]], whole: int, churned: int) -> dict[str, Any]:
    """How often *red leaves, the others stay* was right, beside *everybody renews*, which never finds anybody."""
    if not whole:
        return {"right": None, "right_everybody": None}
    red = matrix["red"]
    right = red["churned"] + sum(row["count"] - row["churned"] for band, row in matrix.items() if band != "red")
    return {"right": round(right / whole, 4), "right_everybody": round((whole - churned) / whole, 4)}


# --- Who left lately ----------------------------------------------------------------------------------------------


def _recent(found: Mapping[str, int]) -> dict[str, Any]:
    """Of those who left in the last six months, how many were green ninety days before."""
    share = wilson(found["green"], found["left"])
    judged = found["left"] >= LEAST_LEFT
    return dict(found) | {
        "share": share.as_dict(),
        "judged": judged,
        "broken": judged and share.value is not None and share.value > BROKEN_SHARE,
    }


# --- Measures -----------------------------------------------------------------------------------------------------


def _measures(counted: Mapping[str, Any], measures: Sequence[Mapping[str, Any]], enough: bool) -> list[dict[str, Any]]:
    """Each measure with its relation to staying, in the order of that, and the weight that would follow from it."""
    found = [_measure(counted.get(row["key"]), row, enough) for row in measures]
    pulls = {row["key"]: row["relation"]["value"] for row in found if row["finding"] == "related"}
    weights = shared(pulls)
    for row in found:
        row["recommended"] = weights.get(row["key"], 0) if weights else None
    return sorted(found, key=lambda row: (-(row["relation"]["value"] or 0), row["key"]))


def _measure(counted: Mapping[str, Any] | None, row: Mapping[str, Any], enough: bool) -> dict[str, Any]:
    parts = _parts(counted["groups"]) if counted else {}
    whole = added(list(parts.values()))
    known, lost = (sum(cell[at] for cell in whole.values()) for at in (0, 1))
    estimate = relation(parts)
    return {
        "key": row["key"],
        "label": row["label"],
        "weight": row["weight"],
        "known": known,
        "missing": counted["missing"][0] if counted else 0,
        "relation": estimate.as_dict(),
        "auc": Estimate(auc(whole)).as_dict()["value"],
        "finding": _finding(estimate, known, lost, enough),
    }


def _finding(estimate: Estimate, known: int, lost: int, enough: bool) -> str:
    """`related`, `decoy` (no relation was found), `backwards`, `unread` (never a value) or `too_few`."""
    if not known:
        return "unread"
    if not enough or lost < LEAST_CHURNED:
        return "too_few"
    if estimate.value is None or estimate.holds(0):
        return "decoy"
    return "related" if estimate.value > 0 else "backwards"


def shared(pulls: Mapping[str, float]) -> dict[str, int]:
    """Whole weights in proportion that sum to 100, each at least 1; the largest remainders get what is left."""
    whole = sum(pulls.values())
    if not whole:
        return {}
    exact = {key: 100 * pull / whole for key, pull in pulls.items()}
    found = {key: max(1, int(value)) for key, value in exact.items()}
    order = sorted(exact, key=lambda key: (found[key] - exact[key], -pulls[key], key))
    for key in order[: max(0, 100 - sum(found.values()))]:
        found[key] += 1
    return found


# --- Segments -----------------------------------------------------------------------------------------------------


def _segments(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [_segment(value, found) for value, found in values.items()]
    return sorted(rows, key=lambda row: (-row["arr"], row["value"]))


def _segment(value: str, found: Mapping[str, Any]) -> dict[str, Any]:
    whole, churned = (sum(cell[at] for cell in found["bands"].values()) for at in (0, 1))
    ranked = LEAST_SEGMENT <= churned <= whole - LEAST_SEGMENT
    return {
        "value": value,
        "observations": whole,
        "churned": churned,
        "churned_green": found["bands"]["green"][1],
        "found": found["bands"]["red"][1],
        "arr": 12 * found["mrr"],
        "arr_lost": 12 * found["lost"],
        "auc": Estimate(auc(_histogram(found["score"])) if ranked else None).as_dict()["value"],
    }
