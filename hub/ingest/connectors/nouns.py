"""The nouns of the record that connectors write: checked as REST checks them, stored by the same services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from hub.accounts.api import AccountSerializer, ContactSerializer
from hub.accounts.community_api import CommunityActivitySerializer
from hub.accounts.models import Account, CommunityActivity, Contact, SourcedModel
from hub.accounts.services import community_activity_upsert
from hub.accounts.sourced_api import SourcedSerializer
from hub.feedback.api import SurveyResponseSerializer, TicketSerializer
from hub.feedback.models import SurveyResponse, Ticket
from hub.feedback.services import survey_response_upsert, ticket_retract, ticket_upsert
from hub.revenue.api import (
    ChurnClaimSerializer,
    ContractLineSerializer,
    InvoiceSerializer,
    MovementClaimSerializer,
    OpportunitySerializer,
    PaymentSerializer,
)
from hub.revenue.models import ChurnClaim, ContractLine, Invoice, MovementClaim, Opportunity, Payment
from hub.revenue.services import (
    churn_claim_upsert,
    contract_line_retract,
    contract_line_upsert,
    invoice_upsert,
    movement_claim_upsert,
    opportunity_retract,
    opportunity_upsert,
    payment_upsert,
)


@dataclass(frozen=True)
class Kept:
    """How a noun is checked and stored."""

    model: type[SourcedModel]
    serializer: type[SourcedSerializer]
    upsert: Callable[..., tuple[Any, str]]


NOUNS: Final[dict[str, Kept]] = {
    "contract_line": Kept(ContractLine, ContractLineSerializer, contract_line_upsert),
    "invoice": Kept(Invoice, InvoiceSerializer, invoice_upsert),
    "payment": Kept(Payment, PaymentSerializer, payment_upsert),
    "opportunity": Kept(Opportunity, OpportunitySerializer, opportunity_upsert),
    "churn_claim": Kept(ChurnClaim, ChurnClaimSerializer, churn_claim_upsert),
    "movement_claim": Kept(MovementClaim, MovementClaimSerializer, movement_claim_upsert),
    "ticket": Kept(Ticket, TicketSerializer, ticket_upsert),
    "survey_response": Kept(SurveyResponse, SurveyResponseSerializer, survey_response_upsert),
    "community_activity": Kept(CommunityActivity, CommunityActivitySerializer, community_activity_upsert),
}
WORDS: Final = {
    noun: noun.replace("_", " ")
    for noun in ("account", "contact", "event", "mail", "reply", "message", "product_name", *NOUNS)
}


class BadValues(ValueError):
    """Values that the record does not take, each named."""

    def __init__(self, noun: str, errors: Any) -> None:
        super().__init__(f"{WORDS.get(noun, noun)}: {_told(errors)}"[:300])


def _told(errors: Any) -> str:
    if isinstance(errors, dict):
        return "; ".join(f"{name}: {_told(found)}" for name, found in errors.items())
    return " ".join(str(entry) for entry in errors) if isinstance(errors, list) else str(errors)


def checked(noun: str, fields: dict[str, Any], stored: SourcedModel | None) -> dict[str, Any]:
    """The values of a noun as services take them; text that is too long is cut. Raises BadValues."""
    kept = NOUNS[noun]
    if unknown := fields.keys() - _fields(noun):
        raise BadValues(noun, dict.fromkeys(sorted(unknown), "there is no such field"))
    return _validated(noun, kept.serializer(data=cut(kept.model, fields), context={"stored": stored}))


def account_checked(fields: dict[str, Any]) -> dict[str, Any]:
    """Values of an account as its service takes them. Raises BadValues."""
    return _validated("account", AccountSerializer(data=cut(Account, fields)))


def contact_checked(fields: dict[str, Any]) -> dict[str, Any]:
    """Values of a contact as its service takes them; an address that is none is left out. Raises BadValues."""
    fields = cut(Contact, fields)
    try:
        validate_email(fields.get("email") or "nobody@localhost.example")
    except DjangoValidationError:
        fields = {name: value for name, value in fields.items() if name != "email"}
    return _validated("contact", ContactSerializer(data=fields))


def _validated(noun: str, body: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    try:
        body.is_valid(raise_exception=True)
    except ValidationError as error:
        raise BadValues(noun, error.detail) from None
    return dict(body.validated_data)


@cache
def _fields(noun: str) -> frozenset[str]:
    outside = {"account", "contact", "invoice", "source_updated_at"}
    serializer = NOUNS[noun].serializer()
    return frozenset(name for name, field in serializer.get_fields().items() if not field.read_only) - outside


def cut(model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with text as long as its column; what is one of some choices is left to be refused."""
    found = dict(fields)
    for name, value in fields.items():
        column: Any = next((entry for entry in model._meta.concrete_fields if entry.name == name), None)
        longest = getattr(column, "max_length", None)
        if isinstance(value, str) and longest and not column.choices:
            found[name] = value[:longest]
    return found


def noun_write(
    noun: str,
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: dict[str, Any],
    as_of: datetime,
    contact: Contact | None = None,
    invoice: Invoice | None = None,
) -> tuple[Any, str]:
    """Check and store a row; (row, outcome). Raises ValueError with what is wrong."""
    kept = NOUNS[noun]
    stored = kept.model._default_manager.filter(source=source, external_id=external_id).first()
    values = checked(noun, fields, stored)
    if contact is not None:
        values["contact"] = contact
    if invoice is not None:
        values["invoice"] = invoice
    return kept.upsert(source=source, external_id=external_id, account=account, fields=values, as_of=as_of)


def noun_retract(noun: str, *, source: str, external_id: str) -> Any:
    """Take a row back that its source does not have (any more), and give it; None when there is none or it stays."""
    retract = RETRACTS.get(noun)
    return retract(source=source, external_id=external_id) if retract else None


# What else a source may have said stays: money that was asked for or paid, answers, what happened.
RETRACTS: Final[dict[str, Callable[..., Any]]] = {
    "contract_line": contract_line_retract,
    "opportunity": opportunity_retract,
    "ticket": ticket_retract,
}
