"""REST: milestones of onboarding plans."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.plans.models import Milestone
from hub.plans.services import milestone_complete
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described, uuid_param
from hub.rest.routes import ID, route


class MilestoneSerializer(serializers.ModelSerializer[Milestone]):
    account = serializers.UUIDField(source="account_id", read_only=True)
    plan = serializers.UUIDField(source="plan_id", read_only=True)
    plan_name = serializers.CharField(source="plan.name", read_only=True)

    class Meta:
        model = Milestone
        fields = [
            "id",
            "account",
            "plan",
            "plan_name",
            "key",
            "title",
            "description",
            "position",
            "required",
            "due_on",
            "event_name",
            "completed_at",
            "completed_via",
        ]
        read_only_fields = fields


class CompletionSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(required=False, help_text="when it was reached; now when left out")


def _milestones() -> QuerySet[Milestone]:
    found: QuerySet[Milestone] = Milestone.objects.select_related("plan")
    return found


@extend_schema(
    parameters=[
        described("account", "only of this account"),
        described("completed", "only done or only open ones", choices=("true", "false")),
    ]
)
class MilestoneList(generics.ListAPIView[Milestone]):
    """Milestones of the tenant's accounts, oldest first."""

    serializer_class = MilestoneSerializer

    def get_queryset(self) -> QuerySet[Milestone]:
        milestones = _milestones()
        if account := uuid_param(self.request, "account"):
            milestones = milestones.filter(account_id=account)
        if completed := choice_param(self.request, "completed", ("true", "false")):
            milestones = milestones.filter(completed_at__isnull=completed == "false")
        return milestones


class MilestoneDetail(generics.RetrieveAPIView[Milestone]):
    serializer_class = MilestoneSerializer

    def get_queryset(self) -> QuerySet[Milestone]:
        return _milestones()


class MilestoneComplete(APIView):
    """Complete a milestone; one that is complete stays as it is."""

    @extend_schema(request=CompletionSerializer, responses=MilestoneSerializer)
    def post(self, request: Request, pk: str) -> Response:
        milestone = generics.get_object_or_404(_milestones(), pk=pk)
        body = CompletionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        milestone_complete(
            milestone_id=milestone.pk, via="api", actor=actor_of_key(request), at=body.validated_data.get("at")
        )
        return Response(MilestoneSerializer(_milestones().get(pk=pk)).data)


urlpatterns = [
    route("milestones", MilestoneList, "milestones"),
    route(f"milestones/{ID}", MilestoneDetail, "milestone"),
    route(f"milestones/{ID}/complete", MilestoneComplete, "milestone-complete"),
]
