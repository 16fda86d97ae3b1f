"""Stripe's events as words. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hub.ingest.connectors.base import (
    COMPANY,
    Facts,
    Malformed,
    NothingToDo,
    Word,
    company_domain,
    mapping,
    moment,
    part,
    text,
)
from hub.ingest.connectors.stripe.billing import charge_facts, intent_charge, intent_facts, invoice_facts
from hub.ingest.connectors.stripe.lines import PRODUCT, products_of, subscription_facts
from hub.ingest.connectors.stripe.metered import bills_facts
from hub.ingest.connectors.stripe.money import currency, minor_whole

# Within one second: made before changed before ended. What is not named here is a change.
RANKS: Final = {"created": 0, "pending": 0, "finalized": 1, "updated": 1, "payment_failed": 2, "failed": 2, "paid": 3}
RANKS_LATE: Final = {
    "payment_succeeded": 3, "succeeded": 3, "captured": 4, "refunded": 5, "voided": 6, "marked_uncollectible": 6,
    "funds_withdrawn": 6, "funds_reinstated": 7, "closed": 8, "deleted": 9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """An event with what most readers need of it."""

    id: str
    kind: str
    at: datetime
    thing: dict[str, Any]

    @property
    def rank(self) -> int:
        last = self.kind.rpartition(".")[2]
        return RANKS.get(last, RANKS_LATE.get(last, 1))

    def word(self, kind: str, pk: str, facts: Facts, *, company: str = "") -> Word:
        return Word(kind, pk, self.at, self.id, facts, company=company, rank=self.rank)


def words_of(event: dict[str, Any]) -> list[Word]:
    """The words of an event. Raises NothingToDo, Malformed."""
    kind, at = text(event.get("type"), 100), moment(event.get("created"))
    thing = mapping(part(event, "data").get("object"), "data.object")
    if at is None:
        raise Malformed("the event has no time of creation")
    read = _reader(kind)
    if read is None:
        raise NothingToDo(f"Tandem keeps nothing of {kind or 'an event without a type'}")
    if not text(thing.get("id")):
        raise NothingToDo("it is about something that does not exist yet")
    return read(Event(text(event.get("id")), kind, at, thing))


def _reader(kind: str) -> Callable[[Event], list[Word]] | None:
    for prefix, read in READERS.items():
        if kind.startswith(prefix):
            return read
    return None


def _customer(event: Event) -> list[Word]:
    if event.kind == "customer.deleted" or event.thing.get("deleted") is True:
        raise NothingToDo("the customer was deleted at Stripe; what is known of the account stays")
    thing, email = event.thing, text(event.thing.get("email"))
    facts = {
        "name": text(thing.get("name") or thing.get("description") or email),
        "domain": company_domain(email),
        "country": text(part(thing, "address").get("country")),
        "email": email,
    }
    return [event.word(COMPANY, text(thing["id"]), facts)]


def _subscription(event: Event) -> list[Word]:
    facts = subscription_facts(event.thing, int(event.at.timestamp()))
    words = [event.word("subscription", text(event.thing["id"]), facts, company=_owner(event.thing))]
    return words + [event.word(PRODUCT, pk, {"name": name}) for pk, name in products_of(event.thing).items()]


def _product(event: Event) -> list[Word]:
    if event.kind == "product.deleted":
        raise NothingToDo("the product was deleted at Stripe; lines are called as before")
    return [event.word(PRODUCT, text(event.thing["id"]), {"name": text(event.thing.get("name"), 100)})]


def _invoice(event: Event) -> list[Word]:
    thing, company = event.thing, _owner(event.thing)
    words = [event.word("invoice", text(thing["id"]), invoice_facts(thing), company=company)]
    named = {"name": text(thing.get("customer_name")), "domain": company_domain(text(thing.get("customer_email")))}
    if named["name"]:
        words.append(event.word(COMPANY, company, {name: value for name, value in named.items() if value}))
    charge = text(part(thing, "charge").get("id")) or text(thing.get("charge"))
    if event.kind == "invoice.payment_failed" and charge:
        code = currency(thing.get("currency"))
        failed = {
            "status": "failed",
            "amount_minor": minor_whole(thing.get("amount_due"), code),
            "currency": code,
            "occurred_at": event.at.isoformat(),
            "invoice": text(thing["id"]),
        }
        words.append(event.word("payment", charge, failed, company=company))
    bills = bills_facts(thing)
    return words + [event.word("subscription", pk, facts, company=company) for pk, facts in bills.items()]


def _dispute(event: Event) -> list[Word]:
    thing = event.thing
    charge = text(part(thing, "charge").get("id")) or text(thing.get("charge"))
    if not charge:
        raise NothingToDo("the dispute names no charge")
    facts = {f"dispute:{text(thing['id'])}": text(thing.get("status"))}
    return [event.word("payment", charge, facts)]


def _refund(event: Event) -> list[Word]:
    thing = event.thing
    charge = text(part(thing, "charge").get("id")) or text(thing.get("charge"))
    if not charge:
        raise NothingToDo("the refund names no charge")
    done = text(thing.get("status")) in ("succeeded", "")
    amount = minor_whole(thing.get("amount"), currency(thing.get("currency"))) if done else 0
    return [event.word("payment", charge, {f"refund:{text(thing['id'])}": amount})]


def _charge(event: Event) -> list[Word]:
    company = _owner(event.thing)
    return [event.word("payment", text(event.thing["id"]), charge_facts(event.thing), company=company)]


def _intent(event: Event) -> list[Word]:
    if event.kind not in ("payment_intent.succeeded", "payment_intent.payment_failed"):
        raise NothingToDo("the payment has neither failed nor succeeded yet")
    company = _owner(event.thing)
    return [event.word("payment", intent_charge(event.thing), intent_facts(event.thing), company=company)]


def _owner(thing: dict[str, Any]) -> str:
    """The customer's id; a thing that belongs to no customer is not kept."""
    customer = thing.get("customer")
    found = text(part(thing, "customer").get("id")) if isinstance(customer, dict) else text(customer)
    if not found:
        raise NothingToDo("it belongs to no customer")
    return found


# The longer prefix stands first.
READERS: Final[dict[str, Callable[[Event], list[Word]]]] = {
    "customer.subscription.": _subscription,
    "customer.created": _customer,
    "customer.updated": _customer,
    "customer.deleted": _customer,
    "invoice.": _invoice,
    "charge.dispute.": _dispute,
    "charge.refund.": _refund,
    "charge.": _charge,
    "refund.": _refund,
    "product.": _product,
    "payment_intent.": _intent,
}
