"""REST: triggers, the rules that turn facts into signals."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from hub.rest.reading import by_choice, by_text, resource
from signals.models import Trigger, TriggerVersion
from signals.trigger_page import trigger_sentence


class TriggerSerializer(serializers.ModelSerializer[Trigger]):
    """A rule with its sentence; `rule` is the tree of the rule language."""

    sentence = serializers.SerializerMethodField()
    rule = serializers.DictField(child=serializers.JSONField(), read_only=True)
    match = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = Trigger
        fields = [
            "id",
            "key",
            "name",
            "family",
            "kind",
            "severity",
            "sentence",
            "change_kind",
            "match",
            "rule",
            "version",
            "cooldown_days",
            "is_active",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(str)
    def get_sentence(self, trigger: Trigger) -> str:
        return trigger_sentence(trigger, getattr(trigger, "condition", None) or "")


def _triggers() -> QuerySet[Trigger]:
    versions = TriggerVersion.objects.filter(trigger=OuterRef("pk"), version=OuterRef("version"))
    found: QuerySet[Trigger] = Trigger.objects.annotate(condition=Subquery(versions.values("sentence")[:1]))
    return found


urlpatterns = resource(
    "triggers",
    "The rules that watch every account, newest first.",
    rows=_triggers,
    serializer=TriggerSerializer,
    filters=(
        by_choice("kind", "only these", "kind", Trigger.Kind.values),
        by_text("family", "only of this family", "family"),
        by_text("key", "only the one with this key", "key"),
    ),
)
