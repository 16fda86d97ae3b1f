"""REST: experiments with their results; planned and launched by a program as by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route
from journeys.experiments.measures import measures
from journeys.experiments.models import Experiment, ExperimentStatus, Reading
from journeys.experiments.needs import need_of
from journeys.experiments.selectors import Standing, experiments_list, standing
from journeys.experiments.services import ExperimentError, Plan, experiment_create, experiment_launch
from journeys.models import Journey

if TYPE_CHECKING:
    from journeys.experiments.reading import Estimate

PLANNED = (
    "name", "hypothesis", "measure", "argument", "window_days", "reading", "horizon_days", "baseline", "change",
    "alpha", "power", "stratify",
)  # fmt: skip


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    """An experiment as it is planned or was registered; shares and their change are 0 to 1."""

    journey = serializers.CharField(source="journey.key", read_only=True)
    node = serializers.CharField(source="node_id", read_only=True, help_text="empty: the whole journey")
    accounts = serializers.IntegerField(read_only=True, help_text="assigned in any phase")

    class Meta:
        model = Experiment
        fields = [
            "id", "journey", "node", *PLANNED, "status", "planned", "created_at", "started_at", "ended_at", "chosen",
            "why", "accounts",
        ]  # fmt: skip
        read_only_fields = fields


class IntervalSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()


class ArmSerializer(serializers.Serializer[Any]):
    """An arm: how it was dealt, and its value where that may be shown."""

    name = serializers.CharField(source="label")
    weight = serializers.IntegerField(help_text="percent")
    accounts = serializers.IntegerField()
    reached = serializers.IntegerField(help_text="got a message of the journey")
    mature = serializers.IntegerField(help_text="their window is over")
    value = serializers.FloatField(allow_null=True)
    interval = IntervalSerializer(allow_null=True)


class ComparisonSerializer(serializers.Serializer[Any]):
    """An arm less the first one."""

    arm = serializers.IntegerField()
    difference = serializers.FloatField(source="difference.estimate")
    interval = IntervalSerializer(source="difference")
    p = serializers.FloatField(source="difference.p")
    detectable = serializers.FloatField(help_text="the smallest difference that this sample shows at the stated power")
    verdict = serializers.CharField(help_text="better, worse, small (sample too small for a winner) or none")


class ResultSerializer(serializers.Serializer[Any]):
    """What the latest phase shows."""

    measure = serializers.CharField()
    phase = serializers.IntegerField()
    state = serializers.CharField(help_text="ratio (the deal is off), few, early (before its day) or read")
    sample_ratio_p = serializers.FloatField()
    reads_on = serializers.DateField(allow_null=True)
    held_out = serializers.IntegerField()
    arms = ArmSerializer(many=True)
    comparisons = ComparisonSerializer(many=True)


class ExperimentResultSerializer(ExperimentSerializer):
    """An experiment with its result, null before the launch."""

    result = serializers.SerializerMethodField()

    class Meta(ExperimentSerializer.Meta):
        fields = [*ExperimentSerializer.Meta.fields, "result"]
        read_only_fields = fields

    @extend_schema(responses=ResultSerializer)
    def get_result(self, experiment: Experiment) -> dict[str, Any] | None:
        found = standing(experiment, measure=str(self.context.get("measure") or ""))
        return dict(ResultSerializer(_document(found)).data) if found.result is not None else None


def _document(found: Standing) -> dict[str, Any]:
    assert found.result is not None
    assert found.phase is not None
    values: list[Estimate | None] = [*found.result.arms] or [None] * len(found.phase.arms)
    rows = zip(found.phase.arms, found.counts, found.reached, found.mature, values, strict=True)
    return {
        "measure": found.measure.key,
        "phase": found.phase.number,
        "state": found.result.state,
        "sample_ratio_p": found.result.ratio_p,
        "reads_on": found.day,
        "held_out": found.held_out,
        "arms": [
            {
                **arm, "accounts": count, "reached": reached, "mature": mature,
                "value": told.value if told and told.n else None, "interval": _finite(told),
            }
            for arm, count, reached, mature, told in rows
        ],
        "comparisons": found.result.comparisons,
    }  # fmt: skip


def _finite(told: Any) -> Any:
    """The interval of a value; of a single account there is none."""
    return told.interval if told and told.n > 1 else None


class PlanSerializer(serializers.Serializer[Any]):
    """A plan; with `launch` it begins at once, if nothing speaks against it."""

    journey = serializers.CharField(max_length=64, help_text="key of the journey")
    node = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    name = serializers.CharField(max_length=200)
    hypothesis = serializers.CharField(max_length=500, required=False, allow_blank=True)
    measure = serializers.ChoiceField(choices=[], required=False)
    argument = serializers.CharField(max_length=200, required=False, allow_blank=True)
    window_days = serializers.IntegerField(min_value=1, max_value=730, required=False)
    reading = serializers.ChoiceField(choices=Reading.choices, required=False)
    horizon_days = serializers.IntegerField(min_value=1, max_value=730, required=False)
    baseline = serializers.FloatField(required=False, allow_null=True)
    change = serializers.FloatField(required=False, allow_null=True)
    alpha = serializers.FloatField(min_value=0.001, max_value=0.2, required=False)
    power = serializers.FloatField(min_value=0.5, max_value=0.99, required=False)
    stratify = serializers.CharField(max_length=80, required=False, allow_blank=True)
    launch = serializers.BooleanField(default=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["measure"] = serializers.ChoiceField(choices=list(measures.as_mapping()), required=False)


BY = described("by", "another measure than the planned one", choices=list(measures.as_mapping()))
STATUS = described("status", "only these", choices=ExperimentStatus.values)
JOURNEY: OpenApiParameter = described("journey", "only of the journey with this key")


class ExperimentList(generics.ListAPIView[Experiment]):
    """Experiments, newest first."""

    serializer_class = ExperimentSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Experiment]:
        rows = experiments_list().order_by()
        if status := choice_param(self.request, "status", ExperimentStatus.values):
            rows = rows.filter(status=status)
        if key := self.request.query_params.get("journey", "")[:64]:
            rows = rows.filter(journey__key=key)
        return rows

    @extend_schema(parameters=[STATUS, JOURNEY])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=PlanSerializer, responses={201: ExperimentSerializer})
    def post(self, request: Request) -> Response:
        """Plan an experiment on a step of a journey, or with an empty node on the whole journey against its holdout.
        409 with `launch` says what has to be said or done first; nothing is kept then."""
        body = PlanSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        journey: Journey = generics.get_object_or_404(Journey.objects.all(), key=asked["journey"])
        plan = Plan(**{name: asked[name] for name in PLANNED if name in asked})
        try:
            made = _made(journey, asked["node"], plan, launch=asked["launch"], request=request)
        except ExperimentError as error:
            raise ValidationError({error.field or "detail": [str(error)]}) from error
        return Response(ExperimentSerializer(experiments_list().get(pk=made.pk)).data, status=201)


@transaction.atomic
def _made(journey: Journey, node_id: str, plan: Plan, *, launch: bool, request: Request) -> Experiment:
    """The experiment, launched if that is asked for; nothing is kept where it cannot be."""
    actor = actor_of_key(request)
    made = experiment_create(journey=journey, node_id=node_id, plan=plan, actor=actor)
    if launch:
        need = need_of(made)
        try:
            experiment_launch(experiment=made, planned=need.total if need else 0, actor=actor)
        except ExperimentError as error:
            raise Conflict(str(error)) from error
    return made


class ExperimentDetail(generics.RetrieveAPIView[Experiment]):
    """One experiment with what it shows so far."""

    serializer_class = ExperimentResultSerializer

    def get_queryset(self) -> QuerySet[Experiment]:
        return experiments_list()

    def get_serializer_context(self) -> dict[str, Any]:
        measure = choice_param(self.request, "by", list(measures.as_mapping()))
        return {**super().get_serializer_context(), "measure": measure}

    @extend_schema(parameters=[BY])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


urlpatterns = [
    route("experiments", ExperimentList, "experiments"),
    route(f"experiments/{ID}", ExperimentDetail, "experiment"),
]
