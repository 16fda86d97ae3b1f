"""REST: where two sources say different things of one field."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError

from hub.accounts.models import ConflictState, FieldConflict
from hub.rest.params import described, uuid_param
from hub.rest.routes import ID, route


class FieldConflictSerializer(serializers.ModelSerializer[FieldConflict]):
    """A field of which two sources say different things: the word that wins, and the newest against it."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    contact = serializers.UUIDField(source="contact_id", read_only=True, allow_null=True)

    class Meta:
        model = FieldConflict
        fields = [
            "id",
            "entity",
            "account",
            "contact",
            "field",
            "state",
            "winner_source",
            "winner_value",
            "winner_at",
            "other_source",
            "other_value",
            "other_at",
            "rule",
            "opened_at",
            "changed_at",
            "closed_at",
        ]
        read_only_fields = fields


@extend_schema(
    parameters=[
        described("state", "only `open`, `settled` (decided by hand) or `closed` (they agree) ones"),
        described("account", "only of this account and its contacts"),
        described("field", "only of this field, such as `domain` or `attributes.region`"),
    ]
)
class FieldConflictList(generics.ListAPIView[FieldConflict]):
    """Conflicts between sources, oldest first."""

    serializer_class = FieldConflictSerializer

    def get_queryset(self) -> QuerySet[FieldConflict]:
        found: QuerySet[FieldConflict] = FieldConflict.objects.all()
        if state := self.request.query_params.get("state", ""):
            if state not in ConflictState.values:
                raise ValidationError({"state": [f"expected one of {', '.join(ConflictState.values)}"]})
            found = found.filter(state=state)
        if account := uuid_param(self.request, "account"):
            found = found.filter(account_id=account)
        if field := self.request.query_params.get("field", ""):
            found = found.filter(field=field.replace("\x00", "")[:70])
        return found


class FieldConflictDetail(generics.RetrieveAPIView[FieldConflict]):
    """One conflict, by its id."""

    serializer_class = FieldConflictSerializer

    def get_queryset(self) -> QuerySet[FieldConflict]:
        found: QuerySet[FieldConflict] = FieldConflict.objects.all()
        return found


urlpatterns = [
    route("conflicts", FieldConflictList, "conflicts"),
    route(f"conflicts/{ID}", FieldConflictDetail, "conflict"),
]
