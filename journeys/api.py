"""REST: why something did, or did not, happen at an account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import Account
from hub.rest.params import described, time_param
from hub.rest.routes import ID, route
from journeys.selectors import StepStory, Story, stories_of
from signals.models import Signal


class WhySignalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    trigger = serializers.CharField(source="trigger.key")
    trigger_version = serializers.IntegerField()
    severity = serializers.CharField()
    sentence = serializers.CharField()
    evidence = serializers.DictField(child=serializers.JSONField())
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()


class CandidateSerializer(serializers.Serializer[Any]):
    """A journey that came into question, and what spoke against it."""

    journey = serializers.CharField(help_text="its key")
    name = serializers.CharField()
    purpose = serializers.CharField()
    verdict = serializers.CharField()
    reason = serializers.CharField(help_text="reason code; empty for the one chosen")
    words = serializers.CharField(help_text="the reason in words")


class WhyMessageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    contact = serializers.UUIDField(source="contact_id")
    channel = serializers.CharField()
    subject = serializers.CharField()
    status = serializers.CharField()
    reason = serializers.CharField()
    sent_at = serializers.DateTimeField(allow_null=True)


class WhyTaskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    status = serializers.CharField()


class WhyStepSerializer(serializers.Serializer[Any]):
    """One step: what it did, or why it did not."""

    node = serializers.CharField()
    kind = serializers.CharField()
    version = serializers.IntegerField(help_text="of the journey, when the step was taken")
    outcome = serializers.CharField()
    port = serializers.CharField(help_text="the way out that was taken")
    reason = serializers.CharField(help_text="reason code; empty when it was done")
    words = serializers.CharField(help_text="the reason in words")
    finished_at = serializers.DateTimeField()
    messages = WhyMessageSerializer(many=True)
    task = WhyTaskSerializer(allow_null=True)


class WhyEnrollmentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    journey = serializers.CharField(source="journey.key")
    version = serializers.IntegerField()
    status = serializers.CharField()
    reason = serializers.CharField(help_text="why it ended; empty while the account is inside")
    entered_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class WhySerializer(serializers.Serializer[Any]):
    """From one signal to everything that followed, or to the reason why nothing did."""

    signal = WhySignalSerializer()
    decided_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(help_text="entered, resumed, or the reason code of doing nothing; empty: undecided")
    words = serializers.CharField(help_text="the outcome in words")
    why = serializers.CharField()
    candidates = CandidateSerializer(many=True)
    enrollment = WhyEnrollmentSerializer(allow_null=True)
    steps = WhyStepSerializer(many=True)


@extend_schema(parameters=[described("since", "recorded at or after it", kind=datetime)])
class Why(generics.ListAPIView[Signal]):
    """The decision log of one account, newest signal first: signal, candidates with reasons, steps, messages."""

    serializer_class = WhySerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[Signal]:
        account = generics.get_object_or_404(Account.objects.all(), pk=self.kwargs["pk"])
        signals: QuerySet[Signal] = Signal.objects.select_related("trigger").filter(account_id=account.pk)
        since = time_param(self.request, "since")
        return signals.filter(recorded_at__gte=since) if since else signals

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None  # every list of ours is paged
        stories = [_document(story) for story in stories_of(page)]
        return self.get_paginated_response(WhySerializer(stories, many=True).data)


def _document(story: Story) -> dict[str, Any]:
    decision = story.decision
    return {
        "signal": story.signal,
        "decided_at": decision.at if decision else None,
        "outcome": decision.outcome if decision else "",
        "words": story.outcome,
        "why": decision.why if decision else "",
        "candidates": story.candidates,
        "enrollment": story.enrollment,
        "steps": [_step(step) for step in story.steps],
    }


def _step(step: StepStory) -> dict[str, Any]:
    run = step.run
    return {
        "node": run.node_id,
        "kind": run.kind,
        "version": run.version,
        "outcome": run.outcome,
        "port": run.port,
        "reason": run.reason,
        "words": step.why,
        "finished_at": run.finished_at,
        "messages": [message for message, _ in step.messages],
        "task": step.task,
    }


urlpatterns = [route(f"accounts/{ID}/why", Why, "account-why")]
