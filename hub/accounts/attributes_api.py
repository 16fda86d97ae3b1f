"""REST: the tenant's own fields, filters by them, and the people that contacts are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hub.accounts.attribute_values import COLUMNS, AttributeValueError, read
from hub.accounts.models import (
    Account,
    AttributeDefinition,
    AttributeEntity,
    AttributeKind,
    AttributeValue,
    Contact,
    Person,
)
from hub.accounts.services import AttributeDefinitionError, attribute_change, attribute_define
from hub.people.audit import Actor
from hub.rest.middleware import actor_of_key
from hub.rest.params import choice_param, described
from hub.rest.problems import Conflict
from hub.rest.routes import ID, route

PREFIX = "attribute."
RANGES = {"gte": "gte", "lte": "lte"}


def with_attributes(accounts: QuerySet[Account], params: Mapping[str, str]) -> QuerySet[Account]:
    """Narrow accounts by `attribute.<key>=value` and the ranges `.gte`, `.lte`; an unknown key or value is an error."""
    asked = {name: text for name, text in params.items() if name.startswith(PREFIX)}
    if not asked:
        return accounts
    known = {d.key: d for d in AttributeDefinition.objects.filter(entity=AttributeEntity.ACCOUNT)}
    for name, text in asked.items():
        key, _, end = name.removeprefix(PREFIX).partition(".")
        definition = known.get(key)
        if definition is None or (end and end not in RANGES):
            raise ValidationError({name: ["there is no such attribute"]})
        try:
            value = read(definition.kind, text, definition.choices)
        except AttributeValueError as error:
            raise ValidationError({name: [str(error)]}) from error
        # By its typed column, so that an index answers.
        column = COLUMNS[definition.kind] + (f"__{RANGES[end]}" if end else "")
        held = AttributeValue.objects.filter(definition=definition, contact__isnull=True, **{column: value})
        accounts = accounts.filter(pk__in=held.values("account_id"))
    return accounts


class AttributeSerializer(serializers.ModelSerializer[AttributeDefinition]):
    """A field of the tenant's own. Key and type never change; rules name an account's as `attribute.<key>`."""

    kind = serializers.ChoiceField(AttributeKind.choices, required=False)
    archived = serializers.BooleanField(required=False, write_only=True)

    class Meta:
        model = AttributeDefinition
        fields = ["id", "entity", "key", "label", "kind", "choices", "archived", "archived_at", "created_at"]
        read_only_fields = ["entity", "key", "archived_at", "created_at"]
        extra_kwargs = {"label": {"required": False}}


@extend_schema(parameters=[described("entity", "only of these", choices=AttributeEntity.values)])
class AttributeList(generics.ListAPIView[AttributeDefinition]):
    """The tenant's own fields of accounts and contacts."""

    serializer_class = AttributeSerializer

    def get_queryset(self) -> QuerySet[AttributeDefinition]:
        entity = choice_param(self.request, "entity", AttributeEntity.values)
        found: QuerySet[AttributeDefinition] = AttributeDefinition.objects.all()
        return found.filter(entity=entity) if entity else found


class AttributeDetail(generics.RetrieveAPIView[AttributeDefinition]):
    serializer_class = AttributeSerializer

    def get_queryset(self) -> QuerySet[AttributeDefinition]:
        found: QuerySet[AttributeDefinition] = AttributeDefinition.objects.all()
        return found


class AttributeBy(APIView):
    """A field by its entity and key: made, renamed, given other choices, put away. A new one needs its `kind`."""

    @extend_schema(request=AttributeSerializer, responses={200: AttributeSerializer, 201: AttributeSerializer})
    def put(self, request: Request, entity: str, key: str) -> Response:
        body = AttributeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        stored = AttributeDefinition.objects.filter(entity=entity, key=key).first()
        try:
            row = _store(stored, entity, key, dict(body.validated_data), actor_of_key(request))
        except AttributeDefinitionError as error:
            raise ValidationError({"detail": [str(error)]}) from error
        return Response(AttributeSerializer(row).data, status=200 if stored else 201)


def _store(
    stored: AttributeDefinition | None, entity: str, key: str, given: dict[str, Any], actor: Actor
) -> AttributeDefinition:
    kind, archived = given.get("kind"), given.get("archived", False)
    if stored is None:
        if kind is None:
            raise ValidationError({"kind": ["a new one needs it"]})
        label, choices = given.get("label", key), given.get("choices", [])
        return attribute_define(entity=entity, key=key, label=label, kind=kind, choices=choices, actor=actor)
    if kind is not None and kind != stored.kind:
        raise Conflict(f"it is a {stored.kind} and stays one: values depend on it")
    label, choices = given.get("label", stored.label), given.get("choices", stored.choices)
    attribute_change(definition=stored, label=label, choices=choices, archived=archived, actor=actor)
    return stored


class PlaceSerializer(serializers.ModelSerializer[Contact]):
    """A contact of a person."""

    contact = serializers.UUIDField(source="id", read_only=True)
    account = serializers.UUIDField(source="account_id", read_only=True)

    class Meta:
        model = Contact
        fields = ["contact", "account", "email", "name", "status"]


class PersonSerializer(serializers.ModelSerializer[Person]):
    """Somebody, with every account where they are a contact."""

    addresses = serializers.SlugRelatedField[Any](slug_field="email", many=True, read_only=True)
    contacts = PlaceSerializer(many=True, read_only=True)

    class Meta:
        model = Person
        fields = ["id", "addresses", "contacts", "created_at"]


class PersonDetail(generics.RetrieveAPIView[Person]):
    """A person, by the id that their contacts name."""

    serializer_class = PersonSerializer

    def get_queryset(self) -> QuerySet[Person]:
        found: QuerySet[Person] = Person.objects.prefetch_related("addresses", "contacts")
        return found


urlpatterns = [
    route("attributes", AttributeList, "attributes"),
    route(f"attributes/{ID}", AttributeDetail, "attribute"),
    route(r"attributes/(?P<entity>account|contact)/(?P<key>[a-z][a-z0-9_]{0,49})", AttributeBy, "attribute-by"),
    route(f"people/{ID}", PersonDetail, "person"),
]
