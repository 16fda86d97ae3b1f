"""Models asked for, cancelled, published and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from hub.accounts.services import facts_touch
from hub.people.audit import SYSTEM, Actor, audit
from hub.people.models import User
from hub.tenancy.wake import wake
from signals.prediction.features import LeakageError, features_checked, is_tenure, stored, usual_features
from signals.prediction.models import KIND_OF, UNFINISHED, ModelStatus, Prediction, PredictionModel, Target

QUEUE: Final = "prediction"
QUARTER: Final = timedelta(days=90)
FEWEST, MOST = 3, 60


class PredictionError(ValueError):
    """A model that cannot be asked for, or published; the message says why."""


@transaction.atomic
def model_train(*, target: str, actor: Actor, features: Sequence[Mapping[str, Any]] | None = None) -> PredictionModel:
    """Train a model of a target in the background; the one that is under way is joined.

    ``features`` (``fact``, ``with``) instead of the usual ones; what knows the outcome is refused by name. Raises
    PredictionError.
    """
    if target not in Target.values:
        raise PredictionError(f"a target is one of {', '.join(Target.values)}")
    under_way: PredictionModel | None = PredictionModel.objects.filter(target=target, status__in=UNFINISHED).first()
    if under_way:
        return under_way
    read = _features(features)
    number = (PredictionModel.objects.filter(target=target).aggregate(most=Max("number"))["most"] or 0) + 1
    model: PredictionModel = PredictionModel.objects.create(
        target=target, kind=KIND_OF[Target(target)], number=number, features=read, due_at=timezone.now(),
        asked_label=actor.label,
    )  # fmt: skip
    audit(actor, "prediction.train", model, predicts=target, features=[one["key"] for one in read])
    wake(QUEUE)
    return model


def _features(asked: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    try:
        found = stored(usual_features() if asked is None else features_checked(asked))
    except (LeakageError, ValueError) as error:
        raise PredictionError(str(error)) from error
    if not any(is_tenure(one) for one in found):
        # What every model is compared with.
        found = [*stored(usual_features()[:1]), *found]
    if not FEWEST <= len(found) <= MOST:
        raise PredictionError(f"a model reads {FEWEST} to {MOST} features")
    return found


@transaction.atomic
def model_cancel(*, model: PredictionModel, actor: Actor) -> bool:
    """Stop a training; False when it had ended."""
    stopped = PredictionModel.objects.filter(pk=model.pk, status__in=UNFINISHED).update(
        status=ModelStatus.CANCELLED, due_at=None, finished_at=timezone.now()
    )
    if stopped:
        audit(actor, "prediction.cancel", model)
    return bool(stopped)


@transaction.atomic
def model_publish(*, model: PredictionModel, user: User | None, actor: Actor) -> PredictionModel:
    """Have every account predicted by a validated model, instead of by the one before. Raises PredictionError."""
    # All of the kind, in one order: two who publish at once wait for each other.
    same = {row.pk: row for row in PredictionModel.objects.select_for_update().filter(kind=model.kind).order_by("pk")}
    found: PredictionModel = same[model.pk]
    if found.status != ModelStatus.VALIDATED or not found.validation or not found.parameters:
        raise PredictionError(f"only a validated model is published; this one is {found.get_status_display().lower()}")
    if found.is_published:
        return found
    PredictionModel.objects.filter(kind=found.kind, is_published=True).update(is_published=False)
    found.is_published, found.published_at, found.published_by = True, timezone.now(), user
    found.predicted_on, found.pass_day, found.after = None, None, None
    found.save(update_fields=["is_published", "published_at", "published_by", "predicted_on", "pass_day", "after"])
    audit(actor, "prediction.publish", found, predicts=found.target, auc=found.validation.get("auc"))
    wake(QUEUE)
    return found


@transaction.atomic
def model_retire(*, model: PredictionModel, actor: Actor) -> bool:
    """Take a published model back: its predictions go, and with them the fact. False when it was not published."""
    taken = PredictionModel.objects.filter(pk=model.pk, is_published=True).update(is_published=False)
    if not taken:
        return False
    gone = Prediction.objects.filter(kind=model.kind)
    ids = list(gone.values_list("account_id", flat=True))
    gone.delete()
    facts_touch(ids)
    audit(actor, "prediction.retire", model, predicts=model.target)
    return True


def models_due() -> int:
    """Train anew what is published and was learned a quarter ago; nobody publishes it but a person."""
    asked = 0
    for model in PredictionModel.objects.filter(is_published=True):
        lately = PredictionModel.objects.filter(target=model.target, created_at__gt=timezone.now() - QUARTER)
        if not lately.exclude(status=ModelStatus.CANCELLED).exists():
            model_train(target=model.target, features=model.features, actor=SYSTEM)
            asked += 1
    return asked
