"""REST: how bodies name invoices."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from hub.revenue.models import Invoice


@extend_schema_field({"oneOf": [{"type": "string", "format": "uuid"}, {"$ref": "#/components/schemas/ExternalId"}]})
class InvoiceReference(serializers.Field[Invoice, Any, str, Any]):
    """An invoice in a body: its id, or `{"source": …, "external_id": …}`. Shown as its id."""

    def to_internal_value(self, data: Any) -> Invoice:
        if isinstance(data, dict):
            named = {"source": str(data.get("source", "")), "external_id": str(data.get("external_id", ""))}
            found = Invoice.objects.filter(**named).first()
        else:
            found = Invoice.objects.filter(pk=serializers.UUIDField().run_validation(data)).first()
        if found is None:
            raise ValidationError("there is no such invoice")
        invoice: Invoice = found
        return invoice

    def to_representation(self, value: Invoice) -> str:
        return str(value.pk)
