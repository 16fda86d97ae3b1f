"""REST of what sources keep: one list, one read and one upsert by external id for every such noun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.urls import URLPattern
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.models import SourcedModel
from hub.accounts.references import AccountReference, account_given, status_of
from hub.accounts.services import MissingFieldError, Noun
from hub.rest.middleware import actor_of_key
from hub.rest.params import described, time_param, uuid_param
from hub.rest.routes import BY, ID, route

FIRST_YEAR, LAST_YEAR = 1900, 2199
# Integers that every JSON reader keeps exact.
LARGEST = 2**53 - 1
# What every noun shows before and after its own fields.
FIRST = ["id", "account", "source", "external_id"]
LAST = ["source_updated_at", "created_at", "updated_at"]
KEPT = ["source", "external_id", "created_at", "updated_at"]

Upsert = Callable[..., tuple[Any, str]]


def check_year(value: date) -> None:
    """Refuse what is a date only in form: zones and month arithmetic need room on both sides."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"expected a year from {FIRST_YEAR} to {LAST_YEAR}")


class SourcedSerializer(serializers.ModelSerializer[Any]):
    """Base of every noun: what a PUT leaves out stays as it is; `source_updated_at` is the source's own clock."""

    account = AccountReference(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for field in fields.values():
            if not field.read_only:
                field.required = False
            if isinstance(field, serializers.DateField | serializers.DateTimeField) and not field.read_only:
                field.validators = [*field.validators, check_year]
        return fields


class MoneyField(serializers.IntegerField):
    """Minor units of a currency, exact in JSON."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        super().__init__(**{"max_value": LARGEST, "required": False, "help_text": "minor units", **kwargs})


@dataclass(frozen=True)
class Resource:
    """A noun as REST shows it.

    `related` are references read with a row; `told` says to which field a refusal of the service belongs, the plain
    kind last: it is what the others are, too.
    """

    path: str
    noun: Noun[Any]
    upsert: Upsert
    serializer: type[SourcedSerializer]
    related: Sequence[str]
    told: AbstractMapping[type[ValueError], str]

    @property
    def words(self) -> str:
        return self.path.replace("-", " ")

    def rows(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.noun.model.objects.select_related("account", *self.related)
        return found

    def named(self, view: Any, kind: str) -> Any:
        view.__name__ = f"{self.noun.model.__name__}{kind}"
        return view


def sourced_routes(
    path: str,
    noun: Noun[Any],
    upsert: Upsert,
    serializer: type[SourcedSerializer],
    *,
    related: Iterable[str] = (),
    refusals: dict[type[ValueError], str] | None = None,
) -> list[URLPattern]:
    """`path`, `path/{id}` and `path/by/{source}/{external_id}` of a noun.

    `related` are references read with a row; `refusals` says to which field a refusal of the service belongs.
    """
    told = {kind: field for kind, field in (refusals or {}).items() if kind is not ValueError}
    told[ValueError] = (refusals or {}).get(ValueError, "contact")
    resource = Resource(path, noun, upsert, serializer, tuple(related), told)
    return [
        route(path, _list_view(resource), path),
        route(f"{path}/{ID}", _detail_view(resource), f"{path}-one"),
        route(f"{path}/{BY}", _by_view(resource), f"{path}-by"),
    ]


def _list_view(resource: Resource) -> Any:
    class List(generics.ListAPIView[SourcedModel]):
        serializer_class = resource.serializer

        def get_queryset(self) -> QuerySet[Any]:
            found = resource.rows()
            if account := uuid_param(self.request, "account"):
                found = found.filter(account_id=account)
            if since := time_param(self.request, "updated_since"):
                found = found.filter(updated_at__gte=since)
            return found

    List.__doc__ = f"The {resource.words} of the tenant's accounts, oldest first."
    parameters = [
        described("account", "only of this account"),
        described("updated_since", "changed at or after this time"),
    ]
    return resource.named(extend_schema(parameters=parameters)(List), "List")


def _detail_view(resource: Resource) -> Any:
    class Detail(generics.RetrieveAPIView[SourcedModel]):
        serializer_class = resource.serializer

        def get_queryset(self) -> QuerySet[Any]:
            return resource.rows()

    Detail.__doc__ = f"One of the {resource.words}, by its id."
    return resource.named(Detail, "Detail")


def _by_view(resource: Resource) -> Any:
    name, serializer = resource.path.replace("-", "_"), resource.serializer

    class By(APIView):
        @extend_schema(operation_id=f"{name}_by_retrieve", responses=serializer)
        def get(self, request: Request, source: str, external_id: str) -> Response:
            row = generics.get_object_or_404(resource.rows(), source=source, external_id=external_id)
            return Response(serializer(row).data)

        @extend_schema(request=serializer, responses={200: serializer, 201: serializer})
        def put(self, request: Request, source: str, external_id: str) -> Response:
            row, outcome = _put(resource, request, source, external_id)
            return Response(serializer(resource.rows().get(pk=row.pk)).data, status=status_of(outcome))

    By.__doc__ = f"What a source calls so among the {resource.words}: read, or made and changed by PUT."
    return resource.named(By, "By")


def _put(resource: Resource, request: Request, source: str, external_id: str) -> tuple[Any, str]:
    stored = resource.rows().filter(source=source, external_id=external_id).first()
    body = resource.serializer(data=request.data, context={"stored": stored})
    body.is_valid(raise_exception=True)
    fields = dict(body.validated_data)
    account = account_given(fields.pop("account", None), stored.account if stored else None)
    try:
        return resource.upsert(
            source=source,
            external_id=external_id,
            account=account,
            as_of=fields.pop("source_updated_at", None),
            fields=fields,
            actor=actor_of_key(request),
        )
    except ValueError as error:
        raise ValidationError(_refusal(error, resource.told)) from error


def _refusal(error: ValueError, told: AbstractMapping[type[ValueError], str]) -> dict[str, list[str]]:
    if isinstance(error, MissingFieldError):
        return {name: ["a new one needs it"] for name in error.names}
    field = next(field for kind, field in told.items() if isinstance(error, kind))
    return {field: [str(error)]}
