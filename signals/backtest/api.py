"""REST: back-tests of scorecards, asked for and read."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.people.audit import Actor
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described, uuid_param
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route
from signals.backtest.draft import Draft
from signals.backtest.models import BacktestRun, Origin, RunStatus
from signals.backtest.services import LONGEST, SHORTEST, BacktestError, backtest_start, draft_of
from signals.health.cards import CardError, checked
from signals.health.models import Scorecard
from signals.health.selectors import current_version


def _objects() -> serializers.DictField:
    return serializers.DictField(child=serializers.JSONField())


class BacktestSerializer(serializers.ModelSerializer[BacktestRun]):
    """A scorecard held against what its accounts did afterwards.

    `result` is there when `status` is done: by horizon (30, 60, 90, 180 days) the matrix of bands and outcomes, with
    figures and their 95% intervals; measures with their relation to staying; segments. Money in minor units, ARR summed
    over the days that were looked at.
    """

    scorecard = serializers.UUIDField(source="scorecard_id", read_only=True, allow_null=True)
    hash = serializers.CharField(source="content_hash", read_only=True, help_text="the same for the same draft")
    measures = serializers.ListField(child=_objects(), read_only=True)
    rule = serializers.DictField(child=serializers.JSONField(), read_only=True)
    accounts = serializers.IntegerField(source="total", read_only=True)
    accounts_done = serializers.IntegerField(source="done", read_only=True)
    result = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = BacktestRun
        fields = [
            "id",
            "scorecard",
            "name",
            "hash",
            "measures",
            "yellow_from",
            "green_from",
            "rule",
            "months",
            "origin",
            "status",
            "reason",
            "today",
            "accounts",
            "accounts_done",
            "verdict",
            "result",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class BacktestStartSerializer(serializers.Serializer[Any]):
    """Which scorecard; without measures its published version, else a draft of its next one."""

    scorecard = serializers.UUIDField()
    measures = serializers.ListField(child=_objects(), required=False, max_length=20)
    yellow_from = serializers.IntegerField(min_value=1, max_value=100, required=False)
    green_from = serializers.IntegerField(min_value=1, max_value=100, required=False)
    months = serializers.IntegerField(min_value=SHORTEST, max_value=LONGEST, default=LONGEST)


def _backtests() -> QuerySet[BacktestRun]:
    found: QuerySet[BacktestRun] = BacktestRun.objects.defer("tally")
    return found


class BacktestList(generics.ListAPIView[BacktestRun]):
    """Back-tests, newest first; POST asks for one."""

    serializer_class = BacktestSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[BacktestRun]:
        found = _backtests()
        if status := choice_param(self.request, "status", RunStatus.values):
            found = found.filter(status=status)
        card = uuid_param(self.request, "scorecard")
        return found.filter(scorecard_id=card) if card else found

    @extend_schema(
        parameters=[
            described("status", "only these", choices=RunStatus.values),
            described("scorecard", "only of this scorecard"),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=BacktestStartSerializer, responses={201: BacktestSerializer})
    def post(self, request: Request) -> Response:
        body = BacktestStartSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        run = _started(body.validated_data, actor_of_key(request))
        return Response(BacktestSerializer(run).data, status=201)


def _started(asked: dict[str, Any], actor: Actor) -> BacktestRun:
    card = Scorecard.objects.filter(pk=asked["scorecard"], version__gt=0).first()
    if card is None:
        raise ValidationError({"scorecard": ["there is no such scorecard"]})
    draft = draft_of(current_version(card))
    if {"measures", "yellow_from", "green_from"} & asked.keys():
        bands = asked.get("yellow_from", draft.yellow_from), asked.get("green_from", draft.green_from)
        try:
            draft = Draft(checked(asked.get("measures", draft.measures), *bands), *bands, card.rule)
        except CardError as error:
            raise ValidationError({"measures": error.problems}) from error
    try:
        return backtest_start(
            draft=draft, name=card.name, position=card.position, scorecard=card, months=asked["months"], actor=actor,
            origin=Origin.PROGRAM,
        )  # fmt: skip
    except BacktestError as error:
        raise Conflict(str(error)) from error


class BacktestDetail(generics.RetrieveAPIView[BacktestRun]):
    serializer_class = BacktestSerializer

    def get_queryset(self) -> QuerySet[BacktestRun]:
        return _backtests()


urlpatterns = [
    route("backtests", BacktestList, "backtests"),
    route(f"backtests/{ID}", BacktestDetail, "backtest"),
]
