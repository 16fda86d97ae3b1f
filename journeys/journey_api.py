"""REST: journeys, made and described by a program as by a person; what runs in them is published from their draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.outbox.gates import Purpose
from hub.rest.middleware import actor_of_key
from hub.rest.reading import by_choice, by_text, narrowed
from hub.rest.routes import ID, route
from journeys.draft_api import errors_of
from journeys.drafts.hypothesis import HYPOTHESIS
from journeys.drafts.services import OWNERS, SETTINGS, SettingsError, journey_create, journey_settings
from journeys.graph import GraphError
from journeys.models import EnrollmentStatus, Journey, JourneyStatus

# As the message's own: the description names equal choices once.
PURPOSES = [(each.value, each.value.replace("_", " ")) for each in Purpose]
FILTERS = (
    by_choice("status", "only these", "status", JourneyStatus.values),
    by_text("key", "only the one with this key", "key"),
)


class JourneySerializer(serializers.ModelSerializer[Journey]):
    """A journey; `live` is the number of its published version, `inside` how many accounts are in it now."""

    hypothesis = serializers.DictField(child=serializers.JSONField(), read_only=True)
    inside = serializers.IntegerField(read_only=True)

    class Meta:
        model = Journey
        fields = [
            "id",
            "key",
            "name",
            "description",
            "purpose",
            "owner",
            "hypothesis",
            "status",
            "live",
            "inside",
            "created_at",
            "paused_at",
        ]
        read_only_fields = fields


class JourneyPatchSerializer(serializers.Serializer[Any]):
    """What a journey is called and is for. It holds at once, not with the next version."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)
    owner = serializers.ChoiceField(choices=OWNERS, required=False)
    hypothesis = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True),
        required=False,
        help_text=f"the NRR hypothesis: {', '.join(HYPOTHESIS)}; a programme is published with all of them",
    )

    def validate_hypothesis(self, value: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := sorted(set(value) - set(HYPOTHESIS)):
            raise ValidationError(f"a hypothesis has no {', '.join(name[:40] for name in unknown[:5])}")
        return value


class JourneyMakeSerializer(JourneyPatchSerializer):
    """A journey with its first draft; nothing runs before that is published."""

    name = serializers.CharField(max_length=200)
    source = serializers.CharField(  # type: ignore[assignment]  # the metaclass takes it off the class
        max_length=100, required=False, help_text="what it begins with: `library:<key>`, `journey:<id>`; none: empty"
    )
    graph = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text="entry, start, nodes (docs/journeys.md), in the place of what it begins with",
    )


def _journeys() -> QuerySet[Journey]:
    inside = Count("enrollments", filter=Q(enrollments__status=EnrollmentStatus.ACTIVE))
    found: QuerySet[Journey] = Journey.objects.annotate(inside=inside)
    return found


class JourneyList(generics.ListAPIView[Journey]):
    """Journeys, newest first."""

    serializer_class = JourneySerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Journey]:
        return narrowed(_journeys(), FILTERS, self.request)

    @extend_schema(parameters=[item.parameter for item in FILTERS])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=JourneyMakeSerializer, responses={201: JourneySerializer})
    def post(self, request: Request) -> Response:
        """Make a journey. A graph that no draft can be (ways that lead nowhere, nodes that nothing leads to) is refused
        with the place and the code of each flaw; nothing is kept then."""
        body = JourneyMakeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with _refusals(asked.get("graph", {})):
            made = journey_create(**asked, actor=actor_of_key(request))
        return Response(JourneySerializer(_journeys().get(pk=made.pk)).data, status=201)


class JourneyDetail(generics.RetrieveAPIView[Journey]):
    """One journey: read, and described anew by PATCH."""

    serializer_class = JourneySerializer

    def get_queryset(self) -> QuerySet[Journey]:
        return _journeys()

    @extend_schema(request=JourneyPatchSerializer, responses=JourneySerializer)
    def patch(self, request: Request, pk: str) -> Response:
        body = JourneyPatchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with transaction.atomic(), _refusals({}):
            row: Journey = generics.get_object_or_404(Journey.objects.select_for_update(), pk=pk)
            settings = {name: body.validated_data.get(name, getattr(row, name)) for name in SETTINGS}
            told = body.validated_data.get("hypothesis", row.hypothesis)
            journey_settings(journey=row, settings=settings, hypothesis=told, actor=actor_of_key(request))
        return Response(JourneySerializer(_journeys().get(pk=pk)).data)


@contextmanager
def _refusals(graph: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise ValidationError({error.field: [str(error)]}) from error
    except GraphError as error:
        raise ValidationError(errors_of(graph, error.problems)) from error


urlpatterns = [route("journeys", JourneyList, "journeys"), route(f"journeys/{ID}", JourneyDetail, "journey")]
