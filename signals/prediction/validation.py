"""How well a model does on days later than it learned from, and whether that is any signal at all. numpy, no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from signals.backtest.statistics import Estimate, shifted, wilson
from signals.prediction.fitted import Numbers, probabilities, raw
from signals.prediction.learning import LEARNERS, Outcomes, calibration_of, learned, prepared

HORIZON: Final = timedelta(days=90)
# The last days, so many of all, are for the test; a quarter of the accounts is for calibration.
TEST_SHARE: Final = 0.3
PARTS: Final = 4
# Accounts with the outcome, and without it, that each part needs.
LEAST_TRAINED: Final = 20
LEAST_TESTED: Final = 10
# A feature that alone ranks so well was written afterwards.
TOO_GOOD: Final = 0.98
RESAMPLES: Final = 300
BINS: Final = 10
DRIFTED: Final = 0.25
# The dearer learner must be this much better.
WORTH_IT: Final = 0.01


@dataclass(frozen=True)
class Data:
    """Paying accounts on days, a row each: values (NaN where missing), the outcome, which account, which day."""

    keys: list[str]
    rows: Numbers
    outcomes: Outcomes
    accounts: NDArray[np.int64]
    days: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> Data:
        return Data(self.keys, self.rows[chosen], self.outcomes[chosen], self.accounts[chosen], self.days[chosen])

    def positive_accounts(self) -> int:
        return len(np.unique(self.accounts[self.outcomes]))

    def negative_accounts(self) -> int:
        return len(np.unique(self.accounts[~self.outcomes]))


@dataclass(frozen=True)
class Judged:
    """A model's status, why, what showed it, and its parameters when there is one."""

    status: str
    reason: str
    validation: dict[str, Any]
    parameters: dict[str, Any]


def split(data: Data) -> tuple[Data, Data, Data]:
    """Rows to learn from, to calibrate with (other accounts), and to test on (later days).

    What is learned from had come true before the first day of the test: else its outcomes would know that day.
    """
    days = np.unique(data.days)
    first = days[max(1, round(len(days) * (1 - TEST_SHARE)))] if len(days) > 1 else days[0]
    early = data.days + HORIZON.days <= first
    aside = data.accounts % PARTS == 0
    return data.where(early & ~aside), data.where(early & aside), data.where(data.days >= first)


def judge(data: Data, tenure: int, labels: Mapping[str, str]) -> Judged:
    """Train, calibrate, test. ``tenure`` is the place of the months as a customer among the features."""
    learn, aside, test = split(data) if len(data.rows) else (data, data, data)
    counts = _counts(data, learn, aside, test)
    if lacking := _lacking(learn, aside, test):
        return Judged("not_enough", lacking, counts, {})
    alone = {key: ranked_alone(learn, at) for at, key in enumerate(data.keys)}
    if leaks := sorted(labels[key] for key, auc in alone.items() if auc is not None and auc > TOO_GOOD):
        reason = f"{', '.join(leaks)} alone ranks the outcome with an AUC over {TOO_GOOD}: it was written afterwards"
        return Judged("refused", reason, counts | {"alone": _rounded(alone)}, {})
    parameters, name = _trained(learn, aside)
    found = counts | {"learner": name, "alone": _rounded(alone), **_tested(parameters, learn, test, tenure)}
    parameters["reference"] = reference(learn.rows)
    status, reason = _verdict(found)
    return Judged(status, reason, found, parameters if status == "validated" else {})


def _counts(data: Data, learn: Data, aside: Data, test: Data) -> dict[str, Any]:
    parts = {"learned": learn, "calibrated": aside, "tested": test}
    return {
        "rows": len(data.rows),
        "accounts": len(np.unique(data.accounts)),
        "share": round(float(data.outcomes.mean()), 4) if len(data.rows) else None,
        "parts": {
            name: {
                "rows": len(part.rows),
                "accounts": len(np.unique(part.accounts)),
                "positive": part.positive_accounts(),
                "first": _day(part.days.min()) if len(part.rows) else None,
                "last": _day(part.days.max()) if len(part.rows) else None,
            }
            for name, part in parts.items()
        },
        "missing": {key: round(float(np.isnan(data.rows[:, at]).mean()), 4) for at, key in enumerate(data.keys)}
        if len(data.rows)
        else {},
    }


def _day(number: Any) -> str:
    return date.fromordinal(int(number)).isoformat()


def _lacking(learn: Data, aside: Data, test: Data) -> str:
    """What there is too little of; "" when it is enough."""
    known = learn.positive_accounts() + aside.positive_accounts()
    if known < LEAST_TRAINED or not aside.positive_accounts() or not aside.negative_accounts():
        return f"{known} accounts with the outcome to learn from; it takes {LEAST_TRAINED}"
    if test.positive_accounts() < LEAST_TESTED or test.negative_accounts() < LEAST_TESTED:
        return f"{test.positive_accounts()} accounts with the outcome on the later days; it takes {LEAST_TESTED}"
    return ""


# --- Ranking ------------------------------------------------------------------------------------------------------


def auc(scores: Numbers, outcomes: Outcomes) -> float | None:
    """The chance that a row with the outcome has the higher score; a tie counts half. None without both."""
    hits = int(outcomes.sum())
    rest = len(outcomes) - hits
    if not hits or not rest:
        return None
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]
    return float((ranks[outcomes].sum() - hits * (hits + 1) / 2) / (hits * rest))


def ranked_alone(data: Data, at: int) -> float | None:
    """How well one feature ranks, in the direction that fits; being missing counts as a value below all."""
    values = data.rows[:, at]
    below = np.nanmin(values) - 1 if not np.isnan(values).all() else 0.0
    found = auc(np.where(np.isnan(values), below, values), data.outcomes)
    return None if found is None else max(found, 1 - found)


