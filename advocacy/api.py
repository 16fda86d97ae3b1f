"""REST: the roster of advocates."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from advocacy.asks.models import Ask, AskStatus
from advocacy.models import Candidate, CandidateStatus
from advocacy.resources.models import ResourceUnlock
from hub.rest.reading import OF_ACCOUNT, by_choice, resource


class AdvocateSerializer(serializers.ModelSerializer[Candidate]):
    """A contact put forward as an advocate, with the reason; `qualifies` says whether it still holds."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    contact = serializers.UUIDField(source="contact_id", read_only=True)
    evidence = serializers.DictField(child=serializers.JSONField(), read_only=True)

    class Meta:
        model = Candidate
        fields = [
            "id",
            "account",
            "contact",
            "status",
            "reason",
            "evidence",
            "qualifies",
            "found_at",
            "decided_at",
            "decision_note",
        ]
        read_only_fields = fields


def _candidates() -> QuerySet[Candidate]:
    found: QuerySet[Candidate] = Candidate.objects.all()
    return found


class AskSerializer(serializers.ModelSerializer[Ask]):
    """What a contact was asked for, and the answer."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    contact = serializers.UUIDField(source="contact_id", read_only=True)

    class Meta:
        model = Ask
        fields = ["id", "account", "contact", "kind", "level", "text", "status", "answer", "asked_at", "answered_at"]
        read_only_fields = fields


class UnlockSerializer(serializers.ModelSerializer[ResourceUnlock]):
    """That an account may have a resource."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    resource = serializers.CharField(source="resource.key", read_only=True)
    title = serializers.CharField(source="resource.title", read_only=True)

    class Meta:
        model = ResourceUnlock
        fields = ["id", "account", "resource", "title", "unlocked_at", "opened_at"]
        read_only_fields = fields


def _asks() -> QuerySet[Ask]:
    found: QuerySet[Ask] = Ask.objects.all()
    return found


def _unlocks() -> QuerySet[ResourceUnlock]:
    found: QuerySet[ResourceUnlock] = ResourceUnlock.objects.select_related("resource").defer("resource__body")
    return found


urlpatterns = [
    *resource(
        "asks",
        "What contacts were asked for, newest first.",
        rows=_asks,
        serializer=AskSerializer,
        filters=(OF_ACCOUNT, by_choice("status", "only these", "status", AskStatus.values)),
    ),
    *resource(
        "resource-unlocks",
        "Resources that accounts may have, newest first.",
        rows=_unlocks,
        serializer=UnlockSerializer,
        filters=(OF_ACCOUNT,),
    ),
]
urlpatterns += resource(
    "advocates",
    "Contacts put forward as advocates, newest first.",
    rows=_candidates,
    serializer=AdvocateSerializer,
    filters=(OF_ACCOUNT, by_choice("status", "only these", "status", CandidateStatus.values)),
)
