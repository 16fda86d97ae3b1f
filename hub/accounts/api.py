"""REST: accounts and contacts."""

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

from hub.accounts.attributes_api import urlpatterns as attributes
from hub.accounts.attributes_api import with_attributes
from hub.accounts.community_api import urlpatterns as community
from hub.accounts.conflicts_api import urlpatterns as conflicts
from hub.accounts.models import Account, Contact, ContactExternalId, ContactRole
from hub.accounts.references import AccountReference, ExternalIdSerializer, account_given, status_of
from hub.accounts.services import (
    AttributesError,
    HierarchyError,
    OwnerError,
    account_parent_say,
    account_upsert,
    contact_upsert,
)
from hub.people.audit import audit
from hub.rest.middleware import actor_of_key
from hub.rest.params import described, time_param, uuid_param
from hub.rest.problems import Conflict
from hub.rest.routes import BY, ID, route


class AccountSerializer(serializers.ModelSerializer[Account]):
    """An account. What a PUT leaves out stays as it is; `attributes` are merged key by key."""

    external_ids = ExternalIdSerializer(many=True, read_only=True)
    owner = serializers.EmailField(
        source="owner.email", default=None, allow_null=True, read_only=True, help_text="e-mail address of the CSM"
    )
    owner_email = serializers.EmailField(
        write_only=True, required=False, allow_blank=True, help_text="of a member: the new owner; empty: nobody"
    )
    source_updated_at = serializers.DateTimeField(
        write_only=True, required=False, help_text="the source's clock: word older than its last changes nothing"
    )
    parent = AccountReference(  # type: ignore[assignment]  # the metaclass takes it off the class
        required=False, allow_null=True, help_text="the account above"
    )
    attributes = serializers.DictField(required=False)

    class Meta:
        model = Account
        fields = [
            "id",
            "name",
            "domain",
            "industry",
            "country",
            "segment",
            "tier",
            "seats",
            "signed_up_on",
            "stage",
            "timezone",
            "source_churned",
            "owner",
            "owner_email",
            "parent",
            "source_updated_at",
            "attributes",
            "external_ids",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["stage", "created_at", "updated_at"]
        extra_kwargs = {"name": {"required": False}}


class ContactSerializer(serializers.ModelSerializer[Contact]):
    """A person at an account. What a PUT leaves out stays as it is."""

    account = AccountReference(required=False)
    person = serializers.UUIDField(source="person_id", read_only=True, allow_null=True, help_text="who it is")
    attributes = serializers.DictField(required=False)
    external_ids = ExternalIdSerializer(many=True, read_only=True)
    source_updated_at = serializers.DateTimeField(
        write_only=True, required=False, help_text="the source's clock: word older than its last changes nothing"
    )
    roles = serializers.ListField(child=serializers.ChoiceField(ContactRole.choices), required=False)

    class Meta:
        model = Contact
        fields = [
            "id",
            "account",
            "email",
            "name",
            "title",
            "roles",
            "status",
            "person",
            "attributes",
            "left_on",
            "source_updated_at",
            "timezone",
            "external_ids",
            "last_seen_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["last_seen_at", "created_at", "updated_at"]


def _accounts() -> QuerySet[Account]:
    found: QuerySet[Account] = Account.objects.select_related("owner", "parent").prefetch_related("external_ids")
    return found


def _contacts() -> QuerySet[Contact]:
    found: QuerySet[Contact] = Contact.objects.select_related("account").prefetch_related("external_ids")
    return found


@extend_schema(
    parameters=[
        described("updated_since", "changed at or after this time"),
        described("parent", "only those right below this account"),
        described("attribute.<key>", "only with this value; `attribute.<key>.gte` and `.lte` for a range"),
    ]
)
class AccountList(generics.ListAPIView[Account]):
    """Accounts of the tenant, oldest first."""

    serializer_class = AccountSerializer

    def get_queryset(self) -> QuerySet[Account]:
        found = with_attributes(_accounts(), self.request.query_params)
        if parent := uuid_param(self.request, "parent"):
            found = found.filter(parent_id=parent)
        since = time_param(self.request, "updated_since")
        return found.filter(updated_at__gte=since) if since else found


class AccountDetail(generics.RetrieveAPIView[Account]):
    serializer_class = AccountSerializer

    def get_queryset(self) -> QuerySet[Account]:
        return _accounts()


class AccountBy(APIView):
    """The account that a source calls so: read, or made and changed by PUT."""

    @extend_schema(operation_id="accounts_by_retrieve", responses=AccountSerializer)
    def get(self, request: Request, source: str, external_id: str) -> Response:
        account = generics.get_object_or_404(_accounts(), external_ids__source=source, external_ids__value=external_id)
        return Response(AccountSerializer(account).data)

    @extend_schema(request=AccountSerializer, responses={200: AccountSerializer, 201: AccountSerializer})
    def put(self, request: Request, source: str, external_id: str) -> Response:
        body = AccountSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        try:
            account, outcome = self._store(request, source, external_id, fields)
        except OwnerError as error:
            raise ValidationError({"owner_email": [str(error)]}) from error
        except AttributesError as error:
            raise ValidationError({"attributes": {key: [text] for key, text in error.problems.items()}}) from error
        except HierarchyError as error:
            raise ValidationError({"parent": [str(error)]}) from error
        audit(actor_of_key(request), f"account.{outcome}", account, source=source, external_id=external_id)
        return Response(AccountSerializer(_accounts().get(pk=account.pk)).data, status=status_of(outcome))

    @transaction.atomic
    def _store(self, request: Request, source: str, external_id: str, fields: dict[str, Any]) -> tuple[Account, str]:
        given = {name: fields.pop(name) for name in ("owner_email", "parent", "source_updated_at") if name in fields}
        account, outcome = account_upsert(
            source=source,
            external_id=external_id,
            fields=fields,
            owner_email=given.get("owner_email"),
            as_of=given.get("source_updated_at"),
            strict=True,
        )
        if outcome != "stale" and "parent" in given:
            moved = account_parent_say(
                account=account,
                parent=given["parent"],
                actor=actor_of_key(request),
                source=source,
                as_of=given.get("source_updated_at"),
            )
            outcome = "updated" if moved and outcome == "unchanged" else outcome
        return account, outcome


@extend_schema(
    parameters=[
        described("account", "only of this account"),
        described("updated_since", "changed at or after this time"),
    ]
)
class ContactList(generics.ListAPIView[Contact]):
    """Contacts of the tenant's accounts, oldest first."""

    serializer_class = ContactSerializer

    def get_queryset(self) -> QuerySet[Contact]:
        contacts = _contacts()
        if account := uuid_param(self.request, "account"):
            contacts = contacts.filter(account_id=account)
        if since := time_param(self.request, "updated_since"):
            contacts = contacts.filter(updated_at__gte=since)
        return contacts


class ContactDetail(generics.RetrieveAPIView[Contact]):
    serializer_class = ContactSerializer

    def get_queryset(self) -> QuerySet[Contact]:
        return _contacts()


class ContactBy(APIView):
    """The contact that a source calls so: read, or made and changed by PUT. A new one needs its `account`."""

    @extend_schema(operation_id="contacts_by_retrieve", responses=ContactSerializer)
    def get(self, request: Request, source: str, external_id: str) -> Response:
        contact = generics.get_object_or_404(_contacts(), external_ids__source=source, external_ids__value=external_id)
        return Response(ContactSerializer(contact).data)

    @extend_schema(request=ContactSerializer, responses={200: ContactSerializer, 201: ContactSerializer})
    def put(self, request: Request, source: str, external_id: str) -> Response:
        body = ContactSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        link = ContactExternalId.objects.select_related("account").filter(source=source, value=external_id).first()
        account = account_given(fields.pop("account", None), link.account if link else None)
        _check_address(account, fields.get("email", ""), link)
        as_of = fields.pop("source_updated_at", None)
        try:
            contact, outcome = contact_upsert(
                account=account, fields=fields, source=source, external_id=external_id, as_of=as_of, strict=True
            )
        except AttributesError as error:
            raise ValidationError({"attributes": {key: [text] for key, text in error.problems.items()}}) from error
        audit(actor_of_key(request), f"contact.{outcome}", contact, source=source, external_id=external_id)
        return Response(ContactSerializer(_contacts().get(pk=contact.pk)).data, status=status_of(outcome))


def _check_address(account: Account, email: str, link: ContactExternalId | None) -> None:
    other = Contact.objects.filter(account=account, email=email.strip().lower()) if email and link else None
    if other is not None and link is not None and other.exclude(pk=link.contact_id).exists():
        raise Conflict(f"{email} is the address of another contact of this account")


urlpatterns = [
    route("accounts", AccountList, "accounts"),
    route(f"accounts/{ID}", AccountDetail, "account"),
    route(f"accounts/{BY}", AccountBy, "account-by"),
    route("contacts", ContactList, "contacts"),
    route(f"contacts/{ID}", ContactDetail, "contact"),
    route(f"contacts/{BY}", ContactBy, "contact-by"),
    *community,
    *attributes,
    *conflicts,
]
