"""REST: contract lines, from which MRR and all its movements follow; invoices, payments, opportunities, claims."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError

from hub.accounts.sourced_api import FIRST, KEPT, LAST, MoneyField, SourcedSerializer, sourced_routes
from hub.rest.params import choice_param, date_param, described, uuid_param
from hub.rest.routes import ID, route
from hub.revenue.catalogue_api import urlpatterns as catalogue
from hub.revenue.models import (
    ChurnClaim,
    ContractLine,
    Invoice,
    Movement,
    MovementClaim,
    MovementKind,
    Opportunity,
    Payment,
)
from hub.revenue.references import InvoiceReference
from hub.revenue.services import (
    CHURN_CLAIM,
    CONTRACT_LINE,
    INVOICE,
    MOVEMENT_CLAIM,
    OPPORTUNITY,
    PAYMENT,
    CurrencyError,
    churn_claim_upsert,
    contract_line_upsert,
    invoice_upsert,
    movement_claim_upsert,
    opportunity_upsert,
    payment_upsert,
)

OVERLAPS = ("sum", "latest")


class ContractLineSerializer(SourcedSerializer):
    """A contract line, live when starts_on ≤ day < ends_on. What a PUT leaves out stays as it is.

    `mrr_minor` is in `currency`; `home_mrr_minor` is the same in the tenant's, at the rate of the day it starts.
    """

    mrr_minor = MoneyField(help_text="minor units a month, of `currency`")
    home_mrr_minor = serializers.IntegerField(
        source="mrr_minor", read_only=True, help_text="minor units a month, of the tenant's currency"
    )

    class Meta:
        model = ContractLine
        fields = [
            *FIRST,
            "product",
            "tier",
            "seats",
            "mrr_minor",
            "currency",
            "home_mrr_minor",
            "starts_on",
            "ends_on",
            "renews_on",
            "notice_days",
            "term_months",
            "is_trial",
            "auto_renew",
            "billing_period",
            "source_churned",
            *LAST,
        ]
        read_only_fields = KEPT

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The dates as they will be: those of the body over those that are stored."""
        stored = self.context.get("stored")
        start, end = (attrs.get(name, getattr(stored, name, None)) for name in ("starts_on", "ends_on"))
        if start is not None and end is not None and end < start:
            raise ValidationError({"ends_on": ["the end lies before the start"]})
        return attrs

    def to_representation(self, instance: ContractLine) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if instance.billed_currency:
            shown |= {"mrr_minor": instance.billed_minor, "currency": instance.billed_currency}
        return shown


class InvoiceSerializer(SourcedSerializer):
    """An invoice, in its own currency. What a PUT leaves out stays as it is."""

    total_minor, paid_minor = MoneyField(), MoneyField()

    class Meta:
        model = Invoice
        fields = [
            *FIRST,
            "number",
            "status",
            "total_minor",
            "paid_minor",
            "currency",
            "issued_on",
            "due_on",
            "paid_at",
            "attempts",
            "url",
            *LAST,
        ]
        read_only_fields = KEPT


class PaymentSerializer(SourcedSerializer):
    """An attempt to pay, with what came of it. What a PUT leaves out stays as it is."""

    invoice = InvoiceReference(required=False, allow_null=True)
    amount_minor = MoneyField()

    class Meta:
        model = Payment
        fields = [
            *FIRST,
            "invoice",
            "status",
            "amount_minor",
            "currency",
            "occurred_at",
            "method",
            "failure_reason",
            *LAST,
        ]
        read_only_fields = KEPT


class OpportunitySerializer(SourcedSerializer):
    """A deal: renewal, expansion (by type) or new business. What a PUT leaves out stays as it is."""

    amount_minor = MoneyField(allow_null=True)

    class Meta:
        model = Opportunity
        fields = [
            *FIRST,
            "name",
            "kind",
            "expansion_type",
            "stage",
            "amount_minor",
            "currency",
            "probability_pct",
            "opened_on",
            "close_on",
            "outcome",
            "closed_at",
            "lost_reason",
            "owner_name",
            "url",
            *LAST,
        ]
        read_only_fields = KEPT
        extra_kwargs = {"probability_pct": {"min_value": 0, "max_value": 100}}


