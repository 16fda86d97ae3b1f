"""A model is judged on later days, says when there is no signal, and refuses what knows the outcome."""

from __future__ import annotations

import ast
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier

from signals.prediction import page
from signals.prediction.features import AFTERWARDS, LeakageError, features_checked, usual_features
from signals.prediction.fitted import columns_of, contributions, probabilities, raw
from signals.prediction.learning import LEARNERS, Boosted, calibration_of, learned, prepared
from signals.prediction.validation import Data, auc, binned, drift_of, judge, reference, reliability, split

KEYS = ["tenure", "cause", "decoy"]
LABELS = {key: key.capitalize() for key in KEYS}
FIRST = date(2025, 1, 31).toordinal()


def world(seed: int = 1, *, strength: float = 2.5, accounts: int = 240, months: int = 14) -> Data:
    """Accounts on the ends of months; `strength` is how much the cause has to do with the outcome."""
    rng = np.random.default_rng(seed)
    rows, came, whose, days = [], [], [], []
    for account, month in product(range(accounts), range(months)):
        cause = rng.normal()
        chance = 1 / (1 + np.exp(2.2 + strength * cause))
        rows.append([float(rng.integers(1, 40)), cause, rng.normal() if rng.random() > 0.2 else np.nan])
        came.append(rng.random() < chance)
        whose.append(account)
        days.append(FIRST + 30 * month)
    return Data(KEYS, np.array(rows), np.array(came), np.array(whose), np.array(days))


DATA = world()


def test_a_cause_is_found_validated_and_calibrated() -> None:
    found = judge(DATA, 0, LABELS)
    assert (found.status, found.reason) == ("validated", "")
    assert found.validation["auc"]["low"] > 0.7
    assert found.validation["advantage"]["low"] > 0.1
    assert found.validation["brier"] < found.validation["brier_of_share"]
    for row in found.validation["reliability"]:
        assert abs(row["predicted"] - row["came"]["value"]) < 0.12


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_a_cause_there_is_no_signal_and_no_parameters(seed: int) -> None:
    found = judge(world(seed, strength=0), 0, LABELS)
    assert found.status == "no_signal"
    assert found.parameters == {}
    assert found.validation["auc"]["low"] <= 0.5 or found.validation["advantage"]["low"] <= 0


def test_what_ranks_no_better_than_tenure_is_no_signal() -> None:
    data = world()
    data.rows[:, 0] = 20 - 5 * data.rows[:, 1]
    found = judge(data, 0, LABELS)
    assert found.status == "no_signal"
    assert "time as a customer alone" in found.reason


def test_a_feature_that_alone_tells_the_outcome_is_refused_by_name() -> None:
    data = world()
    data.rows[:, 2] = np.where(data.outcomes, 1.0, 0.0)
    found = judge(data, 0, LABELS)
    assert found.status == "refused"
    assert found.reason.startswith("Decoy alone ranks the outcome with an AUC over 0.98")
    data.rows[:, 2] = np.where(data.outcomes, np.nan, 1.0)
    assert judge(data, 0, LABELS).status == "refused"


def test_too_few_are_not_enough_and_it_says_how_many() -> None:
    few = DATA.where(DATA.accounts < 8)
    found = judge(few, 0, LABELS)
    assert (found.status, found.parameters) == ("not_enough", {})
    assert "it takes" in found.reason
    assert judge(DATA.where(DATA.accounts < 0), 0, LABELS).status == "not_enough"


def test_what_is_learned_from_had_come_true_before_the_test_and_calibration_sees_other_accounts() -> None:
    learn, aside, test = split(DATA)
    assert max(learn.days.max(), aside.days.max()) + 90 <= test.days.min()
    assert set(learn.accounts).isdisjoint(aside.accounts)
    assert len(test.rows) > 0


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_stored_parameters_say_what_the_learner_says_and_reasons_sum_to_it(learner: Any) -> None:
    base = prepared(KEYS, DATA.rows)
    found = learned(base, learner, DATA.rows, DATA.outcomes)
    scores, parts = raw(found, DATA.rows), contributions(found, DATA.rows)
    middle = scores - parts.sum(axis=1)
    assert np.ptp(middle) == pytest.approx(0, abs=1e-9)
    assert np.abs(parts[:, 1]).mean() > 5 * np.abs(parts[:, 2]).mean()
    found["calibration"] = calibration_of(scores, DATA.outcomes)
    chances = probabilities(found, DATA.rows)
    assert chances.min() >= 0
    assert chances.max() <= 1
    assert chances.mean() == pytest.approx(DATA.outcomes.mean(), abs=0.02)


