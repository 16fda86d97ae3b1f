"""Learners behind one interface, the one place of scikit-learn: from rows and outcomes to what `fitted` reads.

Imported by workers only: it takes a web process a hundred megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from signals.prediction.fitted import Numbers, columns_of, damped

Outcomes = NDArray[np.bool_]
# A feature that is missing more often or less often than in this share of rows tells nothing by being missing.
RARELY: Final = 0.01
# Steps are only fitted to where there is enough of them; a slope and a start need little.
ENOUGH_FOR_STEPS: Final = 200


class Learner(Protocol):
    """Learns from columns what `fitted` takes as ``learner``."""

    name: str

    def learn(self, columns: Numbers, outcomes: Outcomes) -> dict[str, Any]: ...


class Linear:
    """Logistic regression with a ridge penalty."""

    name = "logistic regression"

    def learn(self, columns: Numbers, outcomes: Outcomes) -> dict[str, Any]:
        found = LogisticRegression(C=0.1, max_iter=2_000).fit(columns, outcomes)
        return {
            "kind": "linear",
            "weights": [float(weight) for weight in found.coef_[0]],
            "intercept": float(found.intercept_[0]),
        }


class Boosted:
    """Gradient boosting of shallow trees."""

    name = "gradient boosting"

    def learn(self, columns: Numbers, outcomes: Outcomes) -> dict[str, Any]:
        found = GradientBoostingClassifier(
            n_estimators=80, max_depth=2, learning_rate=0.08, subsample=0.7, min_samples_leaf=20, random_state=1
        ).fit(columns, outcomes)
        share = float(np.clip(outcomes.mean(), 1e-6, 1 - 1e-6))
        return {
            "kind": "trees",
            "start": float(np.log(share / (1 - share))),
            "rate": float(found.learning_rate),
            "trees": [_tree(one[0].tree_) for one in found.estimators_],
        }


def _tree(tree: Any) -> dict[str, list[Any]]:
    return {
        "left": [int(node) for node in tree.children_left],
        "right": [int(node) for node in tree.children_right],
        "feature": [max(int(at), 0) for at in tree.feature],
        "threshold": [float(value) for value in tree.threshold],
        "value": [float(value) for value in tree.value[:, 0, 0]],
    }


LEARNERS: Final[tuple[Learner, ...]] = (Linear(), Boosted())


def prepared(keys: list[str], rows: Numbers) -> dict[str, Any]:
    """Parameters without learner and calibration: medians, columns and their scale, from the rows to learn from."""
    values = damped(rows)
    missing = np.isnan(values)
    share = missing.mean(axis=0)
    median = [float(np.median(values[~missing[:, at], at])) if share[at] < 1 else 0.0 for at in range(len(keys))]
    columns = [[at, False] for at in range(len(keys)) if share[at] < 1]
    columns += [[at, True] for at in range(len(keys)) if RARELY < share[at] < 1 - RARELY]
    found: dict[str, Any] = {
        "features": keys,
        "median": median,
        "columns": columns,
        "mean": [0.0] * len(columns),
        "scale": [1.0] * len(columns),
    }
    plain = columns_of(found, rows)
    found["mean"] = [float(value) for value in plain.mean(axis=0)]
    found["scale"] = [float(value) or 1.0 for value in plain.std(axis=0)]
    return found


def learned(parameters: Mapping[str, Any], learner: Learner, rows: Numbers, outcomes: Outcomes) -> dict[str, Any]:
    """The parameters with the learner in them."""
    return dict(parameters) | {"learner": learner.learn(columns_of(parameters, rows), outcomes)}


def calibration_of(scores: Numbers, outcomes: Outcomes) -> dict[str, Any]:
    """From log-odds to shares, by rows that the learner has not seen: Platt's, or steps where there are many."""
    if min(outcomes.sum(), (~outcomes).sum()) >= ENOUGH_FOR_STEPS:
        steps = IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(scores, outcomes.astype(float))
        return {
            "kind": "isotonic",
            "x": [float(value) for value in steps.X_thresholds_],
            "y": [float(value) for value in steps.y_thresholds_],
        }
    found = LogisticRegression(C=1e6, max_iter=1_000).fit(scores.reshape(-1, 1), outcomes)
    return {"kind": "platt", "slope": float(found.coef_[0][0]), "start": float(found.intercept_[0])}