def intervals(
    scores: Sequence[Numbers], outcomes: Outcomes, accounts: NDArray[np.int64], *, seed: int = 1
) -> tuple[list[Estimate], list[Estimate]]:
    """AUC of each list of scores, and how much the first is above each other, by drawing accounts anew."""
    rng = np.random.default_rng(seed)
    unique, places = np.unique(accounts, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(len(unique) + 1))
    drawn: list[list[float]] = [[] for _ in scores]
    for _ in range(RESAMPLES):
        chosen = rng.integers(0, len(unique), len(unique))
        rows = np.concatenate([order[starts[one] : starts[one + 1]] for one in chosen])
        found = [auc(one[rows], outcomes[rows]) for one in scores]
        for one, value in zip(drawn, found, strict=True):
            if value is not None:
                one.append(value)
    whole = [auc(one, outcomes) for one in scores]
    ranks = [Estimate(value, *_ends(np.array(own))) for value, own in zip(whole, drawn, strict=True)]
    first = np.array(drawn[0])
    above = [
        Estimate((whole[0] or 0) - (value or 0), *_ends(first - np.array(own)))
        for value, own in zip(whole[1:], drawn[1:], strict=True)
    ]
    return ranks, above


def _ends(drawn: Numbers) -> tuple[float | None, float | None]:
    if len(drawn) < RESAMPLES // 2:
        return None, None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


# --- Training and testing -----------------------------------------------------------------------------------------


def _trained(learn: Data, aside: Data) -> tuple[dict[str, Any], str]:
    """The better learner on the accounts aside, calibrated on them; the simpler one unless it is worth it."""
    base = prepared(learn.keys, learn.rows)
    best: tuple[float, dict[str, Any], str] | None = None
    for learner in LEARNERS:
        found = learned(base, learner, learn.rows, learn.outcomes)
        reached = auc(raw(found, aside.rows), aside.outcomes) or 0.0
        if best is None or reached > best[0] + WORTH_IT:
            best = (reached, found, learner.name)
    assert best is not None, "there are learners"
    _, found, name = best
    return found | {"calibration": calibration_of(raw(found, aside.rows), aside.outcomes)}, name


def _tested(parameters: Mapping[str, Any], learn: Data, test: Data, tenure: int) -> dict[str, Any]:
    scores = probabilities(parameters, test.rows)
    alone = _by_tenure(learn, test, tenure)
    # Ranked before calibration: steps would tie what differs.
    ranks, above = intervals([raw(parameters, test.rows), alone], test.outcomes, test.accounts)
    share = float(learn.outcomes.mean())
    return {
        "auc": ranks[0].as_dict(),
        "tenure_auc": ranks[1].as_dict(),
        "advantage": above[0].as_dict(),
        "brier": round(float(((scores - test.outcomes) ** 2).mean()), 5),
        "brier_of_share": round(float(((share - test.outcomes) ** 2).mean()), 5),
        "calibration": parameters["calibration"]["kind"],
        "reliability": reliability(scores, test),
    }


def _by_tenure(learn: Data, test: Data, tenure: int) -> Numbers:
    """Months as a customer in the direction that fitted the days before."""
    before = auc(np.nan_to_num(learn.rows[:, tenure], nan=-1.0), learn.outcomes) or 0.5
    return np.nan_to_num(test.rows[:, tenure], nan=-1.0) * (1 if before >= 0.5 else -1)


def reliability(scores: Numbers, data: Data) -> list[dict[str, Any]]:
    """In tenths of the rows by what was predicted: the mean prediction, and what came, with an interval by accounts."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, BINS + 1)))
    bins = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = []
    for at in np.unique(bins):
        own = bins == at
        came, accounts = float(data.outcomes[own].mean()), len(np.unique(data.accounts[own]))
        found.append(
            {
                "rows": int(own.sum()),
                "predicted": round(float(scores[own].mean()), 4),
                "came": wilson(came * accounts, accounts).as_dict(),
            }
        )
    return found


def _verdict(found: Mapping[str, Any]) -> tuple[str, str]:
    rank, above = found["auc"], found["advantage"]
    if rank["low"] is None or rank["low"] <= 0.5:
        return "no_signal", "on later days it ranks no better than a coin: the interval of its AUC contains 0.5"
    if above["low"] is None or above["low"] <= 0:
        return "no_signal", "on later days it ranks no better than the time as a customer alone"
    return "validated", ""


def _rounded(found: Mapping[str, float | None]) -> dict[str, float | None]:
    return {key: None if value is None else round(value, 4) for key, value in found.items()}


# --- Drift --------------------------------------------------------------------------------------------------------


def reference(rows: Numbers) -> list[dict[str, Any]]:
    """By feature: edges of tenths, and which share of the rows lies between them; the last share is missing."""
    found = []
    for at in range(rows.shape[1]):
        values = rows[~np.isnan(rows[:, at]), at]
        edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])) if len(values) else np.array([])
        counts = binned(rows[:, at], edges)
        found.append({"edges": [float(edge) for edge in edges], "shares": [float(n) / len(rows) for n in counts]})
    return found


def binned(values: Numbers, edges: Any) -> list[int]:
    """How many values lie between the edges, and, last, how many are missing."""
    there = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(np.asarray(edges, dtype=float), there, side="left"), minlength=len(edges) + 1)
    return [*(int(n) for n in counts), int(len(values) - len(there))]


def drift_of(reference: Sequence[Mapping[str, Any]], counted: Sequence[Sequence[int]]) -> list[float]:
    """The population stability index of each feature between what was learned from and what is counted now."""
    found = []
    for then, counts in zip(reference, counted, strict=True):
        whole = sum(counts) or 1
        found.append(round(shifted(then["shares"], [n / whole for n in counts]), 4))
    return found
