"""REST: the plans of quarters, with their figures when they were made and when they were closed."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from hub.rest.reading import by_text, resource
from metrics.planning.models import Commitment, Focus


class CommitmentSerializer(serializers.ModelSerializer[Commitment]):
    class Meta:
        model = Commitment
        fields = ["id", "side", "text", "due_on", "done_at", "carried_from"]
        read_only_fields = fields


class FocusSerializer(serializers.ModelSerializer[Focus]):
    """A segment that both teams work on in a quarter.

    `start` and `ended` (null while the quarter goes on) are accounts, ARR in minor units, health bands and NRR.
    """

    segment = serializers.CharField(source="segment.key", read_only=True)
    start = serializers.DictField(child=serializers.JSONField(), read_only=True)
    ended = serializers.DictField(child=serializers.JSONField(), read_only=True, allow_null=True)
    commitments = CommitmentSerializer(many=True, read_only=True)

    class Meta:
        model = Focus
        fields = [
            "id", "quarter", "segment", "priority", "cs_owner", "marketing_owner", "target", "note", "start",
            "started_at", "ended", "carried_from", "commitments",
        ]  # fmt: skip
        read_only_fields = fields


def _focuses() -> QuerySet[Focus]:
    found: QuerySet[Focus] = Focus.objects.select_related("segment").prefetch_related("commitments")
    return found.filter(dropped_at__isnull=True)


urlpatterns = resource(
    "joint-plans",
    "Segments in the plans of quarters, newest first.",
    rows=_focuses,
    serializer=FocusSerializer,
    filters=(
        by_text("quarter", "only of this quarter, such as 2026Q4", "quarter"),
        by_text("segment", "only of the segment with this key", "segment__key"),
    ),
)
