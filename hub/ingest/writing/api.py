"""REST: what a connection writes to its system."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.ingest.models import HookEndpoint, WriteBack
from hub.ingest.writing.base import writers
from hub.ingest.writing.services import writing_set
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route


class WritingSerializer(serializers.Serializer[Any]):
    """Which facts of the record go to which fields of the system's customers, and whether they are written."""

    on = serializers.BooleanField(source="is_on")
    fields_there = serializers.DictField(
        source="fields",
        child=serializers.CharField(max_length=100),
        help_text="by fact, such as stage: the field over there",
    )
    reason = serializers.CharField(read_only=True, help_text="why the last call wrote nothing")
    stopped_at = serializers.DateTimeField(read_only=True, allow_null=True)
    compared_at = serializers.DateTimeField(read_only=True, allow_null=True)
    written_at = serializers.DateTimeField(read_only=True, allow_null=True)
    written = serializers.IntegerField(read_only=True)


def _endpoint(pk: str) -> HookEndpoint:
    found: HookEndpoint = generics.get_object_or_404(HookEndpoint.objects.all(), pk=pk)
    if found.source not in writers:
        raise Http404
    return found


class Writing(APIView):
    """What a connection to HubSpot or Salesforce writes; PUT says it anew, and switches it on or off."""

    @extend_schema(responses=WritingSerializer)
    def get(self, request: Request, pk: str) -> Response:
        endpoint = _endpoint(pk)
        writing = WriteBack.objects.filter(endpoint=endpoint).first() or WriteBack(endpoint=endpoint)
        return Response(WritingSerializer(writing).data)

    @extend_schema(request=WritingSerializer, responses=WritingSerializer)
    def put(self, request: Request, pk: str) -> Response:
        endpoint = _endpoint(pk)
        body = WritingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        try:
            writing = writing_set(
                endpoint=endpoint, fields=given["fields"], on=given["is_on"], actor=actor_of_key(request)
            )
        except Invalid as error:
            if hasattr(error, "error_dict"):
                raise ValidationError({"fields_there": error.messages}) from error
            raise Conflict("; ".join(error.messages)) from error
        return Response(WritingSerializer(writing).data)


urlpatterns = [route(f"connections/{ID}/writing", Writing, "connection-writing")]
