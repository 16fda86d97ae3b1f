"""A subscription's history as contract lines: every change of price, seats or state ends one and begins another.

So the movements of MRR are those of the months in which Stripe saw the changes, and a subscription that is seen for the
first time when it has run for long begins on its own first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from hub.ingest.connectors.base import Called, Facts, History, Write, day, items, mapping, number, part, text
from hub.ingest.connectors.stripe.metered import Bill, bills_of, cuts, rate, tells_version
from hub.ingest.connectors.stripe.money import (
    currency,
    discounts_of,
    is_metered,
    monthly,
    months_of,
    period_of,
    ratio,
)

# Nothing is owed while the first payment has not come.
NOT_BEGUN: Final = frozenset({"incomplete", "incomplete_expired"})
PRODUCT: Final = "product"
FOREVER: Final = date.max


def subscription_facts(subscription: dict[str, Any], at: Any) -> Facts:
    """What one word says of a subscription."""
    pause = part(subscription, "pause_collection")
    ended = subscription.get("ended_at") or (
        subscription.get("canceled_at") or at if text(subscription.get("status")) == "canceled" else None
    )
    return {
        "status": text(subscription.get("status")),
        "start": day(subscription.get("start_date")) or day(subscription.get("created")) or day(at),
        "trial_end": day(subscription.get("trial_end")),
        "ended": day(ended) if text(subscription.get("status")) == "canceled" else None,
        "cancel_at": day(_cancel_at(subscription)),
        "period_end": day(_period_end(subscription)),
        # A draft is collected later; the other ways of pausing forgive what would be due.
        "paused": bool(pause) and text(pause.get("behavior")) != "keep_as_draft",
        "resumes": day(pause.get("resumes_at")),
        "items": _items(subscription),
        "discounts": discounts_of(subscription),
    }


def _cancel_at(subscription: dict[str, Any]) -> Any:
    if subscription.get("cancel_at"):
        return subscription["cancel_at"]
    return _period_end(subscription) if subscription.get("cancel_at_period_end") is True else None


def _period_end(subscription: dict[str, Any]) -> Any:
    """On the subscription until 2025, on its items since."""
    ends = [number(entry.get("current_period_end")) or 0 for entry in items(subscription.get("items"))]
    return subscription.get("current_period_end") or max(ends, default=0)


def _items(subscription: dict[str, Any]) -> list[Facts]:
    found = items(subscription.get("items"))
    if not found and part(subscription, "plan"):
        # Before 2018 a subscription had one plan and no items.
        found = [{"id": subscription.get("id"), **{k: subscription.get(k) for k in ("plan", "quantity")}}]
    return [_item(entry) for entry in found if not entry.get("deleted")]


def _item(item: dict[str, Any]) -> Facts:
    plan = part(item, "price") or part(item, "plan")
    quantity = number(item.get("quantity"))
    product = plan.get("product")
    named = mapping(product) if isinstance(product, dict) else {}
    code = currency(plan.get("currency"))
    return {
        "id": text(item.get("id")),
        "product": text(named.get("name") or named.get("id") or product or plan.get("name"), 100),
        "product_id": text(named.get("id") or product),
        "tier": text(plan.get("nickname") or plan.get("name") or plan.get("lookup_key") or plan.get("id"), 100),
        "seats": quantity if quantity is not None and 0 <= quantity < 2**31 else None,
        "currency": code,
        "monthly": str(_monthly(plan, quantity, code)),
        "months": str(months_of(plan)),
        "metered": is_metered(plan),
        "period": period_of(plan),
        "discounts": discounts_of(item),
    }


def _monthly(plan: dict[str, Any], quantity: int | None, code: str) -> Fraction:
    return monthly(plan, 1 if quantity is None else max(quantity, 0)) if len(code) == 3 else Fraction(0)


def products_of(subscription: dict[str, Any]) -> dict[str, str]:
    """The names of products by their ids, as far as a subscription brings them along."""
    plans = [part(entry, "price") or part(entry, "plan") for entry in items(subscription.get("items"))]
    known = [part(plan, "product") for plan in plans]
    return {text(product["id"]): text(product["name"], 100) for product in known if product.get("name")}


@dataclass(frozen=True, slots=True)
class Piece:
    """An item as it stood from one day (included) to another (not included)."""

    item: str
    start: date
    end: date
    state: tuple[Any, ...]


def subscription_rows(pk: str, history: History) -> list[Write]:
    """The contract lines of a subscription; none before it is told what it is."""
    versions = [(at, facts) for at, facts in history if tells_version(facts)]
    joined: dict[str, list[Piece]] = {}
    for piece in _pieces(versions, bills_of(history)) if versions else ():
        known = joined.setdefault(piece.item, [])
        if known and known[-1].end == piece.start and known[-1].state == piece.state:
            known[-1] = Piece(piece.item, known[-1].start, piece.end, piece.state)
        else:
            known.append(piece)
    return [
        _line(piece, position, versions[-1][1]) for pieces in joined.values() for position, piece in enumerate(pieces)
    ]


def _pieces(history: History, bills: list[Bill]) -> Iterator[Piece]:
    """Each version holds from the day it was seen, the first from the subscription's own first day, to the next."""
    versions, days = [facts for _, facts in history], [at.date() for at, _ in history]
    over = _date(versions[-1]["ended"]) or FOREVER
    starts = [min(_date(versions[0]["start"]) or days[0], days[0]), *days[1:]]
    for position, facts in enumerate(versions):
        until = starts[position + 1] if position + 1 < len(starts) else FOREVER
        end = min(until, over, _date(facts["cancel_at"]) or FOREVER)
        if facts["status"] in NOT_BEGUN or starts[position] >= end:
            continue
        yield from _version(facts, bills, starts[position], end)


