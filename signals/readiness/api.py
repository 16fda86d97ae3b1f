"""REST: which accounts are ready to expand, with every criterion and what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers

from hub.rest.params import choice_param, described, uuid_param
from hub.rest.routes import ID, route
from hub.tenancy.remembering import current_tenant
from signals.readiness.criteria import Kind, State
from signals.readiness.listing import EVERY, NEARLY, READY, Line, ReadinessQuery, lines_of, readiness_rows
from signals.readiness.models import ExpansionReadiness


class CriterionSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(source="criterion.key")
    title = serializers.CharField(source="criterion.label")
    state = serializers.ChoiceField(choices=[state.value for state in State])
    seen = serializers.CharField(help_text="the values, in words")
    as_of = serializers.DateField(allow_null=True, help_text="null when its source never said anything")


class KindSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=[kind.value for kind in Kind], source="kind.value")
    lacks = serializers.IntegerField(help_text="criteria that are not met or unknown; 0 is ready")
    criteria = CriterionSerializer(many=True)


class ReadinessSerializer(serializers.ModelSerializer[ExpansionReadiness]):
    """An account that pays: what its criteria say by type, and how much speaks for an expansion, 0 to 100."""

    account = serializers.UUIDField(source="account_id", read_only=True)
    account_name = serializers.CharField(source="account.name", read_only=True)
    types = serializers.SerializerMethodField()

    class Meta:
        model = ExpansionReadiness
        fields = [
            "id", "account", "account_name", "mrr_minor", "score", "velocity", "breadth", "depth", "types", "version",
            "computed_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(KindSerializer(many=True))
    def get_types(self, row: ExpansionReadiness) -> Any:
        line: Line | None = self.context.get("lines", {}).get(row.pk)
        return KindSerializer(line.kinds, many=True).data if line else []


def _lines(rows: Sequence[ExpansionReadiness]) -> dict[Any, Line]:
    tenant = current_tenant()
    return {line.row.pk: line for line in lines_of(rows, tenant)}


class _WithLines(generics.GenericAPIView[ExpansionReadiness]):
    serializer_class = ReadinessSerializer

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["context"] = self.get_serializer_context()
        if args:
            given = args[0] if isinstance(args[0], list) else [args[0]]
            kwargs["context"] = {**kwargs["context"], "lines": _lines(given)}
        return ReadinessSerializer(*args, **kwargs)


@extend_schema(
    parameters=[
        described("account", "only this account"),
        described("type", "ready or nearly so for this", choices=[kind.value for kind in Kind]),
        described("state", "only these; everybody who pays when left out", choices=[READY, NEARLY, EVERY]),
    ]
)
class ReadinessList(_WithLines, generics.ListAPIView[ExpansionReadiness]):
    """Accounts that pay, with what the criteria of each type of expansion say, newest first."""

    newest_first = True

    def get_queryset(self) -> QuerySet[ExpansionReadiness]:
        kind = choice_param(self.request, "type", [each.value for each in Kind])
        state = choice_param(self.request, "state", [READY, NEARLY, EVERY])
        rows = readiness_rows(ReadinessQuery(type=kind, state=state or EVERY))
        account = uuid_param(self.request, "account")
        return rows.filter(account_id=account) if account else rows


class ReadinessDetail(_WithLines, generics.RetrieveAPIView[ExpansionReadiness]):
    """One account's readiness."""

    def get_queryset(self) -> QuerySet[ExpansionReadiness]:
        return readiness_rows(ReadinessQuery(state=EVERY))


urlpatterns = [
    route("readiness", ReadinessList, "readiness"),
    route(f"readiness/{ID}", ReadinessDetail, "readiness-one"),
]
