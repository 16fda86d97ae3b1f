"""REST: the roster of advocates."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from advocacy.models import Candidate, CandidateStatus
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


urlpatterns = resource(
    "advocates",
    "Contacts put forward as advocates, newest first.",
    rows=_candidates,
    serializer=AdvocateSerializer,
    filters=(OF_ACCOUNT, by_choice("status", "only these", "status", CandidateStatus.values)),
)
