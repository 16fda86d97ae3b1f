"""REST: the draft of a journey, read and written whole, checked, and published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route
from hub.tenancy.models import Tenant
from hub.tenancy.remembering import current_tenant
from journeys.drafts.publishing import (
    NeedsSecond,
    NotPublishable,
    Prospect,
    draft_publish,
    prospect,
    request_keep,
)
from journeys.drafts.selectors import Current, current_draft
from journeys.drafts.services import WRITTEN, StaleDraft, draft_change
from journeys.drafts.shape import flaws
from journeys.drafts.validation import absolute
from journeys.graph import GraphError, Problem
from journeys.models import Journey
from journeys.services import PublishConflict


def _json(words: str, **more: Any) -> serializers.DictField:
    return serializers.DictField(child=serializers.JSONField(), help_text=words, **more)


class DraftSerializer(serializers.Serializer[Any]):
    """A draft as it stands; revision 0 is the live version that nobody has changed yet."""

    revision = serializers.IntegerField(help_text="its number is never given twice")
    base = serializers.IntegerField(help_text="the published version that it was made from")
    live = serializers.IntegerField(help_text="the version that runs now, 0 for none")
    words = serializers.CharField(help_text="what was done last")
    graph = _json("entry, start, nodes (docs/journeys.md)")


class DraftWriteSerializer(serializers.Serializer[Any]):
    """A whole graph as the draft's next revision."""

    revision = serializers.IntegerField(min_value=0, help_text="the one that was read; refused when it is another now")
    graph = _json("entry, start, nodes; may lack what only publishing asks for")


class FindingSerializer(serializers.Serializer[Any]):
    level = serializers.CharField(help_text="wrong (keeps it from being published), doubt or figure")
    node = serializers.CharField(help_text="id of the node, empty for the journey itself")
    pointer = serializers.CharField(help_text="JSON pointer into the graph")
    detail = serializers.CharField(source="text")
    code = serializers.CharField(help_text="what is wrong, by kind: leads_nowhere, unknown_node, cycle_without_wait …")


class DifferenceSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="new, gone, changed or way")
    node = serializers.CharField()
    text = serializers.CharField()


class NodePlaceSerializer(serializers.Serializer[Any]):
    """Accounts that stand on a node, and what publishing means for them."""

    version = serializers.IntegerField()
    node = serializers.CharField(source="node_id")
    accounts = serializers.IntegerField()
    fate = serializers.CharField(
        source="change.fate", help_text="kept, content_changed, timing_changed, redirected or journey_changed (leaves)"
    )
    target = serializers.CharField(source="change.target", allow_null=True)


class ProspectSerializer(serializers.Serializer[Any]):
    """What publishing the draft now would mean."""

    revision = serializers.IntegerField(source="draft.revision")
    live = serializers.IntegerField()
    findings = FindingSerializer(many=True, source="validation.findings")
    accounts_30d = serializers.IntegerField(source="validation.volume.accounts")
    recipients_30d = serializers.IntegerField(source="validation.volume.recipients")
    differences = DifferenceSerializer(many=True)
    inside = NodePlaceSerializer(many=True, help_text="null while something is wrong", allow_null=True)


class PublishSerializer(serializers.Serializer[Any]):
    """What is published, on top of what, and how."""

    revision = serializers.IntegerField(min_value=0)
    live = serializers.IntegerField(min_value=0, help_text="the version that ran when the draft was looked at")
    note = serializers.CharField(max_length=300, required=False, allow_blank=True)
    withdraw = serializers.BooleanField(default=False, help_text="take back messages rendered and not gone out")
    redirects = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=40),
        required=False,
        help_text="deleted node → where its accounts go on; empty: they leave",
    )


class PublishedSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(allow_null=True, help_text="null while a second person has to approve")
    waits_for_second_person = serializers.BooleanField()
    recipients_30d = serializers.IntegerField(allow_null=True)


def _journey(pk: str) -> Journey:
    found: Journey = generics.get_object_or_404(Journey.objects.all(), pk=pk)
    return found


def _tenant() -> Tenant:
    found: Tenant = current_tenant()
    return found


def _document(journey: Journey, draft: Current) -> dict[str, Any]:
    told = {name: getattr(draft, name) for name in ("revision", "base", "words", "graph")}
    return dict(DraftSerializer(told | {"live": journey.live}).data)


class Draft(APIView):
    """The draft of a journey."""

    @extend_schema(responses=DraftSerializer)
    def get(self, request: Request, pk: str) -> Response:
        journey = _journey(pk)
        return Response(_document(journey, current_draft(journey)))

    @extend_schema(request=DraftWriteSerializer, responses=DraftSerializer)
    def put(self, request: Request, pk: str) -> Response:
        """Write the whole graph. Ways that lead nowhere and nodes that nothing leads to are refused with their place;
        what else publishing asks for may be missing."""
        journey = _journey(pk)
        body = DraftWriteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        graph, actor = body.validated_data["graph"], actor_of_key(request)
        if found := flaws(graph):
            raise ValidationError(errors_of(graph, found))
        with refusals():
            seen = body.validated_data["revision"]
            draft = draft_change(journey=journey, seen=seen, change=lambda _: graph, words=WRITTEN, actor=actor)
        return Response(_document(journey, draft))


class DraftValidate(APIView):
    """What publishing the draft would mean: findings, differences in sentences, accounts inside. Changes nothing."""

    @extend_schema(request=None, responses=ProspectSerializer)
    def post(self, request: Request, pk: str) -> Response:
        found = prospect(_journey(pk), _tenant())
        return Response(ProspectSerializer(_prospect(found)).data)


def _prospect(found: Prospect) -> dict[str, Any]:
    told = {name: getattr(found, name) for name in ("draft", "live", "validation", "differences")}
    return told | {"inside": found.impact.places if found.impact else None}


class DraftPublish(APIView):
    """The draft becomes the version that runs, and everybody inside is moved onto it."""

    @extend_schema(request=PublishSerializer, responses={200: PublishedSerializer, 202: PublishedSerializer})
    def post(self, request: Request, pk: str) -> Response:
        """Publish. 409 when the draft or the live version is another by now; 202 when a second person has to approve
        in the browser, because it reaches more recipients than one person may."""
        journey, actor = _journey(pk), actor_of_key(request)
        body = PublishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        try:
            with refusals():
                version = draft_publish(
                    journey=journey, seen=asked.pop("revision"), tenant=_tenant(), actor=actor, **asked
                )
        except NeedsSecond as needed:
            kept = request_keep(request=needed.request, actor=actor)
            waiting = {"version": None, "waits_for_second_person": True, "recipients_30d": kept.recipients}
            return Response(PublishedSerializer(waiting).data, status=202)
        done = {"version": version.number, "waits_for_second_person": False, "recipients_30d": None}
        return Response(PublishedSerializer(done).data)


@contextmanager
def refusals() -> Iterator[None]:
    """What the services refuse, as errors of the interface with their place in the graph."""
    try:
        yield
    except (StaleDraft, PublishConflict) as error:
        raise Conflict(f"{error}; read it again") from error
    except NotPublishable as error:
        raise ValidationError(_errors([(one.pointer, one.text, one.code) for one in error.findings])) from error
    except GraphError as error:
        raise ValidationError(_errors([(each.pointer, each.message, each.code) for each in error.problems])) from error


def errors_of(graph: Mapping[str, Any], found: Sequence[Problem]) -> dict[str, list[ErrorDetail]]:
    """Problems of a graph by their place in the body, each with its code."""
    return _errors([(absolute(graph, each), each.message, each.code) for each in found])


def _errors(found: Sequence[tuple[str, str, str]]) -> dict[str, list[ErrorDetail]]:
    told: dict[str, list[ErrorDetail]] = {}
    for pointer, message, code in found:
        told.setdefault(f"graph{pointer}", []).append(ErrorDetail(message, code or "invalid"))
    return told


urlpatterns = [
    route(f"journeys/{ID}/draft", Draft, "journey-draft"),
    route(f"journeys/{ID}/draft/validate", DraftValidate, "journey-draft-validate"),
    route(f"journeys/{ID}/draft/publish", DraftPublish, "journey-draft-publish"),
]
