"""Invoices and payments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import Noun, change_record, sourced_upsert
from hub.people.audit import Actor
from hub.revenue.currency import check_known
from hub.revenue.models import Invoice, Movement, MovementKind, Payment, PaymentStatus
from hub.revenue.services.months import months_refresh
from hub.revenue.services.when import midnight

PAYMENT_FAILED = "payment.failed"
PAYMENT_DISPUTED = "payment.disputed"
TOLD = {PaymentStatus.FAILED: PAYMENT_FAILED, PaymentStatus.DISPUTED: PAYMENT_DISPUTED}


def _known_currency(values: dict[str, Any], stored: Any) -> dict[str, Any]:
    if "currency" in values:
        check_known(values["currency"])
    return values


def _invoice_timeline(invoice: Invoice) -> list[TimelineEntry]:
    # The amount stands in the panel, where the reader's locale writes it.
    def entry(key: str, title: str, at: datetime) -> TimelineEntry:
        return TimelineEntry(
            account_id=invoice.account_id,
            kind="invoice",
            key=f"{key}:{invoice.pk}",
            title=title[:300],
            source=invoice.source,
            occurred_at=at,
        )

    entries = [entry("issued", f"Invoice {invoice} issued", midnight(invoice.issued_on))]
    if invoice.paid_at is not None:
        entries.append(entry("paid", f"Invoice {invoice} paid", invoice.paid_at))
    return entries


def _causes_follow(row: Any, accounts: list[Any]) -> None:
    # An unpaid invoice is a cause of churn: months are written anew only where a churn is counted.
    if Movement.objects.filter(account_id__in=accounts, kind=MovementKind.CHURN).exists():
        months_refresh(accounts)


INVOICE = Noun(
    "invoice",
    Invoice,
    frozenset(
        {
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
        }
    ),
    required=frozenset({"total_minor", "currency", "issued_on"}),
    prepare=_known_currency,
    timeline=_invoice_timeline,
    follow=_causes_follow,
)


def _payment_timeline(payment: Payment) -> list[TimelineEntry]:
    because = f": {payment.failure_reason}" if payment.failure_reason else ""
    return [
        TimelineEntry(
            account_id=payment.account_id,
            kind="payment",
            key=f"{payment.status}:{payment.pk}",
            title=f"Payment {payment.get_status_display().lower()}{because}"[:300],
            source=payment.source,
            occurred_at=payment.occurred_at,
        )
    ]


def _payment_told(payment: Payment, accounts: list[Any]) -> None:
    kind = TOLD.get(PaymentStatus(payment.status))
    if kind is not None:
        change_record(
            account_id=payment.account_id,
            kind=kind,
            key=str(payment.pk),
            occurred_at=payment.occurred_at,
            object_id=payment.pk,
            data={"reason": payment.failure_reason, "source": payment.source},
        )


PAYMENT = Noun(
    "payment",
    Payment,
    frozenset({"invoice", "status", "amount_minor", "currency", "occurred_at", "method", "failure_reason"}),
    required=frozenset({"status", "amount_minor", "currency", "occurred_at"}),
    prepare=_known_currency,
    timeline=_payment_timeline,
    follow=_payment_told,
)


def invoice_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[Invoice, str]:
    """Create or update an invoice; a new one needs `total_minor`, `currency` and `issued_on`.

    Raises CurrencyError for a currency that nobody knows.
    """
    return sourced_upsert(
        INVOICE, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )


def payment_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[Payment, str]:
    """Create or update a payment; a new one needs `status`, `amount_minor`, `currency` and `occurred_at`.

    A failed or disputed one is told as the change `payment.failed` or `payment.disputed`, once. An `invoice` of
    another account raises ValueError.
    """
    invoice = fields.get("invoice")
    if invoice is not None and invoice.account_id != account.id:
        raise ValueError("the invoice belongs to another account")
    return sourced_upsert(
        PAYMENT, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )
