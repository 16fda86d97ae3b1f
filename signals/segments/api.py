"""REST: segments with their members, made and changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.registry.facts import known_facts
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.reading import OF_ACCOUNT, by_text, resource
from hub.rest.routes import ID, route
from hub.rules.explain import stored_sentence
from hub.rules.language import RuleError
from signals.segments import services
from signals.segments.models import Segment, SegmentMember


class NamedSegmentSerializer(serializers.ModelSerializer[Segment]):
    """A named rule over accounts."""

    rule = serializers.DictField(child=serializers.JSONField(), read_only=True)
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = ["id", "key", "name", "description", "rule", "sentence", "version", "since", "is_active", "created_at"]
        read_only_fields = fields

    def get_sentence(self, segment: Segment) -> str:
        return stored_sentence(segment.rule, known_facts())


class SegmentMakeSerializer(serializers.Serializer[Any]):
    """A segment to be made."""

    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    rule = serializers.DictField(child=serializers.JSONField(), help_text="a tree of the rule language")


class SegmentChangeSerializer(serializers.Serializer[Any]):
    """What of a segment becomes another; what is left out stays."""

    name = serializers.CharField(max_length=100, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    rule = serializers.DictField(child=serializers.JSONField(), required=False, help_text="another is the next version")
    version = serializers.IntegerField(required=False, help_text="refuse when the segment is at another by now")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RuleError as error:
        found: dict[str, list[str]] = {}
        for each in error.problems:
            found.setdefault(f"rule{each.pointer}", []).append(each.message)
        raise ValidationError(found) from error
    except services.SegmentError as error:
        raise ValidationError({"detail": [str(error)]}) from error
    except services.StaleError as error:
        raise Conflict("somebody else has changed the segment meanwhile; read it again") from error


class SegmentList(generics.ListAPIView[Segment]):
    """Segments, newest first."""

    serializer_class = NamedSegmentSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Segment]:
        found: QuerySet[Segment] = Segment.objects.all()
        return found

    @extend_schema(request=SegmentMakeSerializer, responses={201: NamedSegmentSerializer})
    def post(self, request: Request) -> Response:
        """Make a segment; of very many accounts, its members are found in the background."""
        body = SegmentMakeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            made = services.segment_create(**body.validated_data, user=None, actor=actor_of_key(request))
        return Response(NamedSegmentSerializer(made).data, status=201)


class SegmentDetail(generics.RetrieveAPIView[Segment]):
    """One segment: read, changed by PATCH, put away by DELETE."""

    serializer_class = NamedSegmentSerializer

    def get_queryset(self) -> QuerySet[Segment]:
        found: QuerySet[Segment] = Segment.objects.all()
        return found

    @extend_schema(request=SegmentChangeSerializer, responses=NamedSegmentSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        segment = self.get_object()
        body = SegmentChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with _refusals():
            changed = services.segment_change(
                segment=segment,
                name=asked.get("name", segment.name),
                description=asked.get("description", segment.description),
                rule=asked.get("rule", segment.rule),
                seen=asked.get("version", segment.version),
                actor=actor_of_key(request),
            )
        return Response(NamedSegmentSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        with _refusals():
            services.segment_archive(segment=self.get_object(), actor=actor_of_key(request))
        return Response(status=204)


class SegmentMemberSerializer(serializers.ModelSerializer[SegmentMember]):
    """That an account was in a segment, from a day on; `left_on` is null while it is."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    segment = serializers.CharField(source="segment.key", read_only=True)

    class Meta:
        model = SegmentMember
        fields = ["id", "segment", "account", "joined_on", "left_on"]
        read_only_fields = fields


def _members() -> QuerySet[SegmentMember]:
    found: QuerySet[SegmentMember] = SegmentMember.objects.select_related("segment")
    return found


urlpatterns = [
    route("segments", SegmentList, "segments"),
    route(f"segments/{ID}", SegmentDetail, "segment"),
    *resource(
        "segment-members",
        "Who is in segments and was, newest first.",
        rows=_members,
        serializer=SegmentMemberSerializer,
        filters=(OF_ACCOUNT, by_text("segment", "only of the segment with this key", "segment__key")),
    ),
]