def test_trees_are_stored_as_they_were_learned() -> None:
    base = prepared(KEYS, DATA.rows)
    found = learned(base, Boosted(), DATA.rows, DATA.outcomes)
    columns = columns_of(base, DATA.rows)
    own = GradientBoostingClassifier(
        n_estimators=80, max_depth=2, learning_rate=0.08, subsample=0.7, min_samples_leaf=20, random_state=1
    ).fit(columns, DATA.outcomes)
    assert raw(found, DATA.rows) == pytest.approx(own.decision_function(columns), abs=1e-6)


SEEN = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=30)


@given(SEEN)
def test_a_ranking_is_the_share_of_pairs_in_order(seen: list[tuple[int, bool]]) -> None:
    hits, rest = [v for v, hit in seen if hit], [v for v, hit in seen if not hit]
    found = auc(np.array([float(v) for v, _ in seen]), np.array([hit for _, hit in seen], dtype=bool))
    if not hits or not rest:
        assert found is None
    else:
        pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(hits, rest)]
        assert found == pytest.approx(sum(pairs) / len(pairs))


def test_reliability_counts_every_row_once() -> None:
    rows = reliability(np.linspace(0, 1, len(DATA.rows)), DATA)
    assert sum(row["rows"] for row in rows) == len(DATA.rows)
    assert [row["predicted"] for row in rows] == sorted(row["predicted"] for row in rows)


def test_drift_is_nothing_for_the_same_rows_and_large_for_others() -> None:
    then = reference(DATA.rows)
    same = [binned(DATA.rows[:, at], one["edges"]) for at, one in enumerate(then)]
    assert drift_of(then, same) == [0, 0, 0]
    other = DATA.rows.copy()
    other[:, 1] += 2
    other[:, 2] = np.nan
    moved = drift_of(then, [binned(other[:, at], one["edges"]) for at, one in enumerate(then)])
    assert moved[0] == 0
    assert min(moved[1:]) > 0.25


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(AFTERWARDS))
def test_what_knows_the_outcome_is_refused_by_name(name: str) -> None:
    with pytest.raises(LeakageError, match=f"{name}: {AFTERWARDS[name][:20]}"):
        features_checked([{"fact": "uses", "with": {"days": 30}}, {"fact": name}])


@pytest.mark.django_db
def test_what_keeps_no_past_is_refused_and_what_is_usual_keeps_one() -> None:
    with pytest.raises(LeakageError, match="days an invoice is overdue: it keeps no past"):
        features_checked([{"fact": "days_overdue"}])
    for wrong, says in (("nothing", "no fact"), ("tier", "not a number")):
        with pytest.raises(ValueError, match=says):
            features_checked([{"fact": wrong}])
    usual = usual_features()
    assert len({feature.key for feature in usual}) == len(usual) > 20
    assert all(feature.fact.past for feature in usual)


def test_days_are_told_as_days() -> None:
    found = judge(DATA, 0, LABELS).validation["parts"]
    assert found["learned"]["first"] == (date(2025, 1, 31)).isoformat()
    assert date.fromisoformat(found["learned"]["last"]) + timedelta(days=90) <= date.fromisoformat(
        found["tested"]["first"]
    )


WEB = ("api", "facts", "features", "models", "page", "panels", "services", "urls", "views", "work")
HEAVY = {"numpy", "pandas", "sklearn"} | {
    f"signals.prediction.{name}" for name in ("fitted", "learning", "predicting", "reading", "training", "validation")
}


@pytest.mark.parametrize("module", WEB)
def test_what_a_web_process_imports_brings_no_learning_with_it(module: str) -> None:
    tree = ast.parse((Path(page.__file__).parent / f"{module}.py").read_text())
    named = {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names}
    named |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert not {name for name in named if name in HEAVY or name.partition(".")[0] in HEAVY}
