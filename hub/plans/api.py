"""REST: milestones of onboarding plans."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.models import Account
from hub.plans.models import Milestone
from hub.plans.services import milestone_complete, milestone_upsert
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described, uuid_param
from hub.rest.routes import BY, ID, route


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


class MilestoneUpsertSerializer(serializers.ModelSerializer[Milestone]):
    """A milestone to make or change. What is left out stays as it is; `completed_at` completes it, once."""

    plan_name = serializers.CharField(max_length=200, default="Onboarding")
    plan_started_on = serializers.DateField(required=False, help_text="of a plan that is made; today when left out")

    class Meta:
        model = Milestone
        fields = [
            "plan_name",
            "plan_started_on",
            "title",
            "description",
            "position",
            "required",
            "due_on",
            "event_name",
            "completed_at",
        ]
        extra_kwargs = {"title": {"required": False}, "required": {"required": False, "default": None}}


class MilestoneBy(APIView):
    """The milestone `key` of the account that a source calls so: made and changed by PUT."""

    @extend_schema(request=MilestoneUpsertSerializer, responses={200: MilestoneSerializer, 201: MilestoneSerializer})
    def put(self, request: Request, source: str, external_id: str, key: str) -> Response:
        account = generics.get_object_or_404(
            Account.objects.all(), external_ids__source=source, external_ids__value=external_id
        )
        body = MilestoneUpsertSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        completed_at = fields.pop("completed_at", None)
        if fields.get("required") is None:
            fields.pop("required", None)
        milestone, outcome = milestone_upsert(
            account=account,
            key=key,
            plan=fields.pop("plan_name"),
            started_on=fields.pop("plan_started_on", None) or timezone.localdate(),
            fields=fields,
            actor=actor_of_key(request),
        )
        if completed_at is not None:
            milestone_complete(milestone_id=milestone.pk, via="api", actor=actor_of_key(request), at=completed_at)
        answer = MilestoneSerializer(_milestones().get(pk=milestone.pk)).data
        return Response(answer, status=201 if outcome == "created" else 200)


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
    route(rf"milestones/{BY}/(?P<key>[^/]{{1,64}})", MilestoneBy, "milestone-by"),
    route(f"milestones/{ID}", MilestoneDetail, "milestone"),
    route(f"milestones/{ID}/complete", MilestoneComplete, "milestone-complete"),
]
