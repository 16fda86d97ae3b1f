"""What kind of expansion, contraction or churn a movement is: the definition of what services/months.py does in SQL.

Per account and product: not held before → cross-sell; higher tier → tier; same tier and more
seats → seat; the rest → price. A higher tier with more seats is mixed: the tier at the old
seats, then the seats at the new price. A contraction is an expansion read backwards: a product
given up → cross-sell, a lower tier → tier, fewer seats → seat, the rest → price. A tier is higher
only where both have a rank. Types given by a source win and never come here. Pure; no Django.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class ExpansionType(StrEnum):
    """Where an expansion came from, or what a contraction took."""

    CROSS_SELL = "cross_sell"
    TIER = "tier"
    SEAT = "seat"
    PRICE = "price"


class ChurnType(StrEnum):
    """Whether the customer chose to leave."""

    VOLUNTARY = "voluntary"
    INVOLUNTARY = "involuntary"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account holds of one product: MRR in minor units, seats, its highest tier and that one's rank."""

    mrr: int
    seats: int
    rank: int | None
    tier: str = ""


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A live paid line as it counts here; `rank` is None where the tier has none."""

    external_id: str
    product: str
    tier: str
    rank: int | None
    seats: int
    mrr: int


def holdings(lines: Iterable[HeldLine]) -> dict[str, Holding]:
    """What live lines add up to by product; the tier is the highest by rank, then that of the dearest line."""
    by_product: dict[str, list[HeldLine]] = {}
    for line in lines:
        by_product.setdefault(line.product, []).append(line)
    return {product: _holding(held) for product, held in by_product.items()}


def _holding(lines: list[HeldLine]) -> Holding:
    top = min(lines, key=lambda line: (-1 if line.rank is None else -line.rank - 2, -line.mrr, line.external_id))
    return Holding(sum(line.mrr for line in lines), sum(line.seats for line in lines), top.rank, top.tier)


def expansion_types(before: Mapping[str, Holding], after: Mapping[str, Holding]) -> dict[ExpansionType, int]:
    """An account's expansion between two days by type; adds up to max(now − then, 0) exactly.

    When some products shrank, what they lost is taken from the growing ones in proportion.
    """
    growth: dict[ExpansionType, int] = {}
    for product, now in after.items():
        for kind, amount in _product_types(before.get(product), now).items():
            growth[kind] = growth.get(kind, 0) + amount
    then_total = sum(holding.mrr for holding in before.values())
    net = max(sum(holding.mrr for holding in after.values()) - then_total, 0)
    return _scaled({kind: amount for kind, amount in growth.items() if amount}, net)


def contraction_types(before: Mapping[str, Holding], after: Mapping[str, Holding]) -> dict[ExpansionType, int]:
    """An account's contraction between two days by type; adds up to max(then − now, 0) exactly."""
    return expansion_types(after, before)


def _product_types(then: Holding | None, now: Holding) -> dict[ExpansionType, int]:
    """The growth of one product by type, minor units; empty when it did not grow."""
    if then is None or then.mrr == 0:
        return {ExpansionType.CROSS_SELL: now.mrr}
    delta = now.mrr - then.mrr
    if delta <= 0:
        return {}
    if now.rank is not None and then.rank is not None and now.rank > then.rank:
        return _tier_and_seats(then, now, delta)
    if now.tier == then.tier and now.seats > then.seats:
        return {ExpansionType.SEAT: delta}
    return {ExpansionType.PRICE: delta}


def _tier_and_seats(then: Holding, now: Holding, delta: int) -> dict[ExpansionType, int]:
    if now.seats <= then.seats:
        return {ExpansionType.TIER: delta}
    # A dearer tier at a discount can make the seats alone worth more than the whole change.
    seats = min((now.seats - then.seats) * now.mrr // now.seats, delta)
    return {ExpansionType.TIER: delta - seats, ExpansionType.SEAT: seats}


def _scaled(parts: Mapping[ExpansionType, int], total: int) -> dict[ExpansionType, int]:
    """``parts`` in proportion so that they add up to ``total`` (largest remainders first)."""
    whole = sum(parts.values())
    if not whole or not total:
        return {}
    shares = {kind: amount * total // whole for kind, amount in parts.items()}
    rest = total - sum(shares.values())
    by_remainder = sorted(parts, key=lambda kind: (-(parts[kind] * total % whole), kind))
    for kind in by_remainder[:rest]:
        shares[kind] += 1
    return {kind: amount for kind, amount in shares.items() if amount}


def churn_type(*, said_by_source: ChurnType | None, last_open_cause: str | None) -> ChurnType:
    """Involuntary when the source says so or the last open cause is ``payment_failure``.

    Without a word of the source and without any cause it is unknown, which is a value.
    """
    if said_by_source is not None:
        return said_by_source
    if last_open_cause is None:
        return ChurnType.UNKNOWN
    return ChurnType.INVOLUNTARY if last_open_cause == "payment_failure" else ChurnType.VOLUNTARY
