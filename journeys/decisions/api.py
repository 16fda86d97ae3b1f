"""REST: what next best action chose, what people or programs say to it, and the plays that it chooses from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.people.audit import Actor
from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.reading import OF_ACCOUNT, by_choice, by_day, by_text, resource
from hub.rest.routes import ID, route
from journeys.decisions import plays
from journeys.decisions.models import OPEN, Choice, ChoiceStatus, Play, VetoReason
from journeys.decisions.reviewing import MOST_AT_ONCE, choices_approve, choices_undo, choices_veto
from journeys.decisions.selectors import MOST_OF_FILTER, OpenOnes
from journeys.decisions.situations import learnt_of
from journeys.decisions.terms import PlayError


class ChoiceSerializer(serializers.ModelSerializer[Choice]):
    """What was decided for an account on a day: the verdict on every play, the choice, and what came of it."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    play = serializers.CharField(source="play.key", default=None, read_only=True, allow_null=True)
    signal = serializers.UUIDField(source="signal_id", read_only=True, allow_null=True)
    verdicts = serializers.ListField(child=serializers.DictField(), read_only=True)
    status = serializers.ChoiceField(choices=ChoiceStatus.choices, read_only=True)

    class Meta:
        model = Choice
        fields = [
            "id",
            "account",
            "day",
            "cause",
            "at",
            "play",
            "play_version",
            "signal",
            "purpose",
            "chance",
            "worth_minor",
            "score_minor",
            "why",
            "verdicts",
            "status",
            "reason",
            "note",
            "reviewed_at",
            "reviewed_label",
            "due_at",
            "done_at",
            "result",
            "success",
            "met",
        ]
        read_only_fields = fields


class ApproveSerializer(serializers.Serializer[Any]):
    """Who does it and from when on; without either the account's owner, after the time to undo it."""

    assignee = serializers.UUIDField(required=False, allow_null=True, default=None)
    begins_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class VetoSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=VetoReason.choices)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


def _choices() -> QuerySet[Choice]:
    found: QuerySet[Choice] = Choice.objects.select_related("play").defer("given")
    return found


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except DjangoValidationError as error:
        raise ValidationError(error.message_dict) from None
    except PlayError as error:
        raise ValidationError({error.field: [str(error)]}) from None
    except plays.StalePlay:
        raise Conflict("somebody else has changed the play meanwhile; read it again") from None


class _Act(APIView):
    """Says something to one choice: 200 with it, 409 when it is not open for that any more."""

    body: type[serializers.Serializer[Any]] | None = None

    def act(self, choice: Choice, actor: Actor, asked: dict[str, Any]) -> list[Any]:
        raise NotImplementedError

    def answer(self, request: Request, pk: str) -> Response:
        choice: Choice = generics.get_object_or_404(_choices(), pk=pk)
        asked: dict[str, Any] = {}
        if self.body is not None:
            body = self.body(data=request.data)
            body.is_valid(raise_exception=True)
            asked = body.validated_data
        with _refusals():
            done = self.act(choice, actor_of_key(request), asked)
        if not done:
            raise Conflict(f"it is {choice.status} and not open for this any more")
        return Response(ChoiceSerializer(_choices().get(pk=choice.pk)).data)


class Approve(_Act):
    """Have a choice carried out after the time to undo it."""

    body = ApproveSerializer

    def act(self, choice: Choice, actor: Actor, asked: dict[str, Any]) -> list[Any]:
        return choices_approve(ids=[choice.pk], actor=actor, **asked)

    @extend_schema(request=ApproveSerializer, responses=ChoiceSerializer)
    def post(self, request: Request, pk: str) -> Response:
        return self.answer(request, pk)


class Veto(_Act):
    """Say no to a choice, with a reason."""

    body = VetoSerializer

    def act(self, choice: Choice, actor: Actor, asked: dict[str, Any]) -> list[Any]:
        return choices_veto(ids=[choice.pk], actor=actor, **asked)

    @extend_schema(request=VetoSerializer, responses=ChoiceSerializer)
    def post(self, request: Request, pk: str) -> Response:
        return self.answer(request, pk)


class Undo(_Act):
    """Take back what has not begun."""

    def act(self, choice: Choice, actor: Actor, asked: dict[str, Any]) -> list[Any]:
        return choices_undo(ids=[choice.pk], actor=actor)

    @extend_schema(request=None, responses=ChoiceSerializer)
    def post(self, request: Request, pk: str) -> Response:
        return self.answer(request, pk)


class MeantSerializer(serializers.Serializer[Any]):
    """Open choices by what the queue can be filtered by."""

    status = serializers.ChoiceField(choices=[str(status) for status in OPEN], default=ChoiceStatus.ASKED.value)
    play = serializers.CharField(max_length=64, required=False, default="", help_text="a play's key")
    until = serializers.DateTimeField(required=False, default=None, help_text="decided no later than this")


class ManySerializer(ApproveSerializer):
    """One word on many choices: those named by `ids`, or all that `filter` leaves, worth most first."""

    action = serializers.ChoiceField(choices=["approve", "veto", "undo"])
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST_AT_ONCE)
    filter = MeantSerializer(required=False, help_text=f"at most {MOST_OF_FILTER} at once")
    reason = serializers.ChoiceField(choices=VetoReason.choices, required=False, help_text="of a veto")
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) is ("filter" in attrs):
            raise serializers.ValidationError("give either ids or filter")
        return attrs


class ManyAnswerSerializer(serializers.Serializer[Any]):
    """The choices that were open for it; `left` were not, or somebody was faster."""

    changed = serializers.ListField(child=serializers.UUIDField())
    left = serializers.IntegerField()


class Many(APIView):
    """Say the same to many choices."""

    @extend_schema(request=ManySerializer, responses=ManyAnswerSerializer)
    def post(self, request: Request) -> Response:
        body = ManySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked, actor = body.validated_data, actor_of_key(request)
        ids = asked["ids"] if "ids" in asked else OpenOnes(**asked["filter"]).ids()
        with _refusals():
            done = _said(asked, ids, actor)
        return Response(ManyAnswerSerializer({"changed": done, "left": len(set(ids)) - len(done)}).data)


def _said(asked: dict[str, Any], ids: list[UUID], actor: Actor) -> list[UUID]:
    if asked["action"] == "approve":
        return choices_approve(ids=ids, actor=actor, assignee=asked["assignee"], begins_at=asked["begins_at"])
    if asked["action"] == "veto":
        return choices_veto(ids=ids, reason=asked.get("reason", ""), note=asked["note"], actor=actor)
    return choices_undo(ids=ids, actor=actor)


# --- Plays --------------------------------------------------------------------------------------------------------


class PlaySerializer(serializers.ModelSerializer[Play]):
    """A play with its terms and what it has learnt: successes and failures of what was done since `learns_since`."""

    terms = serializers.DictField(child=serializers.JSONField(), read_only=True)
    successes = serializers.SerializerMethodField()
    failures = serializers.SerializerMethodField()

    class Meta:
        model = Play
        fields = [
            "id",
            "key",
            "name",
            "description",
            "is_on",
            "version",
            "terms",
            "learns_since",
            "successes",
            "failures",
            "created_at",
            "archived_at",
        ]
        read_only_fields = fields

    def get_successes(self, play: Play) -> int:
        return self._learnt(play)[0]

    def get_failures(self, play: Play) -> int:
        return self._learnt(play)[1]

    def _learnt(self, play: Play) -> tuple[int, int]:
        return self._all_learnt.get(play.pk, (0, 0))

    @cached_property
    def _all_learnt(self) -> dict[UUID, tuple[int, int]]:
        """One query for a whole list: its rows go through one serializer."""
        return learnt_of(None)


class PlayMakeSerializer(serializers.Serializer[Any]):
    """A further play. Terms: action, config, triggers, stages, rule, purpose, worth, prior and where it comes from …"""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)
    terms = serializers.DictField(child=serializers.JSONField(allow_null=True), help_text="docs/next-best-action.md")


class PlayChangeSerializer(serializers.Serializer[Any]):
    """What is to be another; `version` is the one that was read."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(required=False, allow_blank=True, max_length=500)
    terms = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    version = serializers.IntegerField(min_value=0, required=False)
    is_on = serializers.BooleanField(required=False)


def _plays() -> QuerySet[Play]:
    found: QuerySet[Play] = Play.objects.all()
    return found


class PlayList(generics.ListAPIView[Play]):
    """Plays, newest first."""

    serializer_class = PlaySerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Play]:
        return _plays()

    @extend_schema(request=PlayMakeSerializer, responses={201: PlaySerializer})
    def post(self, request: Request) -> Response:
        """Make a play."""
        body = PlayMakeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with _refusals():
            made = plays.play_create(**body.validated_data, actor=actor_of_key(request))
        return Response(PlaySerializer(made).data, status=201)


class PlayDetail(generics.RetrieveAPIView[Play]):
    """One play: read, changed by PATCH, put away by DELETE."""

    serializer_class = PlaySerializer

    def get_queryset(self) -> QuerySet[Play]:
        return _plays()

    @extend_schema(request=PlayChangeSerializer, responses=PlaySerializer)
    def patch(self, request: Request, pk: str) -> Response:
        play, actor = self.get_object(), actor_of_key(request)
        body = PlayChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with _refusals():
            if asked.keys() & {"name", "description", "terms"}:
                plays.play_change(
                    play=play,
                    name=asked.get("name", play.name),
                    description=asked.get("description", play.description),
                    terms=asked.get("terms", play.terms),
                    seen=asked.get("version", play.version),
                    actor=actor,
                )
            if "is_on" in asked:
                plays.play_switch(play=play, on=asked["is_on"], actor=actor)
        return Response(PlaySerializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        plays.play_archive(play=self.get_object(), actor=actor_of_key(request))
        return Response(status=204)


urlpatterns = [
    *resource(
        "choices",
        "What next best action decided, newest first.",
        rows=_choices,
        serializer=ChoiceSerializer,
        filters=(
            OF_ACCOUNT,
            by_choice("status", "only these", "status", ChoiceStatus.values),
            by_text("play", "only of the play with this key", "play__key"),
            by_day("day", "only of this day of the tenant", "day"),
        ),
    ),
    route("choices/acts", Many, "choices-acts"),
    route(f"choices/{ID}/approve", Approve, "choice-approve"),
    route(f"choices/{ID}/veto", Veto, "choice-veto"),
    route(f"choices/{ID}/undo", Undo, "choice-undo"),
    route("plays", PlayList, "plays"),
    route(f"plays/{ID}", PlayDetail, "play"),
]
