"""What is charged by use: the MRR of a metered item is what its latest closed period was billed, by the month.

It holds from the day that period ended until the next bill, so that a month that is over is never counted anew, and a
month that runs does not look like a loss. Before the first bill it is nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

from hub.ingest.connectors.base import Facts, day, items, latest, number, part, text
from hub.ingest.connectors.stripe.money import currency, minor

# An invoice's usage as a fact of the subscription.
BILLED: Final = "billed:"
COUNTED: Final = frozenset({"open", "paid", "uncollectible"})
# A period that is nearly as long as the price's interval is one: months have 28 to 31 days.
NEARLY: Final = 4
DAYS_OF_MONTH: Final = Fraction(365, 12)


@dataclass(frozen=True, slots=True)
class Bill:
    """What one item was billed for its use from one day (included) to another (not included), in minor units."""

    item: str
    start: date
    end: date
    amount: Fraction


def bills_facts(invoice: dict[str, Any]) -> dict[str, Facts]:
    """What an invoice says of use, by subscription; an invoice that is void takes back what it said before.

    Lines of prices that are known not to be metered are left out. Since 2025 lines do not tell: then the subscription's
    own items decide.
    """
    counts = text(invoice.get("status")) in COUNTED or invoice.get("paid") is True
    found: dict[str, list[Facts]] = {}
    for line in items(invoice.get("lines")):
        subscription, item, is_proration = _of(line)
        if subscription and item and not is_proration and _may_be_metered(line):
            found.setdefault(subscription, []).append({"item": item, **_period(line)})
    name = f"{BILLED}{text(invoice.get('id'))}"
    if text(invoice.get("status")) == "draft":
        # Its amounts are not final, and it took nothing back.
        return {}
    return {subscription: {name: lines if counts else []} for subscription, lines in found.items()}


def _of(line: dict[str, Any]) -> tuple[str, str, bool]:
    """(subscription, item, whether it is a proration) of a line, in the older form and in that of 2025."""
    newer = part(line, "parent", "subscription_item_details")
    told = newer or line
    return text(told.get("subscription")), text(told.get("subscription_item")), told.get("proration") is True


def _may_be_metered(line: dict[str, Any]) -> bool:
    price = part(line, "price") or part(line, "plan")
    usage = text((part(price, "recurring") or price).get("usage_type"))
    return usage in ("", "metered")


def _period(line: dict[str, Any]) -> Facts:
    off = sum(number(entry.get("amount")) or 0 for entry in items(line.get("discount_amounts")))
    code, span = currency(line.get("currency")), part(line, "period")
    amount = minor((number(line.get("amount")) or 0) - off, code) if len(code) == 3 else Fraction(0)
    return {"from": day(span.get("start")), "to": day(span.get("end")), "amount": str(amount)}


def bills_of(words: Iterable[tuple[Any, Facts]]) -> list[Bill]:
    """Every bill that stands, by item and in the order of time; the lines of one period add up."""
    said = latest([(at, {name: value for name, value in facts.items() if _tells(name)}) for at, facts in words])
    sums: dict[tuple[str, date, date], Fraction] = {}
    for lines in said.values():
        for line in lines:
            if line["from"] and line["to"] and line["from"] < line["to"]:
                key = (line["item"], date.fromisoformat(line["from"]), date.fromisoformat(line["to"]))
                sums[key] = sums.get(key, Fraction(0)) + Fraction(line["amount"])
    return [Bill(*key, amount) for key, amount in sorted(sums.items())]


def _tells(name: str) -> bool:
    return name.startswith(BILLED)


def tells_version(facts: Facts) -> bool:
    """Whether a word about a subscription says what it is; the others only say what its use was billed."""
    return "status" in facts


def cuts(bills: Iterable[Bill]) -> Iterator[date]:
    """The days on which what was billed last changes."""
    return (bill.end for bill in bills)


def rate(bills: Iterable[Bill], item: str, months: Fraction, on: date) -> Fraction:
    """Minor units a month of a metered item on a day: those of the last period that had ended by then."""
    ended = [bill for bill in bills if bill.item == item and bill.end <= on]
    if not ended:
        return Fraction(0)
    last = max(ended, key=lambda bill: (bill.end, bill.start))
    days = (last.end - last.start).days
    is_whole = abs(days - months * DAYS_OF_MONTH) <= NEARLY
    return max(last.amount, Fraction(0)) / (months if is_whole else Fraction(days) / DAYS_OF_MONTH)
