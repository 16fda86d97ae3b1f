"""Stripe: customers, subscriptions, invoices, charges, disputes, refunds."""

from __future__ import annotations

from datetime import datetime

from hub.ingest.connectors.base import (
    COMPANY,
    Call,
    Connector,
    Facts,
    Identity,
    Malformed,
    NotVerified,
    Word,
    connectors,
    decoded,
    mapping,
    text,
)
from hub.ingest.connectors.signatures import check_one_of, check_time, mac_hex
from hub.ingest.connectors.stripe.billing import invoice_rows, payment_rows
from hub.ingest.connectors.stripe.lines import PRODUCT, subscription_rows
from hub.ingest.connectors.stripe.reading import words_of


def verify(call: Call, secret: str, options: Facts, now: datetime) -> None:
    """`Stripe-Signature: t=…,v1=…`: HMAC-SHA256 of `t.body`, hex."""
    parts = [entry.strip().partition("=") for entry in call.headers.get("stripe-signature", "").split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not signatures:
        raise NotVerified("the call carries no Stripe-Signature")
    check_one_of(signatures, mac_hex(secret, stamps[0].encode() + b"." + call.body))
    check_time(stamps[0], now)


def identify(call: Call) -> Identity:
    event = mapping(decoded(call.body))
    if not text(event.get("id")):
        raise Malformed("the event has no id")
    return Identity(text(event["id"]), text(event.get("type"), 100))


def read(call: Call, received_at: datetime, options: Facts) -> list[Word]:
    return words_of(mapping(decoded(call.body)))


connectors.register(
    Connector(
        key="stripe",
        title="Stripe",
        order=10,
        verify=verify,
        identify=identify,
        read=read,
        kinds={
            COMPANY: lambda pk, history: [],
            "subscription": subscription_rows,
            "invoice": invoice_rows,
            "payment": payment_rows,
        },
        labels=frozenset({PRODUCT}),
        brings="Customers, subscriptions, invoices and payments: contract lines, MRR, bills that are late or disputed.",
        scheme="HMAC-SHA256 over time and body (Stripe-Signature), ±300 s",
        steps=(
            "In Stripe: Developers › Webhooks › Add endpoint. Paste the address, choose the events of customers, "
            "subscriptions, products, invoices, charges, disputes and refunds, and paste the signing secret (whsec_…) "
            "here."
        ),
    )
)