def _version(facts: Facts, bills: list[Bill], start: date, end: date) -> Iterator[Piece]:
    """A version, cut where a trial, a pause or a discount ends, or use was billed."""
    trial, resumes = _date(facts["trial_end"]), _date(facts["resumes"])
    discounts = [*facts["discounts"], *(entry for item in facts["items"] for entry in item["discounts"])]
    days = {trial, resumes, *(_date(entry["end"]) for entry in discounts), *cuts(bills)}
    borders = [start, *sorted(cut for cut in days if cut is not None and start < cut < end), end]
    for begin, stop in pairwise(borders):
        still = facts["status"] == "paused" or facts["paused"]
        if still and (resumes is None or begin < resumes):
            continue
        # A trial that has an end is one until then; without an end it is one while the status says so.
        on_trial = begin < trial if trial else facts["status"] == "trialing"
        for item in facts["items"]:
            yield Piece(item["id"], begin, stop, _state(facts, item, bills, begin, on_trial))


def _state(facts: Facts, item: Facts, bills: list[Bill], on: date, on_trial: bool) -> tuple[Any, ...]:
    """(product, tier, seats, minor units a month, currency, trial, period) of an item on a day."""

    def running(discounts: list[Facts]) -> list[Facts]:
        return [entry for entry in discounts if (_date(entry["end"]) or FOREVER) > on]

    code, months, name = item["currency"], Fraction(item["months"]), _product(item)
    if item.get("metered"):
        # What was billed knows of the discounts already.
        amount = round(rate(bills, item["id"], months, on))
        return name, item["tier"], item["seats"], amount, code, on_trial, f"{item['period']} by use"[:20]
    own = Fraction(item["monthly"])
    own *= ratio(running(item["discounts"]), own, months, code)
    total = sum((Fraction(entry["monthly"]) for entry in facts["items"]), Fraction(0))
    amount = round(own * ratio(running(facts["discounts"]), total, months, code))
    return name, item["tier"], item["seats"], amount, code, on_trial, item["period"]


def _product(item: Facts) -> Called | str:
    """What the product is called now; words of before its id was kept hold the id as its name."""
    pk = item.get("product_id") or (item["product"] if item["product"].startswith("prod_") else "")
    return Called(PRODUCT, pk, item["product"]) if pk else str(item["product"])


def _line(piece: Piece, position: int, last: Facts) -> Write:
    product, tier, seats, amount, code, on_trial, period = piece.state
    is_open = piece.end == FOREVER
    return Write(
        "contract_line",
        piece.item if position == 0 else f"{piece.item}@{piece.start.isoformat()}",
        {
            "product": product,
            "tier": tier,
            "seats": seats,
            "mrr_minor": amount,
            "currency": code,
            "starts_on": piece.start.isoformat(),
            "ends_on": None if is_open else piece.end.isoformat(),
            "renews_on": last["period_end"] if is_open else None,
            "auto_renew": True if is_open else None if last["cancel_at"] is None else False,
            "is_trial": on_trial,
            "billing_period": period,
        },
    )


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
