"""REST: the accounts inside journeys, and the decisions that led there."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.models import Account
from hub.rest.middleware import actor_of_key
from hub.rest.reading import OF_ACCOUNT, by_choice, by_id, by_text, by_time, resource
from hub.rest.routes import route
from journeys.enrolling import MOST_CHOSEN, account_enroll, accounts_enroll
from journeys.models import Cause, Decision, Enrollment, EnrollmentStatus, Journey


class EnrollmentSerializer(serializers.ModelSerializer[Enrollment]):
    """An account in a journey: where it stands, until when, and why it ended."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    journey = serializers.CharField(source="journey.key", read_only=True)
    signal = serializers.UUIDField(source="signal_id", read_only=True, allow_null=True)

    class Meta:
        model = Enrollment
        fields = [
            "id",
            "account",
            "journey",
            "version",
            "cause",
            "node_id",
            "visit",
            "status",
            "reason",
            "entered_at",
            "ended_at",
            "due_at",
            "held_out",
            "signal",
        ]
        read_only_fields = fields


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """What was made of a signal, or of what else came: the journeys in question, what spoke against each, the one."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    signal = serializers.UUIDField(source="signal_id", read_only=True, allow_null=True)
    chosen = serializers.CharField(source="chosen.key", default=None, read_only=True, allow_null=True)
    enrollment = serializers.UUIDField(source="enrollment_id", read_only=True, allow_null=True)
    candidates = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = Decision
        fields = [
            "id",
            "account",
            "signal",
            "cause",
            "label",
            "at",
            "outcome",
            "why",
            "chosen",
            "enrollment",
            "candidates",
        ]
        read_only_fields = fields


class EnrollSerializer(serializers.Serializer[Any]):
    """An account for a journey; with a `key` the same account is put in once for it, however often it is sent."""

    account = serializers.UUIDField()
    key = serializers.CharField(max_length=100, required=False, allow_blank=True)


class Enroll(APIView):
    """Put an account into a journey: 201 with the decision, 200 when this key was decided before; 409 says why not."""

    @extend_schema(
        request=EnrollSerializer,
        responses={201: DecisionSerializer, 200: DecisionSerializer, 409: DecisionSerializer},
    )
    def post(self, request: Request, key: str) -> Response:
        body = EnrollSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        journey: Journey = generics.get_object_or_404(Journey.objects.all(), key=key)
        account = generics.get_object_or_404(Account.objects.all(), pk=body.validated_data["account"])
        decision, new = account_enroll(
            journey=journey,
            account=account,
            actor=actor_of_key(request),
            cause=Cause.API,
            key=body.validated_data.get("key", ""),
        )
        told = DecisionSerializer(_decisions().get(pk=decision.pk)).data
        if decision.outcome == "entered":
            return Response(told, status=201 if new else 200)
        return Response(told, status=409)


class EnrollManySerializer(serializers.Serializer[Any]):
    """Accounts for a journey; with a `key` each of them is put in once for it, however often it is sent."""

    accounts = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=MOST_CHOSEN)
    key = serializers.CharField(max_length=100, required=False, allow_blank=True)


class EnrolledSerializer(serializers.Serializer[Any]):
    """The decision on each account; those that are gone, or decided under this key, are missing."""

    entered = serializers.IntegerField()
    decisions = DecisionSerializer(many=True)


class EnrollMany(APIView):
    """Put accounts into a journey: a decision on each says whether it came in, or what spoke against it."""

    @extend_schema(request=EnrollManySerializer, responses=EnrolledSerializer)
    def post(self, request: Request, key: str) -> Response:
        body = EnrollManySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        journey: Journey = generics.get_object_or_404(Journey.objects.all(), key=key)
        made = accounts_enroll(
            journey=journey,
            account_ids=body.validated_data["accounts"],
            actor=actor_of_key(request),
            cause=Cause.API,
            key=body.validated_data.get("key", ""),
        )
        rows = list(_decisions().filter(pk__in=[decision.pk for decision in made]).order_by("pk"))
        entered = sum(row.outcome == "entered" for row in rows)
        return Response(EnrolledSerializer({"entered": entered, "decisions": rows}).data)


def _enrollments() -> QuerySet[Enrollment]:
    found: QuerySet[Enrollment] = Enrollment.objects.select_related("journey")
    return found


def _decisions() -> QuerySet[Decision]:
    found: QuerySet[Decision] = Decision.objects.select_related("chosen")
    return found


urlpatterns = [
    route(r"journeys/(?P<key>[a-z0-9_-]{1,64})/enrollments", Enroll, "journey-enrollments"),
    route(r"journeys/(?P<key>[a-z0-9_-]{1,64})/enrollments/many", EnrollMany, "journey-enrollments-many"),
    *resource(
        "enrollments",
        "Accounts in journeys, newest first.",
        rows=_enrollments,
        serializer=EnrollmentSerializer,
        filters=(
            OF_ACCOUNT,
            by_text("journey", "only in the journey with this key", "journey__key"),
            by_choice("status", "only these", "status", EnrollmentStatus.values),
            by_time("entered_since", "entered at or after this time", "entered_at__gte"),
        ),
    ),
    *resource(
        "decisions",
        "What was made of each signal, newest first.",
        rows=_decisions,
        serializer=DecisionSerializer,
        filters=(OF_ACCOUNT, by_id("signal", "only of this signal", "signal_id")),
    ),
]
