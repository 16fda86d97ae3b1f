"""A trained model as plain numbers: probabilities, and what each feature adds to one. numpy, no Django, no training.

Parameters are an object of JSON: ``features`` (keys), ``median`` by feature, ``columns`` (the feature's place, and
whether it is its value or that it is missing), ``mean`` and ``scale`` by column, ``learner`` (``linear`` with weights,
or ``trees``), and ``calibration`` (``platt`` or ``isotonic``). Values become sign · log(1 + size): counts and money
have long tails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]
Parameters: TypeAlias = Mapping[str, Any]


def damped(values: Numbers) -> Numbers:
    """sign · log(1 + size); what is missing stays so."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def columns_of(parameters: Parameters, rows: Numbers) -> Numbers:
    """Rows of features, NaN where missing, as the columns that the learner reads."""
    values = damped(rows)
    missing = np.isnan(values)
    filled = np.where(missing, np.array(parameters["median"]), values)
    found = [missing[:, at].astype(float) if absent else filled[:, at] for at, absent in parameters["columns"]]
    stacked: Numbers = np.column_stack(found) if found else np.zeros((len(rows), 0))
    return np.asarray((stacked - np.array(parameters["mean"])) / np.array(parameters["scale"]))


def raw(parameters: Parameters, rows: Numbers) -> Numbers:
    """Log-odds before calibration."""
    columns, learner = columns_of(parameters, rows), parameters["learner"]
    if learner["kind"] == "linear":
        return np.asarray(columns @ np.array(learner["weights"]) + learner["intercept"])
    found = np.full(len(columns), float(learner["start"]))
    for tree in learner["trees"]:
        found += learner["rate"] * _leaves(tree, columns)
    return found


def probabilities(parameters: Parameters, rows: Numbers) -> Numbers:
    """Calibrated, 0 to 1."""
    return calibrated(parameters["calibration"], raw(parameters, rows))


def calibrated(calibration: Mapping[str, Any], scores: Numbers) -> Numbers:
    if calibration["kind"] == "isotonic":
        found: Numbers = np.interp(scores, calibration["x"], calibration["y"])
        return found
    return np.asarray(1 / (1 + np.exp(-np.clip(calibration["slope"] * scores + calibration["start"], -30, 30))))


def contributions(parameters: Parameters, rows: Numbers) -> Numbers:
    """What each feature adds to the log-odds of each row, against the mean of the rows that it was trained on.

    For trees: what each step on the way to the leaf changes.
    """
    columns, learner = columns_of(parameters, rows), parameters["learner"]
    if learner["kind"] == "linear":
        by_column = columns * np.array(learner["weights"])
    else:
        by_column = np.zeros_like(columns)
        for tree in learner["trees"]:
            _ways(tree, columns, by_column, learner["rate"])
    found = np.zeros_like(rows)
    for place, (at, _) in enumerate(parameters["columns"]):
        found[:, at] += by_column[:, place]
    return found


def _leaves(tree: Mapping[str, Any], columns: Numbers) -> Numbers:
    """The value of the leaf that each row ends in."""
    nodes = np.zeros(len(columns), dtype=int)
    left, right, feature = (np.array(tree[name]) for name in ("left", "right", "feature"))
    threshold, value = np.array(tree["threshold"]), np.array(tree["value"])
    while (going := left[nodes] >= 0).any():
        at = nodes[going]
        below = columns[going, feature[at]] <= threshold[at]
        nodes[going] = np.where(below, left[at], right[at])
    return np.asarray(value[nodes], dtype=float)


def _ways(tree: Mapping[str, Any], columns: Numbers, by_column: Numbers, rate: float) -> None:
    nodes = np.zeros(len(columns), dtype=int)
    left, right, feature = (np.array(tree[name]) for name in ("left", "right", "feature"))
    threshold, value = np.array(tree["threshold"]), np.array(tree["value"])
    while (going := left[nodes] >= 0).any():
        rows = np.flatnonzero(going)
        at = nodes[rows]
        below = columns[rows, feature[at]] <= threshold[at]
        after = np.where(below, left[at], right[at])
        np.add.at(by_column, (rows, feature[at]), rate * (value[after] - value[at]))
        nodes[rows] = after
