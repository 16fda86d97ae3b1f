"""REST: connections, which other systems call, and the calls that came."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.ingest.connectors import endpoints
from hub.ingest.connectors.base import connectors
from hub.ingest.connectors.selectors import address_of
from hub.ingest.models import DeliveryState, HookDelivery, HookEndpoint
from hub.rest.middleware import actor_of_key
from hub.rest.problems import refused
from hub.rest.reading import by_choice, by_id, resource
from hub.rest.routes import ID, route
from hub.tenancy.remembering import current_tenant


class ConnectionSerializer(serializers.ModelSerializer[HookEndpoint]):
    """Where a system sends its calls; docs/connectors.md says what each source needs as secret and options."""

    source = serializers.ChoiceField(  # type: ignore[assignment]  # the metaclass takes it off the class
        choices=[(connector.key, connector.title) for connector in connectors]
    )
    label = serializers.CharField(  # type: ignore[assignment]  # the same
        max_length=100, required=False, allow_blank=True
    )
    secret = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        write_only=True,
        help_text="which the source signs with",
    )
    options = serializers.DictField(child=serializers.CharField(max_length=200), required=False)

    class Meta:
        model = HookEndpoint
        fields = [
            "id",
            "source",
            "label",
            "secret",
            "makes_accounts",
            "options",
            "refused_calls",
            "refused_at",
            "created_at",
            "revoked_at",
        ]
        read_only_fields = ["refused_calls", "refused_at", "created_at", "revoked_at"]


class ConnectionMadeSerializer(serializers.ModelSerializer[HookEndpoint]):
    """A connection with the address to give to the source, and the secret, which are told this once."""

    address = serializers.SerializerMethodField()

    class Meta:
        model = HookEndpoint
        fields = ["id", "source", "label", "makes_accounts", "options", "created_at", "address", "secret"]
        read_only_fields = fields

    def get_address(self, endpoint: HookEndpoint) -> str:
        tenant = current_tenant()
        return address_of(tenant, endpoint, secret=True)


class CallSerializer(serializers.ModelSerializer[HookDelivery]):
    """A call that came, and the rows it became; its payload is on the pages only."""

    connection = serializers.UUIDField(source="endpoint_id", read_only=True)
    became = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = HookDelivery
        fields = ["id", "connection", "event_id", "kind", "state", "reason", "became", "received_at", "finished_at"]
        read_only_fields = fields


def _connections() -> QuerySet[HookEndpoint]:
    found: QuerySet[HookEndpoint] = HookEndpoint.objects.all()
    return found


def _calls() -> QuerySet[HookDelivery]:
    found: QuerySet[HookDelivery] = HookDelivery.objects.defer("body")
    return found


class ConnectionList(generics.ListAPIView[HookEndpoint]):
    """Connections, oldest first; POST makes one and tells its address and secret."""

    serializer_class = ConnectionSerializer

    def get_queryset(self) -> QuerySet[HookEndpoint]:
        return _connections()

    @extend_schema(request=ConnectionSerializer, responses={201: ConnectionMadeSerializer})
    def post(self, request: Request) -> Response:
        body = ConnectionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = {"label": "", **body.validated_data}
        try:
            made = endpoints.endpoint_make(**given, actor=actor_of_key(request))
        except Invalid as error:
            raise refused(error) from error
        return Response(ConnectionMadeSerializer(made).data, status=201)


class ConnectionDetail(generics.RetrieveAPIView[HookEndpoint]):
    """One connection: read, closed by DELETE. What it brought stays."""

    serializer_class = ConnectionSerializer

    def get_queryset(self) -> QuerySet[HookEndpoint]:
        return _connections()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        endpoints.endpoint_revoke(endpoint=self.get_object(), actor=actor_of_key(request))
        return Response(status=204)


class CallAgain(APIView):
    """Apply a call anew."""

    @extend_schema(request=None, responses={202: CallSerializer})
    def post(self, request: Request, pk: str) -> Response:
        call = generics.get_object_or_404(_calls(), pk=pk)
        endpoints.delivery_again(delivery=call, actor=actor_of_key(request))
        return Response(CallSerializer(_calls().get(pk=pk)).data, status=202)


urlpatterns = [
    route("connections", ConnectionList, "connections"),
    route(f"connections/{ID}", ConnectionDetail, "connection"),
    *resource(
        "connection-calls",
        "Calls of other systems, newest first.",
        rows=_calls,
        serializer=CallSerializer,
        filters=(
            by_id("connection", "only by this connection", "endpoint_id"),
            by_choice("state", "only these", "state", DeliveryState.values),
        ),
    ),
    route(f"connection-calls/{ID}/again", CallAgain, "connection-call-again"),
]
