"""The day's predictions of published models, a batch of accounts a transaction. numpy; workers only.

Facts are read as in training, by the day that everything is dated, so that a model sees what it learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import transaction

from hub.accounts.models import AccountFacts
from hub.accounts.services import facts_touch
from hub.revenue.selectors import mrr_on
from signals.prediction.features import features_checked
from signals.prediction.fitted import Numbers, contributions, probabilities
from signals.prediction.models import Prediction, PredictionModel
from signals.prediction.reading import rows_of, silence
from signals.prediction.validation import binned, drift_of

BATCH: Final = 500
REASONS: Final = 3
# What moves the log-odds by less is no reason.
LEAST_EFFECT: Final = 0.05


@transaction.atomic
def predict_batch(model: PredictionModel, today: date) -> bool:
    """Predict the next accounts of a model whose row the caller has locked; False when the day is through."""
    if model.pass_day != today:
        model.pass_day, model.after, model.seen = today, None, {"counts": _none(model), "accounts": 0}
    ids = list(_accounts(model)[:BATCH])
    if not ids:
        return _end(model, today)
    paid = mrr_on(ids, [today])
    paying = [pk for pk in ids if paid.get((pk, today))]
    # Who pays no more has none.
    Prediction.objects.filter(kind=model.kind, account_id__in=set(ids) - set(paying)).delete()
    if paying:
        _predict(model, paying, today)
    model.after = ids[-1]
    model.save(update_fields=["pass_day", "after", "seen"])
    return True


def _accounts(model: PredictionModel) -> Any:
    rows = AccountFacts.objects.order_by("account_id").values_list("account_id", flat=True)
    return rows.filter(account_id__gt=model.after) if model.after else rows


def _none(model: PredictionModel) -> list[list[int]]:
    return [[0] * len(one["shares"]) for one in model.parameters["reference"]]


def _predict(model: PredictionModel, ids: Sequence[UUID], today: date) -> None:
    features = features_checked(model.features)
    rows = rows_of(features, ids, today, silence(features, [today])[today])
    percents = np.rint(100 * probabilities(model.parameters, rows)).astype(int)
    effects = contributions(model.parameters, rows)
    before = dict(Prediction.objects.filter(account_id__in=ids, kind=model.kind).values_list("account_id", "percent"))
    found = [
        Prediction(
            account_id=pk, kind=model.kind, model=model, day=today, percent=int(percents[at]),
            reasons=reasons(model, rows[at], effects[at]),
        )
        for at, pk in enumerate(ids)
    ]  # fmt: skip
    Prediction.objects.bulk_create(
        found, update_conflicts=True, unique_fields=["tenant", "account", "kind"],
        update_fields=["model", "day", "percent", "reasons"],
    )  # fmt: skip
    _count(model, rows)
    # Rules may read it: who has another one is evaluated again.
    facts_touch([row.account_id for row in found if before.get(row.account_id) != row.percent])


def reasons(model: PredictionModel, values: Numbers, effects: Numbers) -> list[dict[str, Any]]:
    """The features that move an account's prediction most: label, value, the usual value, and by how much log-odds."""
    parameters: Mapping[str, Any] = model.parameters
    order = sorted(range(len(effects)), key=lambda at: (-abs(effects[at]), at))[:REASONS]
    return [
        {
            "key": model.features[at]["key"],
            "label": model.features[at]["label"],
            "money": model.features[at]["money"],
            "value": None if np.isnan(values[at]) else round(float(values[at]), 2),
            "usual": round(float(np.sign(m := parameters["median"][at]) * np.expm1(abs(m))), 2),
            "effect": round(float(effects[at]), 3),
        }
        for at in order
        if abs(effects[at]) >= LEAST_EFFECT
    ]


def _count(model: PredictionModel, rows: Numbers) -> None:
    for at, one in enumerate(model.parameters["reference"]):
        counts = model.seen["counts"][at]
        for place, n in enumerate(binned(rows[:, at], one["edges"])):
            counts[place] += n
    model.seen["accounts"] += len(rows)


def _end(model: PredictionModel, today: date) -> bool:
    """What the model before said goes; what is read now is held against what was learned from."""
    gone = Prediction.objects.filter(kind=model.kind).exclude(day=today, model=model)
    ids = list(gone.values_list("account_id", flat=True))
    gone.delete()
    facts_touch(ids)
    if model.seen["accounts"]:
        psi = drift_of(model.parameters["reference"], model.seen["counts"])
        keys = model.parameters["features"]
        model.drift = {
            "day": today.isoformat(),
            "accounts": model.seen["accounts"],
            "psi": dict(zip(keys, psi, strict=True)),
        }
    model.predicted_on, model.after, model.seen = today, None, {}
    model.save(update_fields=["predicted_on", "pass_day", "after", "seen", "drift"])
    return False
