"""REST: data quality by day."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from hub.rest.reading import by_day, resource
from metrics.quality.models import QualityDay


class QualitySerializer(serializers.ModelSerializer[QualityDay]):
    """How good the data was on a day, 0 to 100 in all and by part; a part that cannot be told is null."""

    counts = serializers.DictField(child=serializers.JSONField(), read_only=True)
    lacking = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = QualityDay
        fields = [
            "id", "day", "score", "freshness", "matching", "agreement", "completeness", "counts", "lacking",
            "computed_at",
        ]  # fmt: skip
        read_only_fields = fields


def _days() -> QuerySet[QualityDay]:
    found: QuerySet[QualityDay] = QualityDay.objects.all()
    return found


urlpatterns = resource(
    "data-quality",
    "Data quality by day, newest first.",
    rows=_days,
    serializer=QualitySerializer,
    filters=(by_day("since", "from this day on", "day__gte"),),
)
