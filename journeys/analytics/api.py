"""REST: the figures of one journey, and the published time from signal to action."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.rest.params import described, time_param
from hub.rest.routes import route
from hub.tenancy.remembering import current_tenant
from journeys.analytics.figures import JourneyFigures
from journeys.analytics.latency import breaches, limit_of, published
from journeys.analytics.shown import figures_of
from journeys.models import Journey

WINDOW = timedelta(days=7)


class ToldSerializer(serializers.Serializer[Any]):
    """A reason code, in words, and how often."""

    code = serializers.CharField()
    words = serializers.CharField()
    count = serializers.IntegerField()


class StepFiguresSerializer(serializers.Serializer[Any]):
    """Accounts at one step."""

    node = serializers.CharField(source="id")
    passed = serializers.IntegerField()
    here = serializers.IntegerField()
    not_done = ToldSerializer(many=True)
    left = ToldSerializer(many=True)


class MessageFiguresSerializer(serializers.Serializer[Any]):
    """Messages of one step by one channel; `clicked` are messages that a person clicked."""

    node = serializers.CharField(source="node_id")
    channel = serializers.CharField()
    queued = serializers.IntegerField()
    sent = serializers.IntegerField()
    clicked = serializers.IntegerField()
    read = serializers.IntegerField()
    under_way = serializers.IntegerField()
    kept_back = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    why = ToldSerializer(many=True)


class ShareIntervalSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()


class LiftSerializer(ShareIntervalSerializer):
    """The share in the journey less that of the held out, with its interval at 95%."""

    estimate = serializers.FloatField()


class GoalFiguresSerializer(serializers.Serializer[Any]):
    """Accounts that reached the goal, of those for whom it was open when they entered."""

    entered = serializers.IntegerField()
    reached = serializers.IntegerField()
    share = ShareIntervalSerializer(allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="median from entry to goal")
    held_out = serializers.IntegerField()
    held_out_reached = serializers.IntegerField()
    held_out_share = ShareIntervalSerializer(allow_null=True)
    lift = LiftSerializer(allow_null=True, help_text="null below 30 accounts on either side")


class JourneyFiguresSerializer(serializers.Serializer[Any]):
    """What a journey came to, over the accounts that entered it since then."""

    entered = serializers.IntegerField()
    inside = serializers.IntegerField()
    ended = ToldSerializer(many=True)
    steps = StepFiguresSerializer(many=True)
    messages = MessageFiguresSerializer(many=True)
    goal = GoalFiguresSerializer(allow_null=True)


class Figures(APIView):
    """What one journey came to."""

    @extend_schema(
        responses=JourneyFiguresSerializer,
        parameters=[described("since", "accounts that entered at or after it; all without", kind=datetime)],
    )
    def get(self, request: Request, key: str) -> Response:
        journey = generics.get_object_or_404(Journey.objects.filter(live__gt=0), key=key)
        found: JourneyFigures = figures_of(journey, since=time_param(request, "since")).figures
        return Response(JourneyFiguresSerializer(found).data)


class LatencySerializer(serializers.Serializer[Any]):
    """Seconds from signal to first step; `late` took longer than the limit."""

    signals = serializers.IntegerField()
    p50 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()
    worst = serializers.FloatField()
    late = serializers.IntegerField()


class JourneyLatencySerializer(LatencySerializer):
    journey = serializers.CharField(help_text="its key")


class BreachSerializer(serializers.Serializer[Any]):
    """A signal that was acted on later than the limit; `at` is null while it is not."""

    signal = serializers.UUIDField(source="signal_id")
    account = serializers.UUIDField(source="account_id")
    recorded_at = serializers.DateTimeField()
    at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField()


class SignalToActionSerializer(serializers.Serializer[Any]):
    """The published figure, and the latest 50 breaches."""

    since = serializers.DateTimeField()
    limit_seconds = serializers.IntegerField()
    whole = LatencySerializer(allow_null=True)
    journeys = JourneyLatencySerializer(many=True)
    breaches = BreachSerializer(many=True)


class SignalToAction(APIView):
    """How soon signals are acted on."""

    @extend_schema(
        responses=SignalToActionSerializer,
        parameters=[described("since", "signals taken at or after it; the last 7 days without", kind=datetime)],
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        since = time_param(request, "since") or now - WINDOW
        limit = limit_of(current_tenant().settings)
        found = published(since=since, now=now, limit=limit)
        keys = dict(Journey.objects.filter(pk__in=found.journeys).values_list("pk", "key"))
        document = {
            "since": since,
            "limit_seconds": limit,
            "whole": found.whole,
            "journeys": [
                {**LatencySerializer(each).data, "journey": keys[pk]}
                for pk, each in sorted(found.journeys.items(), key=lambda row: keys[row[0]])
            ],
            "breaches": breaches(since=since, now=now, limit=limit),
        }
        return Response(SignalToActionSerializer(document).data)


urlpatterns = [
    route(r"journeys/(?P<key>[a-z0-9_-]{1,64})/figures", Figures, "journey-figures"),
    route("signal-to-action", SignalToAction, "signal-to-action"),
]
