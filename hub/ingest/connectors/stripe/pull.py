"""Stripe's API: what there is today, once, and its events from then on (it keeps them for thirty days)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from hub.ingest.connectors.base import JSON, Facts, mapping, text
from hub.ingest.pulling.base import Ask, Page, Pulled, Puller, Stream, bearer, listed, pulled, pullers

LIMIT: Final = 100


def ask_events(cursor: Facts, start: datetime) -> Ask:
    """The events after the last one that was read; without one, the latest."""
    after = {"ending_before": cursor["after"]} if cursor.get("after") else {}
    return Ask("GET", f"/v1/events?{urlencode({'limit': LIMIT, **after})}")


def events_page(body: JSON, cursor: Facts, now: datetime) -> Page:
    """Newest first. Stripe's own ids: an event that a webhook brought already is not kept again."""
    events = listed(body, "data")
    newest = text(events[0].get("id")) if events else cursor.get("after", "")
    calls = [Pulled(text(event.get("id")), text(event.get("type"), 100), _bytes(event)) for event in reversed(events)]
    # Without a place to go on from, "more" would be what is older.
    more = bool(cursor.get("after")) and mapping(body).get("has_more") is True and bool(events)
    return Page([call for call in calls if call.event_id], {"after": newest}, more=more)


def _bytes(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


def _there(name: str, title: str, path: str, kind: str) -> Stream:
    """A list of objects, read once to its end: what is there before events tell of changes."""

    def ask(cursor: Facts, start: datetime) -> Ask:
        after = {"starting_after": cursor["after"]} if cursor.get("after") else {}
        sign = "&" if "?" in path else "?"
        return Ask("GET", f"{path}{sign}{urlencode({'limit': LIMIT, **after})}")

    def page(body: JSON, cursor: Facts, now: datetime) -> Page:
        things = [thing for thing in listed(body, "data") if text(thing.get("id"))]
        calls = [_as_event(kind, thing, now) for thing in things]
        more = mapping(body).get("has_more") is True and bool(things)
        return Page(calls, {"after": text(things[-1]["id"]) if things else ""}, more=more, done=not more)

    return Stream(name, title, ask, page)


def _as_event(kind: str, thing: dict[str, Any], now: datetime) -> Pulled:
    # It is so now: an event that Stripe made before, and that comes later, does not undo it.
    event = {"type": kind, "created": int(now.timestamp()), "data": {"object": thing}}
    found = pulled(kind, text(thing["id"]), event, thing=thing)
    # The reader of events asks for the id inside.
    return Pulled(found.event_id, found.kind, _bytes({"id": found.event_id, **event}))


pullers.register(
    Puller(
        key="stripe",
        address="https://api.stripe.com",
        streams=(
            # First, so that nothing that changes while the lists are read is missed.
            Stream("events", "Events", ask_events, events_page),
            _there("customers", "Customers", "/v1/customers", "customer.updated"),
            _there("products", "Products", "/v1/products", "product.updated"),
            _there("subscriptions", "Subscriptions", "/v1/subscriptions?status=all", "customer.subscription.updated"),
            _there("invoices", "Invoices", "/v1/invoices", "invoice.updated"),
            _there("charges", "Charges", "/v1/charges", "charge.updated"),
        ),
        headers=bearer,
        secret_label="Restricted key",
        steps=(
            "In Stripe: Developers › API keys › Create restricted key. Let it read customers, products, subscriptions, "
            "invoices, charges and events, and paste it here (rk_…)."
        ),
    )
)
