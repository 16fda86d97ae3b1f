"""REST: exports asked for, followed, cancelled and fetched."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.outbound.exports.services import export_cancel, export_start, export_take
from hub.outbound.exports.views import file_response
from hub.outbound.models import Export, ExportFormat, ExportStatus
from hub.registry.exports import LONGEST, export_lists
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route


class ExportSerializer(serializers.ModelSerializer[Export]):
    """A file of a list: `rows` of `total` are written; once `status` is done, fetch it from `exports/{id}/file`."""

    list = serializers.CharField(source="list_key", read_only=True)
    filters = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Export
        fields = [
            "id",
            "list",
            "format",
            "filters",
            "status",
            "reason",
            "total",
            "rows",
            "size",
            "created_at",
            "finished_at",
            "expires_at",
        ]
        read_only_fields = fields


class ExportStartSerializer(serializers.Serializer[Any]):
    """Which list, as what, narrowed by what; docs/exports.md names the filters of each list."""

    list = serializers.CharField(max_length=64)
    format = serializers.ChoiceField(choices=ExportFormat.choices, default=ExportFormat.CSV)
    filters = serializers.DictField(child=serializers.CharField(max_length=LONGEST, allow_blank=True), default=dict)


def _exports() -> QuerySet[Export]:
    found: QuerySet[Export] = Export.objects.all()
    return found


class ExportList(generics.ListAPIView[Export]):
    """Exports of the tenant, newest first; POST asks for one."""

    serializer_class = ExportSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Export]:
        status = choice_param(self.request, "status", ExportStatus.values)
        return _exports().filter(status=status) if status else _exports()

    @extend_schema(parameters=[described("status", "only these", choices=ExportStatus.values)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=ExportStartSerializer, responses={201: ExportSerializer})
    def post(self, request: Request) -> Response:
        body = ExportStartSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        if asked["list"] not in export_lists:
            raise ValidationError({"list": [f"expected one of {', '.join(item.key for item in export_lists)}"]})
        try:
            export = export_start(
                list_key=asked["list"],
                format=asked["format"],
                filters=asked["filters"],
                actor=actor_of_key(request),
            )
        except Invalid as error:
            raise Conflict("; ".join(error.messages)) from error
        return Response(ExportSerializer(export).data, status=201)


class ExportDetail(generics.RetrieveAPIView[Export]):
    serializer_class = ExportSerializer

    def get_queryset(self) -> QuerySet[Export]:
        return _exports()


class ExportCancel(APIView):
    """Stop an export that is being written; one that has ended stays as it is."""

    @extend_schema(request=None, responses=ExportSerializer)
    def post(self, request: Request, pk: str) -> Response:
        export = generics.get_object_or_404(_exports(), pk=pk)
        export_cancel(export=export, actor=actor_of_key(request))
        return Response(ExportSerializer(_exports().get(pk=pk)).data)


class ExportFile(APIView):
    """The file; 409 until it is done, and after it has expired."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: str) -> StreamingHttpResponse:
        export = generics.get_object_or_404(_exports(), pk=pk)
        if export.status != ExportStatus.DONE:
            raise Conflict(f"there is no file: the export is {export.status}")
        return file_response(export, export_take(export=export, actor=actor_of_key(request)))


urlpatterns = [
    route("exports", ExportList, "exports"),
    route(f"exports/{ID}", ExportDetail, "export"),
    route(f"exports/{ID}/cancel", ExportCancel, "export-cancel"),
    route(f"exports/{ID}/file", ExportFile, "export-file"),
]
