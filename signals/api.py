"""REST: signals, newest first."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.references import AccountReference
from hub.people.audit import audit
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described, uuid_param
from hub.rest.routes import BY, ID, route
from signals.inbox.api import SignalChangeSerializer, change
from signals.inbox.api import urlpatterns as acts
from signals.models import Severity, Signal, SignalStatus
from signals.selectors import signals_list
from signals.services import signal_report
from signals.storms.api import urlpatterns as storms


class SignalSerializer(serializers.ModelSerializer[Signal]):
    """Something happened or became true about an account: a sentence, and the values and rule version behind it."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    account_name = serializers.CharField(source="account.name", read_only=True)
    trigger = serializers.CharField(source="trigger.key", read_only=True)
    assignee = serializers.EmailField(source="assignee.email", default=None, read_only=True, allow_null=True)
    storm = serializers.UUIDField(source="storm_id", read_only=True, allow_null=True)
    closed_as = serializers.CharField(
        read_only=True, help_text="of a dismissed one: not_true, known, not_relevant or other; else empty"
    )
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
            "assignee",
            "snoozed_until",
            "acknowledged_at",
            "closed_at",
            "closed_as",
            "closed_reason",
            "storm",
        ]
        read_only_fields = fields


@extend_schema(
    parameters=[
        described("account", "only of this account"),
        described("status", "only these", choices=SignalStatus.values),
        described("severity", "only these", choices=Severity.values),
        described("trigger", "only of the trigger with this key"),
        described("family", "only of triggers of this family"),
        described("assignee", "only of the member with this address; none: of nobody"),
        described("snoozed", "only those that are snoozed, or that are not", choices=("true", "false")),
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
        given = self.request.query_params
        if trigger := given.get("trigger", "")[:200]:
            signals = signals.filter(trigger__key=trigger)
        if family := given.get("family", "")[:200]:
            signals = signals.filter(trigger__family=family)
        if snoozed := choice_param(self.request, "snoozed", ("true", "false")):
            signals = signals.filter(snoozed_until__isnull=snoozed == "false")
        if assignee := given.get("assignee", "")[:254]:
            nobody = assignee == "none"
            signals = signals.filter(assignee__isnull=True) if nobody else signals.filter(assignee__email=assignee)
        return signals


class ReportSerializer(serializers.Serializer[Any]):
    """What another system noticed about an account."""

    account = AccountReference()
    text = serializers.CharField(max_length=300)
    occurred_at = serializers.DateTimeField(required=False, help_text="now when left out; older than a day is history")
    details = serializers.DictField(required=False, help_text="kept as evidence")


class ReportAnswerSerializer(serializers.Serializer[Any]):
    new = serializers.BooleanField(help_text="false when this id was reported before")


class SignalBy(APIView):
    """Report a signal under the id that a source has for it. It appears, once, as soon as the account is evaluated."""

    @extend_schema(request=ReportSerializer, responses={202: ReportAnswerSerializer})
    def put(self, request: Request, source: str, external_id: str) -> Response:
        body = ReportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        account = body.validated_data["account"]
        new = signal_report(
            account_id=account.pk,
            source=source,
            external_id=external_id,
            text=body.validated_data["text"],
            occurred_at=body.validated_data.get("occurred_at") or timezone.now(),
            data=body.validated_data.get("details") or {},
        )
        if new:
            audit(actor_of_key(request), "signal.report", account, source=source, external_id=external_id)
        return Response({"new": new}, status=202)


class SignalDetail(generics.RetrieveAPIView[Signal]):
    """One signal: read, or changed by PATCH."""

    serializer_class = SignalSerializer

    def get_queryset(self) -> QuerySet[Signal]:
        return signals_list()

    @extend_schema(request=SignalChangeSerializer, responses=SignalSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        """Assign, snooze, resolve, dismiss or open a signal again. What is so already stays, and is no error."""
        signal = self.get_object()
        body = SignalChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        change(signal, body.validated_data, actor_of_key(request))
        return Response(SignalSerializer(self.get_queryset().get(pk=signal.pk)).data)


urlpatterns = [
    *acts,
    *storms,
    route("signals", SignalList, "signals"),
    route(f"signals/{BY}", SignalBy, "signal-by"),
    route(f"signals/{ID}", SignalDetail, "signal"),
]
