"""REST: webhook endpoints and their deliveries."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.outbound.models import DeliveryStatus, EndpointDialect, WebhookDelivery, WebhookEndpoint
from hub.outbound.webhooks import services
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict, refused
from hub.rest.reading import by_choice, by_id, resource
from hub.rest.routes import ID, route


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """Where another system is told what happens; docs/webhooks-out.md names the kinds."""

    url = serializers.CharField(max_length=500)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    kinds = serializers.ListField(child=serializers.CharField(max_length=64), max_length=100)
    dialect = serializers.ChoiceField(choices=EndpointDialect.choices, required=False, help_text="slack: as a message")

    class Meta:
        model = WebhookEndpoint
        fields = ["id", "url", "description", "kinds", "dialect", "status", "failing_since", "changed_at", "created_at"]
        read_only_fields = ["status", "failing_since", "changed_at", "created_at"]


class EndpointMadeSerializer(EndpointSerializer):
    """An endpoint with its secret, which is told this once."""

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]
        read_only_fields = [*EndpointSerializer.Meta.read_only_fields, "secret"]


class SwitchSerializer(serializers.Serializer[Any]):
    on = serializers.BooleanField()


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """An event on its way to an endpoint."""

    endpoint = serializers.UUIDField(source="endpoint_id", read_only=True)
    event = serializers.UUIDField(source="event_id", read_only=True)
    kind = serializers.CharField(source="event.kind", read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = ["id", "endpoint", "event", "kind", "status", "attempts", "due_at", "created_at", "finished_at"]
        read_only_fields = fields


def _endpoints() -> QuerySet[WebhookEndpoint]:
    found: QuerySet[WebhookEndpoint] = WebhookEndpoint.objects.all()
    return found


def _deliveries() -> QuerySet[WebhookDelivery]:
    found: QuerySet[WebhookDelivery] = WebhookDelivery.objects.select_related("event")
    return found


class EndpointList(generics.ListAPIView[WebhookEndpoint]):
    """Webhook endpoints, oldest first; POST adds one and tells its secret."""

    serializer_class = EndpointSerializer

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return _endpoints()

    @extend_schema(request=EndpointSerializer, responses={201: EndpointMadeSerializer})
    def post(self, request: Request) -> Response:
        body = EndpointSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            made = services.endpoint_create(**body.validated_data, actor=actor_of_key(request))
        except Invalid as error:
            raise refused(error) from error
        return Response(EndpointMadeSerializer(made).data, status=201)


class EndpointDetail(generics.RetrieveAPIView[WebhookEndpoint]):
    """One endpoint: read, changed by PATCH, removed by DELETE."""

    serializer_class = EndpointSerializer

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return _endpoints()

    @extend_schema(request=EndpointSerializer, responses=EndpointSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        endpoint = self.get_object()
        body = EndpointSerializer(endpoint, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        given = {"url": endpoint.url, "kinds": endpoint.kinds, "description": endpoint.description}
        try:
            services.endpoint_change(endpoint=endpoint, **{**given, **body.validated_data}, actor=actor_of_key(request))
        except Invalid as error:
            raise refused(error) from error
        return Response(EndpointSerializer(endpoint).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        services.endpoint_remove(endpoint=self.get_object(), actor=actor_of_key(request))
        return Response(status=204)


def _endpoint(pk: str) -> WebhookEndpoint:
    found: WebhookEndpoint = generics.get_object_or_404(_endpoints(), pk=pk)
    return found


class EndpointRotate(APIView):
    """A new secret, told this once; for 24 hours the old one signs beside it."""

    @extend_schema(request=None, responses=EndpointMadeSerializer)
    def post(self, request: Request, pk: str) -> Response:
        endpoint = services.endpoint_rotate(endpoint=_endpoint(pk), actor=actor_of_key(request))
        return Response(EndpointMadeSerializer(endpoint).data)


class EndpointSwitch(APIView):
    """Switch an endpoint off, or on again: then what waited is sent."""

    @extend_schema(request=SwitchSerializer, responses=EndpointSerializer)
    def post(self, request: Request, pk: str) -> Response:
        body = SwitchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = _endpoint(pk)
        services.endpoint_switch(endpoint=endpoint, on=body.validated_data["on"], actor=actor_of_key(request))
        return Response(EndpointSerializer(_endpoint(pk)).data)


class EndpointTest(APIView):
    """Send a test; 409 while the endpoint is off."""

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, pk: str) -> Response:
        endpoint = _endpoint(pk)
        if not endpoint.is_active:
            raise Conflict("the endpoint is off: switch it on first")
        delivery = services.endpoint_test(endpoint=endpoint, actor=actor_of_key(request))
        return Response(DeliverySerializer(delivery).data, status=202)


class DeliveryResend(APIView):
    """Send an event once more, under its id; 409 while it waits or the endpoint is off."""

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, pk: str) -> Response:
        delivery = generics.get_object_or_404(_deliveries(), pk=pk)
        if not services.delivery_resend(delivery=delivery, actor=actor_of_key(request)):
            raise Conflict("it waits already, or the endpoint is off")
        return Response(DeliverySerializer(_deliveries().get(pk=pk)).data, status=202)


urlpatterns = [
    route("webhooks", EndpointList, "webhooks"),
    route(f"webhooks/{ID}", EndpointDetail, "webhook"),
    route(f"webhooks/{ID}/rotate", EndpointRotate, "webhook-rotate"),
    route(f"webhooks/{ID}/switch", EndpointSwitch, "webhook-switch"),
    route(f"webhooks/{ID}/test", EndpointTest, "webhook-test"),
    *resource(
        "webhook-deliveries",
        "Events on their way to endpoints, newest first.",
        rows=_deliveries,
        serializer=DeliverySerializer,
        filters=(
            by_id("endpoint", "only to this endpoint", "endpoint_id"),
            by_choice("status", "only these", "status", DeliveryStatus.values),
        ),
    ),
    route(f"webhook-deliveries/{ID}/resend", DeliveryResend, "webhook-delivery-resend"),
]
