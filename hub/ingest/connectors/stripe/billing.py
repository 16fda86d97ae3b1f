"""Stripe's invoices and charges as invoices and payments. Pure."""

from __future__ import annotations

from typing import Any, Final

from hub.ingest.connectors.base import Facts, History, Write, day, iso, items, latest, number, part, text
from hub.ingest.connectors.stripe.money import currency, minor_whole

INVOICE_STATUS: Final = frozenset({"draft", "open", "paid", "uncollectible", "void"})
# A dispute in one of these states takes nothing from the payment.
SETTLED: Final = frozenset({"won", "warning_closed", "prevented"})


def invoice_facts(invoice: dict[str, Any]) -> Facts:
    """What one word says of an invoice."""
    code, steps = currency(invoice.get("currency")), part(invoice, "status_transitions")
    issued = steps.get("finalized_at") or invoice.get("created") or invoice.get("date")
    return {
        "number": text(invoice.get("number"), 100),
        "status": _invoice_status(invoice),
        "total_minor": minor_whole(invoice.get("total"), code),
        "paid_minor": minor_whole(_paid(invoice), code),
        "currency": code,
        "issued_on": day(issued),
        "due_on": day(invoice.get("due_date")),
        "paid_at": iso(steps.get("paid_at")),
        "attempts": min(max(number(invoice.get("attempt_count")) or 0, 0), 32_000),
        "url": text(invoice.get("hosted_invoice_url"), 500),
    }


def _paid(invoice: dict[str, Any]) -> Any:
    if invoice.get("amount_paid") is not None:
        return invoice["amount_paid"]
    return invoice.get("total") if invoice.get("paid") is True else 0


def _invoice_status(invoice: dict[str, Any]) -> str:
    """Until 2018 there was no status but three flags."""
    status = text(invoice.get("status"))
    if status in INVOICE_STATUS:
        return status
    if invoice.get("paid") is True:
        return "paid"
    if invoice.get("forgiven") is True:
        return "uncollectible"
    return "void" if invoice.get("closed") is True else "open"


def invoice_rows(pk: str, history: History) -> list[Write]:
    facts = latest(history)
    known = {name: value for name, value in facts.items() if not name.startswith("_")}
    return [Write("invoice", pk, known)] if known.get("issued_on") else []


def charge_facts(charge: dict[str, Any]) -> Facts:
    """What one word says of a charge."""
    code = currency(charge.get("currency"))
    status = text(charge.get("status"))
    waits = status == "pending" or (status == "succeeded" and charge.get("captured") is False)
    outcome = part(charge, "outcome")
    failed = charge.get("failure_message") or charge.get("failure_code") or outcome.get("reason")
    return {
        "status": "pending" if waits else "failed" if status == "failed" else "succeeded",
        "amount_minor": minor_whole(charge.get("amount"), code),
        "currency": code,
        "occurred_at": iso(charge.get("created")),
        "method": text(part(charge, "payment_method_details").get("type") or part(charge, "source").get("object"), 50),
        "failure_reason": text(failed) if status == "failed" else "",
        "invoice": invoice_of(charge),
        "refunded": charge.get("refunded") is True,
        "disputed": charge.get("disputed") is True,
    }


def invoice_of(thing: dict[str, Any]) -> str:
    """The invoice that a charge or intent pays; an id, or the invoice itself."""
    invoice = thing.get("invoice")
    return text(part(thing, "invoice").get("id")) if isinstance(invoice, dict) else text(invoice)


def intent_facts(intent: dict[str, Any]) -> Facts:
    """What one word says of a payment intent that failed or succeeded."""
    code, error = currency(intent.get("currency")), part(intent, "last_payment_error")
    failed = text(intent.get("status")) != "succeeded"
    return {
        "status": "failed" if failed else "succeeded",
        "amount_minor": minor_whole(intent.get("amount"), code),
        "currency": code,
        "occurred_at": iso(intent.get("created")),
        "failure_reason": text(error.get("message") or error.get("code")) if failed else "",
        "invoice": invoice_of(intent),
    }


def intent_charge(intent: dict[str, Any]) -> str:
    """The charge by which an intent was tried last; its own id when there was none."""
    last = intent.get("latest_charge")
    tried = text(part(intent, "latest_charge").get("id")) if isinstance(last, dict) else text(last)
    charges = items(intent.get("charges"))
    return tried or (text(charges[0].get("id")) if charges else "") or text(intent.get("id"))


def payment_rows(pk: str, history: History) -> list[Write]:
    facts = latest(history)
    if not facts.get("occurred_at") or facts.get("amount_minor") is None:
        # A dispute or refund whose charge has not been told yet.
        return []
    row = {name: facts[name] for name in ("amount_minor", "currency", "occurred_at")}
    row |= {name: facts.get(name, "") for name in ("method", "failure_reason")}
    return [Write("payment", pk, {**row, "status": _payment_status(facts)}, invoice=facts.get("invoice", ""))]


def _payment_status(facts: Facts) -> str:
    disputes = [value for name, value in facts.items() if name.startswith("dispute:")]
    refunded = sum(value for name, value in facts.items() if name.startswith("refund:"))
    if any(status not in SETTLED for status in disputes) or (facts.get("disputed") and not disputes):
        return "disputed"
    if facts.get("refunded") or (refunded and refunded >= facts["amount_minor"]):
        return "refunded"
    return str(facts["status"])
