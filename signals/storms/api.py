"""REST: storms, and the decision about what they hold."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.rest.middleware import actor_of_key
from hub.rest.problems import Conflict
from hub.rest.reading import by_choice, by_text, resource
from hub.rest.routes import ID, route
from signals.models import Storm, StormStatus
from signals.storms.deciding import storm_drop, storm_release
from signals.storms.selectors import storms


class StormSerializer(serializers.ModelSerializer[Storm]):
    """More signals of a trigger within a window than go out: `held` were; `released` or `dropped` by decision."""

    trigger = serializers.CharField(source="trigger.key", read_only=True)

    class Meta:
        model = Storm
        fields = [
            "id",
            "trigger",
            "status",
            "began_at",
            "limit",
            "window_minutes",
            "held",
            "released",
            "dropped",
            "decided_at",
            "decided_label",
            "decided_note",
        ]
        read_only_fields = fields


class StormDecisionSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=["release", "drop"])
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class StormDecision(APIView):
    """Decide about the signals that a storm holds: release starts what they would have started, in the background."""

    @extend_schema(request=StormDecisionSerializer, responses=StormSerializer)
    def post(self, request: Request, pk: str) -> Response:
        storm = get_object_or_404(storms(), pk=pk)
        body = StormDecisionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        decide = storm_release if body.validated_data["decision"] == "release" else storm_drop
        if not decide(storm=storm, actor=actor_of_key(request), note=body.validated_data["note"]):
            raise Conflict("somebody has decided about this storm already")
        return Response(StormSerializer(storms().get(pk=pk)).data)


urlpatterns = [
    *resource(
        "storms",
        "Storms of signals, newest first.",
        rows=storms,
        serializer=StormSerializer,
        filters=(
            by_choice("status", "only these", "status", StormStatus.values),
            by_text("trigger", "only of the trigger with this key", "trigger__key"),
        ),
    ),
    route(f"storms/{ID}/decision", StormDecision, "storm-decision"),
]
