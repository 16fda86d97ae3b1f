"""REST: the health of accounts, its history, and the scorecards."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.models import Account
from hub.rest.reading import OF_ACCOUNT, by_choice, resource
from hub.rest.routes import ID, route
from signals.health.models import HealthBand, HealthDay, HealthScore, Scorecard, ScorecardVersion
from signals.health.refresh import readable_of
from signals.health.rollup import health_rollup
from signals.health.scoring import plain, read_back, score_of


class MeasureSerializer(serializers.Serializer[Any]):
    """A measure of an account's score: its value, its age, and what it adds."""

    key = serializers.CharField()
    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    age_days = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["known", "stale", "missing"])
    points = serializers.FloatField(allow_null=True, help_text="0 to 100")
    share = serializers.FloatField(help_text="its part of the weight, 0 to 1")


class HealthSerializer(serializers.ModelSerializer[HealthScore]):
    """An account's health: a score from 0 to 100, null when no measure has a value.

    `band` is what counts; while somebody has set it by hand, `score_band` is what the score alone says.
    """

    account = serializers.UUIDField(source="account_id", read_only=True)
    band = serializers.CharField(source="shown_band", read_only=True)
    score_band = serializers.CharField(source="band", read_only=True)
    scorecard = serializers.CharField(source="version.scorecard.key", read_only=True, allow_null=True)
    version = serializers.IntegerField(source="version.number", read_only=True, allow_null=True)
    measures = serializers.SerializerMethodField()

    class Meta:
        model = HealthScore
        fields = [
            "id",
            "account",
            "score",
            "band",
            "score_band",
            "worst",
            "scorecard",
            "version",
            "measures",
            "computed_at",
        ]
        read_only_fields = fields

    @extend_schema_field(MeasureSerializer(many=True))
    def get_measures(self, row: HealthScore) -> list[dict[str, Any]]:
        if row.version is None:
            return []
        score = score_of(readable_of(row.version).card, read_back(row.values))
        return [
            {
                "key": line.measure.key,
                "name": line.measure.label,
                "value": plain(line.seen.value),
                "age_days": line.seen.age,
                "state": line.state.value,
                "points": plain(line.points),
                "share": plain(line.share),
            }
            for line in score.lines
        ]


class HealthDaySerializer(serializers.ModelSerializer[HealthDay]):
    """A day on which an account's score changed; where both scores are known, the three parts sum to the change."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    band = serializers.CharField(source="shown_band", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True, allow_null=True)

    class Meta:
        model = HealthDay
        fields = ["id", "account", "day", "score", "band", "worst", "before", "behaviour", "data", "model", "version"]
        read_only_fields = fields


class ScorecardSerializer(serializers.ModelSerializer[Scorecard]):
    """A scorecard with the version that counts: its measures, and where yellow and green begin."""

    rule = serializers.DictField(child=serializers.JSONField(), read_only=True)
    measures = serializers.SerializerMethodField()
    bands = serializers.SerializerMethodField()

    class Meta:
        model = Scorecard
        fields = ["id", "key", "name", "position", "rule", "version", "is_active", "measures", "bands", "created_at"]
        read_only_fields = fields

    def _version(self, card: Scorecard) -> ScorecardVersion | None:
        versions: list[ScorecardVersion] = list(card.versions.all())
        return next((version for version in versions if version.number == card.version), None)

    @extend_schema_field(serializers.ListField(child=serializers.DictField(child=serializers.JSONField())))
    def get_measures(self, card: Scorecard) -> list[dict[str, Any]]:
        version = self._version(card)
        return list(version.measures) if version else []

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_bands(self, card: Scorecard) -> dict[str, int]:
        version = self._version(card)
        return {"yellow_from": version.yellow_from, "green_from": version.green_from} if version else {}


def _health() -> QuerySet[HealthScore]:
    found: QuerySet[HealthScore] = HealthScore.objects.select_related("version__scorecard")
    return found


def _days() -> QuerySet[HealthDay]:
    found: QuerySet[HealthDay] = HealthDay.objects.select_related("version")
    return found


def _cards() -> QuerySet[Scorecard]:
    found: QuerySet[Scorecard] = Scorecard.objects.prefetch_related("versions")
    return found


class RollupSerializer(serializers.Serializer[Any]):
    """The health of an account with those below it: the mean of the scores, weighted by MRR."""

    score = serializers.IntegerField(allow_null=True)
    below = serializers.IntegerField(help_text="accounts below")
    scored = serializers.IntegerField(help_text="those of them that have a score")
    worst = serializers.UUIDField(allow_null=True, help_text="the one below with the lowest score")


class AccountRollup(APIView):
    """Health rolled up over the accounts below one."""

    @extend_schema(responses=RollupSerializer, operation_id="account_health_rollup")
    def get(self, request: Request, pk: str) -> Response:
        account = generics.get_object_or_404(Account.objects.all(), pk=pk)
        found = health_rollup(account.pk)
        if found is None:
            return Response({"score": None, "below": 0, "scored": 0, "worst": None})
        worst = str(found.worst.id) if found.worst else None
        return Response({"score": found.score, "below": found.below, "scored": found.scored, "worst": worst})


urlpatterns = [
    route(f"accounts/{ID}/health-rollup", AccountRollup, "account-health-rollup"),
    *resource(
        "health",
        "The health of accounts.",
        rows=_health,
        serializer=HealthSerializer,
        filters=(OF_ACCOUNT, by_choice("band", "only of this band", "shown_band", HealthBand.values)),
    ),
    *resource(
        "health-days",
        "Days on which scores changed, newest first.",
        rows=_days,
        serializer=HealthDaySerializer,
        filters=(OF_ACCOUNT,),
    ),
    *resource("scorecards", "What health is made of.", rows=_cards, serializer=ScorecardSerializer),
]