class ChurnClaimSerializer(SourcedSerializer):
    """A source's statement that an account churned. What a PUT leaves out stays as it is."""

    refund_minor = MoneyField(allow_null=True)

    class Meta:
        model = ChurnClaim
        fields = [
            *FIRST,
            "claimed_on",
            "reason",
            "churn_type",
            "refund_minor",
            "is_reactivation",
            "feedback",
            *LAST,
        ]
        read_only_fields = KEPT
        extra_kwargs = {"feedback": {"max_length": 10_000}}


class MovementClaimSerializer(SourcedSerializer):
    """A source's word on the type of the movement of an account in a month; it wins, and is shown as given."""

    class Meta:
        model = MovementClaim
        fields = [*FIRST, "month", "kind", "type", *LAST]
        read_only_fields = KEPT


class MovementSerializer(serializers.ModelSerializer[Movement]):
    """A row of the MRR ledger; `amount_minor` is positive, the kind gives the sign."""

    account = serializers.UUIDField(source="account_id", read_only=True)

    class Meta:
        model = Movement
        fields = ["id", "account", "month", "kind", "type", "type_source", "amount_minor", "currency", "overlap"]


@extend_schema(
    parameters=[
        described("account", "only of this account"),
        described("overlap", "lines of one account that run at once: sum (default) or latest", choices=OVERLAPS),
        described("kind", "only of this kind", choices=MovementKind.values),
        described("first", "from this month on, by any day of it"),
        described("last", "up to this month, by any day of it"),
    ]
)
class MovementList(generics.ListAPIView[Movement]):
    """The MRR ledger: what changed between two month ends, netted per account, by kind and type."""

    serializer_class = MovementSerializer

    def get_queryset(self) -> QuerySet[Movement]:
        request = self.request
        found: QuerySet[Movement] = Movement.objects.filter(
            overlap=choice_param(request, "overlap", OVERLAPS, OVERLAPS[0])
        )
        if account := uuid_param(request, "account"):
            found = found.filter(account_id=account)
        if kind := choice_param(request, "kind", MovementKind.values):
            found = found.filter(kind=kind)
        if first := date_param(request, "first"):
            found = found.filter(month__gte=first.replace(day=1))
        if last := date_param(request, "last"):
            found = found.filter(month__lte=last)
        return found


class MovementDetail(generics.RetrieveAPIView[Movement]):
    serializer_class = MovementSerializer

    def get_queryset(self) -> QuerySet[Movement]:
        found: QuerySet[Movement] = Movement.objects.all()
        return found


CURRENCY: dict[type[ValueError], str] = {CurrencyError: "currency"}

urlpatterns = [
    *sourced_routes("contract-lines", CONTRACT_LINE, contract_line_upsert, ContractLineSerializer, refusals=CURRENCY),
    *sourced_routes("invoices", INVOICE, invoice_upsert, InvoiceSerializer, refusals=CURRENCY),
    *sourced_routes(
        "payments",
        PAYMENT,
        payment_upsert,
        PaymentSerializer,
        related=["invoice"],
        refusals={**CURRENCY, ValueError: "invoice"},
    ),
    *sourced_routes("opportunities", OPPORTUNITY, opportunity_upsert, OpportunitySerializer, refusals=CURRENCY),
    *sourced_routes("churn-claims", CHURN_CLAIM, churn_claim_upsert, ChurnClaimSerializer),
    *sourced_routes("movement-claims", MOVEMENT_CLAIM, movement_claim_upsert, MovementClaimSerializer),
    *catalogue,
    route("movements", MovementList, "movements"),
    route(f"movements/{ID}", MovementDetail, "movement"),
]
