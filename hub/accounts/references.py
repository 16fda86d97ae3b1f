"""REST: how bodies name accounts and contacts, and what is said about them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from hub.accounts.models import Account, AccountExternalId, Contact, ContactExternalId
from hub.rest.problems import Conflict


class ExternalIdSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(max_length=50)  # type: ignore[assignment]  # the metaclass takes it off the class
    external_id = serializers.CharField(source="value", max_length=200)


@extend_schema_field({"oneOf": [{"type": "string", "format": "uuid"}, {"$ref": "#/components/schemas/ExternalId"}]})
class AccountReference(serializers.Field[Account, Any, str, Any]):
    """An account in a body: its id, or `{"source": …, "external_id": …}`. Shown as its id."""

    def to_internal_value(self, data: Any) -> Account:
        if isinstance(data, dict):
            link = AccountExternalId.objects.select_related("account").filter(
                source=str(data.get("source", "")), value=str(data.get("external_id", ""))
            )
            found = [entry.account for entry in link]
        else:
            key = serializers.UUIDField().run_validation(data)
            found = list(Account.objects.filter(pk=key))
        if not found:
            raise ValidationError("there is no such account")
        account: Account = found[0]
        return account

    def to_representation(self, value: Account) -> str:
        return str(value.pk)


@extend_schema_field({"oneOf": [{"type": "string", "format": "uuid"}, {"$ref": "#/components/schemas/ExternalId"}]})
class ContactReference(serializers.Field[Contact, Any, str, Any]):
    """A contact in a body: its id, or `{"source": …, "external_id": …}`. Shown as its id."""

    def to_internal_value(self, data: Any) -> Contact:
        if isinstance(data, dict):
            link = ContactExternalId.objects.select_related("contact").filter(
                source=str(data.get("source", "")), value=str(data.get("external_id", ""))
            )
            found = [entry.contact for entry in link]
        else:
            key = serializers.UUIDField().run_validation(data)
            found = list(Contact.objects.filter(pk=key))
        if not found:
            raise ValidationError("there is no such contact")
        contact: Contact = found[0]
        return contact

    def to_representation(self, value: Contact) -> str:
        return str(value.pk)


def account_given(given: Account | None, stored: Account | None) -> Account:
    """The account that a body means; a row does not move to another account."""
    if given is None and stored is None:
        raise ValidationError({"account": ["a new row needs its account"]})
    if given is not None and stored is not None and given.pk != stored.pk:
        raise Conflict(f"it belongs to account {stored.pk} and cannot be moved")
    found = stored or given
    assert found is not None
    return found


def status_of(outcome: str) -> int:
    return 201 if outcome == "created" else 200
