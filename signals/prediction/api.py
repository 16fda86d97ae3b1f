"""REST: predictions of accounts, and the models that make them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from hub.rest.reading import OF_ACCOUNT, by_choice, resource
from signals.prediction.models import Kind, ModelStatus, Prediction, PredictionModel, Target


class ReasonSerializer(serializers.Serializer[Any]):
    """A feature that moves a prediction: its value, the usual one, and by how much it moves the log-odds."""

    key = serializers.CharField()
    name = serializers.CharField(source="label")
    value = serializers.FloatField(allow_null=True)
    usual = serializers.FloatField()
    effect = serializers.FloatField()


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """How likely an account leaves or expands within 90 days, in percent, by the published model of the kind."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    model = serializers.UUIDField(source="model_id", read_only=True)
    reasons = ReasonSerializer(many=True, read_only=True)

    class Meta:
        model = Prediction
        fields = ["id", "account", "kind", "percent", "reasons", "day", "model"]
        read_only_fields = fields


class PredictionModelSerializer(serializers.ModelSerializer[PredictionModel]):
    """A model of a target with its validation on later days; probabilities exist only while one is published."""

    features = serializers.ListField(child=serializers.DictField(child=serializers.JSONField()), read_only=True)
    validation = serializers.DictField(child=serializers.JSONField(), read_only=True)
    drift = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = PredictionModel
        fields = [
            "id",
            "target",
            "kind",
            "number",
            "status",
            "reason",
            "features",
            "validation",
            "is_published",
            "published_at",
            "predicted_on",
            "drift",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


def _predictions() -> QuerySet[Prediction]:
    found: QuerySet[Prediction] = Prediction.objects.filter(model__is_published=True)
    return found


def _models() -> QuerySet[PredictionModel]:
    found: QuerySet[PredictionModel] = PredictionModel.objects.defer("parameters", "seen")
    return found


urlpatterns = [
    *resource(
        "predictions",
        "What published models say of accounts.",
        rows=_predictions,
        serializer=PredictionSerializer,
        filters=(OF_ACCOUNT, by_choice("kind", "only of this kind", "kind", Kind.values)),
    ),
    *resource(
        "prediction-models",
        "Models of churn and expansion, with what showed whether they can tell.",
        rows=_models,
        serializer=PredictionModelSerializer,
        filters=(
            by_choice("target", "only of this target", "target", Target.values),
            by_choice("status", "only these", "status", ModelStatus.values),
        ),
    ),
]
