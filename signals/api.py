"""REST: signals, newest first."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers

from hub.rest.params import choice_param, described, uuid_param
from hub.rest.routes import ID, route
from signals.models import Severity, Signal, SignalStatus
from signals.selectors import signals_list


class SignalSerializer(serializers.ModelSerializer[Signal]):
    """Something happened or became true about an account: a sentence, and the values and rule version behind it."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    account_name = serializers.CharField(source="account.name", read_only=True)
    trigger = serializers.CharField(source="trigger.key", read_only=True)
    evidence = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = Signal
        fields = [
            "id",
            "account",
            "account_name",
            "trigger",
            "trigger_version",
            "severity",
            "status",
            "sentence",
            "evidence",
            "occurred_at",
            "recorded_at",
            "cleared_at",
            "closed_at",
            "closed_reason",
        ]
        read_only_fields = fields


@extend_schema(
    parameters=[
        described("account", "only of this account"),
        described("status", "only these", choices=SignalStatus.values),
        described("severity", "only these", choices=Severity.values),
        described("trigger", "only of the trigger with this key"),
    ]
)
class SignalList(generics.ListAPIView[Signal]):
    """Signals of the tenant's accounts, newest first."""

    serializer_class = SignalSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Signal]:
        signals = signals_list(
            status=choice_param(self.request, "status", SignalStatus.values),
            severity=choice_param(self.request, "severity", Severity.values),
            account_id=uuid_param(self.request, "account"),
        )
        trigger = self.request.query_params.get("trigger", "")
        return signals.filter(trigger__key=trigger) if trigger else signals


class SignalDetail(generics.RetrieveAPIView[Signal]):
    serializer_class = SignalSerializer

    def get_queryset(self) -> QuerySet[Signal]:
        return signals_list()


urlpatterns = [
    route("signals", SignalList, "signals"),
    route(f"signals/{ID}", SignalDetail, "signal"),
]
