"""REST: QBRs, by account and quarter."""

from __future__ import annotations

from django.db.models import Max, QuerySet
from rest_framework import serializers

from hub.rest.reading import OF_ACCOUNT, by_text, resource
from qbr.models import Qbr


class QbrSerializer(serializers.ModelSerializer[Qbr]):
    """A QBR of one account and quarter: when it was edited, shared, and last read by the customer."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    account_name = serializers.CharField(source="account.name", read_only=True)
    read_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Qbr
        fields = [
            "id",
            "account",
            "account_name",
            "quarter",
            "starts_on",
            "ends_on",
            "edited_at",
            "shared_at",
            "read_at",
            "created_at",
        ]
        read_only_fields = fields


def _qbrs() -> QuerySet[Qbr]:
    found: QuerySet[Qbr] = Qbr.objects.select_related("account").annotate(read_at=Max("reads__last_at"))
    return found


urlpatterns = resource(
    "qbrs",
    "QBRs of the tenant's accounts, newest first; `ends_on` is exclusive.",
    rows=_qbrs,
    serializer=QbrSerializer,
    filters=(OF_ACCOUNT, by_text("quarter", "only of this quarter, such as 2026-Q4", "quarter")),
)
