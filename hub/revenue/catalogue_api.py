"""REST: products with their tiers and what those allow, and the dated rates of other currencies."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.sourced_api import LARGEST, check_year
from hub.rest.middleware import actor_of_key
from hub.rest.params import described
from hub.rest.routes import ID, route
from hub.revenue.currency import CurrencyError
from hub.revenue.models import Entitlement, EntitlementKind, EntitlementPeriod, FxRate, Product, Tier
from hub.revenue.services import Allowance, CatalogueError, entitlements_set, fx_rate_put, ranks_set

MOST_TIERS, MOST_ENTITLEMENTS = 50, 50


class EntitlementSerializer(serializers.ModelSerializer[Entitlement]):
    """What a tier allows of a measure (`seats` or the name of an event); no limit is unlimited."""

    kind = serializers.ChoiceField(EntitlementKind.choices)
    limit = serializers.IntegerField(min_value=1, max_value=LARGEST, allow_null=True, required=False)
    period = serializers.ChoiceField(EntitlementPeriod.choices, allow_blank=True, required=False)

    class Meta:
        model = Entitlement
        fields = ["measure", "kind", "limit", "period", "per_seat"]


class TierSerializer(serializers.ModelSerializer[Tier]):
    """A tier; a greater rank is a higher one. Entitlements that are left out stay."""

    entitlements = EntitlementSerializer(many=True, required=False)

    class Meta:
        model = Tier
        fields = ["name", "rank", "entitlements"]


class ProductSerializer(serializers.ModelSerializer[Product]):
    """A product, by the name that contract lines use; the empty name stands for lines that name none."""

    name = serializers.CharField(max_length=100, allow_blank=True)
    tiers = TierSerializer(many=True)

    class Meta:
        model = Product
        fields = ["id", "name", "tiers"]


class FxRateSerializer(serializers.ModelSerializer[FxRate]):
    """From `on` until the next rate: one unit of `currency` is `rate` units of the tenant's currency."""

    class Meta:
        model = FxRate
        fields = ["id", "currency", "on", "rate"]


class RateSerializer(serializers.Serializer[Any]):
    rate = serializers.DecimalField(max_digits=20, decimal_places=10)


def _products() -> QuerySet[Product]:
    found: QuerySet[Product] = Product.objects.prefetch_related("tiers__entitlements")
    return found


class ProductList(generics.ListAPIView[Product]):
    """Products with their tiers. PUT makes or replaces the tiers of the product that the body names."""

    serializer_class = ProductSerializer

    def get_queryset(self) -> QuerySet[Product]:
        return _products()

    @extend_schema(request=ProductSerializer, responses=ProductSerializer)
    def put(self, request: Request) -> Response:
        body = ProductSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        tiers = body.validated_data["tiers"]
        if len(tiers) > MOST_TIERS or any(len(t.get("entitlements", [])) > MOST_ENTITLEMENTS for t in tiers):
            raise ValidationError({"tiers": [f"at most {MOST_TIERS}, with {MOST_ENTITLEMENTS} entitlements each"]})
        if len({tier["name"] for tier in tiers}) != len(tiers):
            raise ValidationError({"tiers": ["two tiers have the same name"]})
        try:
            product = self._store(request, body.validated_data["name"], tiers)
        except CatalogueError as error:
            raise ValidationError({"tiers": [str(error)]}) from error
        return Response(ProductSerializer(_products().get(pk=product.pk)).data)

    @transaction.atomic
    def _store(self, request: Request, name: str, tiers: list[dict[str, Any]]) -> Product:
        actor = actor_of_key(request)
        product = ranks_set(product=name, ranks={tier["name"]: tier["rank"] for tier in tiers}, actor=actor)
        stored = {tier.name: tier for tier in product.tiers.all()}
        for tier in tiers:
            if "entitlements" in tier:
                allowances = [Allowance(**{"limit": None, **given}) for given in tier["entitlements"]]
                entitlements_set(tier=stored[tier["name"]], allowances=allowances, actor=actor)
        return product


class ProductDetail(generics.RetrieveAPIView[Product]):
    serializer_class = ProductSerializer

    def get_queryset(self) -> QuerySet[Product]:
        return _products()


@extend_schema(parameters=[described("currency", "only of this currency")])
class FxRateList(generics.ListAPIView[FxRate]):
    """Dated rates into the tenant's currency, in the order they were given."""

    serializer_class = FxRateSerializer

    def get_queryset(self) -> QuerySet[FxRate]:
        currency = self.request.query_params.get("currency", "")
        found: QuerySet[FxRate] = FxRate.objects.all()
        return found.filter(currency=currency) if currency else found


class FxRateBy(APIView):
    """The rate of a currency from a day on."""

    @extend_schema(request=RateSerializer, responses={200: FxRateSerializer, 201: FxRateSerializer})
    def put(self, request: Request, currency: str, on: str) -> Response:
        body = RateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        day = serializers.DateField(validators=[check_year]).run_validation(on)
        try:
            row, outcome = fx_rate_put(
                currency=currency, on=day, rate=body.validated_data["rate"], actor=actor_of_key(request)
            )
        except CurrencyError as error:
            raise ValidationError({"rate": [str(error)]}) from error
        return Response(FxRateSerializer(row).data, status=201 if outcome == "created" else 200)


urlpatterns = [
    route("products", ProductList, "products"),
    route(f"products/{ID}", ProductDetail, "product"),
    route("fx-rates", FxRateList, "fx-rates"),
    route(r"fx-rates/(?P<currency>[A-Z]{3})/(?P<on>\d{4}-\d{2}-\d{2})", FxRateBy, "fx-rate"),
]
