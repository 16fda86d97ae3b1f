from __future__ import annotations

from hub.ingest.imports.entities import Entity
from hub.ingest.imports.mapping import FieldSpec
from hub.ingest.imports.nouns import noun_trace, noun_writer
from hub.revenue.models import InvoiceStatus
from hub.revenue.services.billing import INVOICE

FIELDS = {
    "number": FieldSpec("text", longest=100, also=("invoice_number", "invoice_no")),
    "status": FieldSpec("choice", choices={value: value for value in InvoiceStatus.values}, also=("invoice_status",)),
    "total": FieldSpec("money", required=True, also=("amount", "invoice_total", "amount_due", "gross_amount")),
    "paid": FieldSpec("money", also=("amount_paid", "paid_amount")),
    "currency": FieldSpec("text", required=True, longest=3, also=("currency_code",)),
    "issued_on": FieldSpec("date", required=True, also=("invoice_date", "issued", "date", "created_at")),
    "due_on": FieldSpec("date", also=("due_date", "due")),
    "paid_at": FieldSpec("datetime", also=("paid_on", "payment_date")),
    "attempts": FieldSpec("integer", also=("attempt_count",)),
    "url": FieldSpec("text", longest=500, also=("link", "invoice_url")),
}
INVOICES = noun_trace(INVOICE)
ENTITY = Entity(
    "invoice",
    FIELDS,
    noun_writer(INVOICE, INVOICES, renamed={"total": "total_minor", "paid": "paid_minor"}),
    title="Invoices",
    names=("invoice", "billing"),
    traces=(INVOICES,),
    ids=("invoice_id", "id"),
    order=76,
)
