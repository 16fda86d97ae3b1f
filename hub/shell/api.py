"""REST: saved views that the team shares."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.registry.lists import viewed_lists
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route
from hub.shell.models import SavedView
from hub.shell.services.views import LONGEST, ViewError, view_change, view_remove, view_save


class ViewSerializer(serializers.ModelSerializer[SavedView]):
    """A saved view that everybody sees: `params` are what stands in the address of the list."""

    list = serializers.CharField(source="list_key", max_length=32)
    params = serializers.DictField(child=serializers.CharField(max_length=LONGEST, allow_blank=True), default=dict)
    owner = serializers.CharField(source="owner.email", default=None, read_only=True, allow_null=True)

    class Meta:
        model = SavedView
        fields = ["id", "list", "name", "params", "owner", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]


class ViewChangeSerializer(serializers.Serializer[Any]):
    """What of a view becomes another; what is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    params = serializers.DictField(child=serializers.CharField(max_length=LONGEST, allow_blank=True), required=False)


def _views() -> QuerySet[SavedView]:
    found: QuerySet[SavedView] = SavedView.objects.filter(shared=True).select_related("owner")
    return found


class ViewList(generics.ListAPIView[SavedView]):
    """Views that the team shares, oldest first; POST adds one. What members keep to themselves is not told."""

    serializer_class = ViewSerializer

    def get_queryset(self) -> QuerySet[SavedView]:
        key = choice_param(self.request, "list", [item.key for item in viewed_lists])
        return _views().filter(list_key=key) if key else _views()

    @extend_schema(parameters=[described("list", "only views of this list", choices=[])])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=ViewSerializer, responses={201: ViewSerializer})
    def post(self, request: Request) -> Response:
        body = ViewSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        if asked["list_key"] not in viewed_lists:
            raise ValidationError({"list": [f"expected one of {', '.join(item.key for item in viewed_lists)}"]})
        try:
            view = view_save(**asked, owner=None, shared=True, actor=actor_of_key(request))
        except ViewError as error:
            raise Conflict(str(error)) from error
        return Response(ViewSerializer(view).data, status=201)


class ViewDetail(generics.RetrieveAPIView[SavedView]):
    """One view: read, changed by PATCH, removed by DELETE."""

    serializer_class = ViewSerializer

    def get_queryset(self) -> QuerySet[SavedView]:
        return _views()

    @extend_schema(request=ViewChangeSerializer, responses=ViewSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        view = self.get_object()
        body = ViewChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            view_change(view=view, **body.validated_data, actor=actor_of_key(request))
        except ViewError as error:
            raise Conflict(str(error)) from error
        return Response(ViewSerializer(view).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        view_remove(view=self.get_object(), actor=actor_of_key(request))
        return Response(status=204)


urlpatterns = [
    route("views", ViewList, "views"),
    route(f"views/{ID}", ViewDetail, "view"),
]
