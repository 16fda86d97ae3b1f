"""REST: contract lines, from which MRR and all its movements follow."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.api import AccountReference, account_given, status_of
from hub.people.audit import audit
from hub.rest.middleware import actor_of_key, tenant_of
from hub.rest.params import described, uuid_param
from hub.rest.routes import BY, ID, route
from hub.revenue.models import ContractLine
from hub.revenue.services import CurrencyError, contract_line_upsert


class ContractLineSerializer(serializers.ModelSerializer[ContractLine]):
    """A contract line, live when starts_on ≤ day < ends_on. What a PUT leaves out stays as it is."""

    account = AccountReference(required=False)
    mrr_minor = serializers.IntegerField(min_value=0, max_value=2**62, required=False, help_text="minor units a month")

    class Meta:
        model = ContractLine
        fields = [
            "id",
            "account",
            "source",
            "external_id",
            "product",
            "tier",
            "seats",
            "mrr_minor",
            "currency",
            "starts_on",
            "ends_on",
            "renews_on",
            "notice_days",
            "is_trial",
            "auto_renew",
            "billing_period",
            "source_churned",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["source", "external_id", "created_at", "updated_at"]
        extra_kwargs = {"currency": {"required": False}, "starts_on": {"required": False}}


def _lines() -> QuerySet[ContractLine]:
    found: QuerySet[ContractLine] = ContractLine.objects.select_related("account")
    return found


@extend_schema(parameters=[described("account", "only of this account")])
class ContractLineList(generics.ListAPIView[ContractLine]):
    """Contract lines of the tenant's accounts, oldest first."""

    serializer_class = ContractLineSerializer

    def get_queryset(self) -> QuerySet[ContractLine]:
        account = uuid_param(self.request, "account")
        return _lines().filter(account_id=account) if account else _lines()


class ContractLineDetail(generics.RetrieveAPIView[ContractLine]):
    serializer_class = ContractLineSerializer

    def get_queryset(self) -> QuerySet[ContractLine]:
        return _lines()


class ContractLineBy(APIView):
    """The line that a source calls so; a new one needs `account`, `mrr_minor` and `starts_on`."""

    @extend_schema(operation_id="contract_lines_by_retrieve", responses=ContractLineSerializer)
    def get(self, request: Request, source: str, external_id: str) -> Response:
        line = generics.get_object_or_404(_lines(), source=source, external_id=external_id)
        return Response(ContractLineSerializer(line).data)

    @extend_schema(request=ContractLineSerializer, responses={200: ContractLineSerializer, 201: ContractLineSerializer})
    def put(self, request: Request, source: str, external_id: str) -> Response:
        body = ContractLineSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        stored = _lines().filter(source=source, external_id=external_id).first()
        account = account_given(fields.pop("account", None), stored.account if stored else None)
        _check(fields, stored)
        if stored is None:
            fields.setdefault("currency", tenant_of(request).currency)
        try:
            line, outcome = contract_line_upsert(account=account, source=source, external_id=external_id, fields=fields)
        except CurrencyError as error:
            raise ValidationError({"currency": [str(error)]}) from error
        audit(actor_of_key(request), f"contract_line.{outcome}", line, source=source, external_id=external_id)
        return Response(ContractLineSerializer(line).data, status=status_of(outcome))


def _check(fields: dict[str, Any], stored: ContractLine | None) -> None:
    missing = {name: ["a new line needs it"] for name in ("mrr_minor", "starts_on") if name not in fields}
    if stored is None and missing:
        raise ValidationError(missing)
    start = fields.get("starts_on", stored and stored.starts_on)
    end = fields.get("ends_on", stored and stored.ends_on)
    if end is not None and end < start:
        raise ValidationError({"ends_on": ["the end lies before the start"]})


urlpatterns = [
    route("contract-lines", ContractLineList, "contract-lines"),
    route(f"contract-lines/{ID}", ContractLineDetail, "contract-line"),
    route(f"contract-lines/{BY}", ContractLineBy, "contract-line-by"),
]
