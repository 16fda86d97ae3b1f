"""Training: reads the past in batches, each a transaction that shows how far it is, then learns and judges.

numpy and scikit-learn; workers only. A worker that dies has its model trained anew by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.prediction.features import Feature, features_checked, is_tenure
from signals.prediction.models import UNFINISHED, ModelStatus, PredictionModel
from signals.prediction.reading import chosen_accounts, days_of, examples, silence
from signals.prediction.validation import Data, Judged, judge

BATCH: Final = 100
# Nobody else takes the model while its worker says so often that it lives.
LEASE: Final = timedelta(minutes=2)
# Learning itself says nothing meanwhile.
LONG_LEASE: Final = timedelta(minutes=15)


class StoppedError(Exception):
    """The model was cancelled meanwhile."""


def train(tenant: Tenant, model_id: UUID) -> None:
    """Train a model that the caller has claimed, from the first row to the verdict."""
    with tenant_context(tenant):
        model, today = PredictionModel.objects.get(pk=model_id), today_of(tenant)
        features, accounts, days = features_checked(model.features), chosen_accounts(), days_of(today)
        silent = silence(features, days)
        _say(model_id, today=today, total=len(accounts), done=0)
    gathered = Gathered([feature.key for feature in features])
    for start in range(0, len(accounts), BATCH):
        ids = accounts[start : start + BATCH]
        with tenant_context(tenant):
            for day, paying, rows, came in examples(model.target, features, ids, days, silent):
                gathered.add(day.toordinal(), [start + ids.index(pk) for pk in paying], rows, came)
            _say(model_id, done=start + len(ids))
    with tenant_context(tenant):
        _say(model_id, lease=LONG_LEASE)
    judged = judge(gathered.data(), _tenure(model.features), _labels(features))
    with tenant_context(tenant):
        _store(model_id, judged)


def _say(model_id: UUID, *, lease: timedelta = LEASE, **changes: Any) -> None:
    """Say how far it is, and that it lives; raises StoppedError when nobody wants it any more."""
    standing = PredictionModel.objects.filter(pk=model_id, status__in=UNFINISHED)
    if not standing.update(status=ModelStatus.TRAINING, due_at=timezone.now() + lease, **changes):
        raise StoppedError


def _tenure(features: Sequence[dict[str, Any]]) -> int:
    return next(at for at, feature in enumerate(features) if is_tenure(feature))


def _labels(features: Sequence[Feature]) -> dict[str, str]:
    return {feature.key: feature.label for feature in features}


class Gathered:
    """Rows as they come, batch by batch."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        self.rows: list[Any] = []
        self.came: list[bool] = []
        self.accounts: list[int] = []
        self.days: list[int] = []

    def add(self, day: int, accounts: Sequence[int], rows: Any, came: Sequence[bool]) -> None:
        self.rows.append(rows)
        self.came += came
        self.accounts += accounts
        self.days += [day] * len(accounts)

    def data(self) -> Data:
        rows = np.concatenate(self.rows) if self.rows else np.zeros((0, len(self.keys)))
        return Data(
            self.keys, rows, np.array(self.came, dtype=bool), np.array(self.accounts, dtype=np.int64),
            np.array(self.days, dtype=np.int64),
        )  # fmt: skip


def _store(model_id: UUID, judged: Judged) -> None:
    PredictionModel.objects.filter(pk=model_id, status__in=UNFINISHED).update(
        status=judged.status,
        reason=judged.reason[:500],
        validation=judged.validation,
        parameters=judged.parameters,
        due_at=None,
        finished_at=timezone.now(),
    )
