"""REST: usage by day, the rollups that rules and pages read."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from hub.rest.reading import OF_ACCOUNT, by_day, by_text, resource
from hub.usage.models import UsageDaily


class UsageSerializer(serializers.ModelSerializer[UsageDaily]):
    """How often an account used something on a UTC day."""

    account = serializers.UUIDField(source="account_id", read_only=True)

    class Meta:
        model = UsageDaily
        fields = ["id", "account", "day", "name", "count"]
        read_only_fields = fields


def _usage() -> QuerySet[UsageDaily]:
    found: QuerySet[UsageDaily] = UsageDaily.objects.all()
    return found


urlpatterns = resource(
    "usage",
    "Usage of accounts by day and event, the latest written first.",
    rows=_usage,
    serializer=UsageSerializer,
    filters=(
        OF_ACCOUNT,
        by_text("name", "only of this event or feature", "name"),
        by_day("from", "on or after this day", "day__gte"),
        by_day("until", "before this day", "day__lt"),
    ),
)
