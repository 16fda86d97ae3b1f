"""The queue of models: trainings that are due, and the day's predictions of what is published."""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Min, Q
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import current_tenant
from signals.prediction.models import UNFINISHED, ModelStatus, PredictionModel

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 3
BACK_OFF: Final = timedelta(minutes=1)
# As in training: within it the worker says again that it lives.
CLAIM: Final = timedelta(minutes=2)


def backlog() -> datetime | None:
    due: datetime | None = PredictionModel.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    tenant = current_tenant()
    return timezone.now() if _unpredicted(today_of(tenant)).exists() else due


def drain(tenant_id: UUID) -> datetime | None:
    """Train what is due, predict what is published; returns when more will be due, at the latest tomorrow."""
    tenant = Tenant.objects.get(pk=tenant_id)
    while _train_next(tenant):
        pass
    today = today_of(tenant)
    while _predict_next(tenant, today):
        pass
    with tenant_context(tenant):
        due = backlog()
        published = PredictionModel.objects.filter(is_published=True).exists()
    return due or (datetime.combine(today + timedelta(days=1), time(), tenant.zone) if published else None)


def _unpredicted(today: Any) -> Any:
    return PredictionModel.objects.filter(Q(predicted_on__isnull=True) | ~Q(predicted_on=today), is_published=True)


def _train_next(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        due = PredictionModel.objects.filter(due_at__lte=timezone.now(), status__in=UNFINISHED)
        model = due.select_for_update(skip_locked=True).order_by("due_at", "id").first()
        if model is None:
            return False
        PredictionModel.objects.filter(pk=model.pk).update(due_at=timezone.now() + CLAIM)
    # scikit-learn takes a hundred megabytes, which only a worker that trains needs.
    from signals.prediction.training import StoppedError, train

    try:
        train(tenant, model.pk)
    except StoppedError:
        pass
    except Exception as error:
        log.exception("training of model %s failed", model.pk)
        with tenant_context(tenant):
            _put_off(model, error)
    return True


def _put_off(model: PredictionModel, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"[:500]
    if model.attempts + 1 < MAX_ATTEMPTS:
        changes = {"attempts": model.attempts + 1, "reason": reason, "due_at": timezone.now() + BACK_OFF}
    else:
        changes = {"status": ModelStatus.FAILED, "reason": reason, "due_at": None, "finished_at": timezone.now()}
    PredictionModel.objects.filter(pk=model.pk, status__in=UNFINISHED).update(**changes)


def _predict_next(tenant: Tenant, today: Any) -> bool:
    """One batch of one model; False when all are through, or others have them."""
    from signals.prediction.predicting import predict_batch

    with tenant_context(tenant):
        model = _unpredicted(today).select_for_update(skip_locked=True, of=("self",)).order_by("kind").first()
        if model is None:
            return False
        predict_batch(model, today)
    return True
