"""What a tenant sells and the rates of other currencies: set-up, by people and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from hub.people.audit import Actor, audit
from hub.revenue.currency import CurrencyError, check_known
from hub.revenue.models import Entitlement, EntitlementKind, FxRate, Product, Tier
from hub.revenue.services.lines import home_currency
from hub.revenue.services.recount import recount_currency, recount_product


class CatalogueError(ValueError):
    """A product, tier or entitlement that cannot be."""


@dataclass(frozen=True)
class Allowance:
    """What a tier allows of a measure (`seats` or the name of an event); no `limit` is unlimited."""

    measure: str
    kind: str
    limit: int | None
    period: str = ""
    per_seat: bool = False

    def __post_init__(self) -> None:
        if self.kind not in EntitlementKind.values:
            raise CatalogueError(f"{self.kind!r}: an entitlement is a level or a quota")
        if (self.kind == EntitlementKind.QUOTA) is not bool(self.period):
            raise CatalogueError("a quota has a period (month, quarter, year), a level has none")
        if self.limit is not None and self.limit <= 0:
            raise CatalogueError("a limit is more than zero; leave it out for no limit")


@transaction.atomic
def ranks_set(*, product: str, ranks: Mapping[str, int], actor: Actor) -> Product:
    """Make the tiers of a product exactly these, by name with their ranks; movements that they type are counted anew.

    Entitlements of tiers that stay are kept, those of tiers that go are gone. Two tiers of one rank raise
    CatalogueError: neither would be the higher one.
    """
    if len(set(ranks.values())) != len(ranks):
        raise CatalogueError("two tiers have the same rank")
    row: Product = Product.objects.get_or_create(name=product)[0]
    before = dict(row.tiers.values_list("name", "rank"))
    row.tiers.exclude(name__in=ranks).delete()
    Tier.objects.bulk_create(
        [Tier(product=row, name=name, rank=rank) for name, rank in ranks.items()],
        update_conflicts=True,
        unique_fields=["tenant", "product", "name"],
        update_fields=["rank"],
    )
    audit(actor, "product.ranks", row, before=before, after=dict(ranks))
    if before != dict(ranks):
        recount_product(product)
    return row


@transaction.atomic
def entitlements_set(*, tier: Tier, allowances: Sequence[Allowance], actor: Actor) -> None:
    """Make what a tier allows exactly this."""
    measures = [allowance.measure for allowance in allowances]
    if len(set(measures)) != len(measures):
        raise CatalogueError("a measure has one entitlement")
    tier.entitlements.all().delete()
    Entitlement.objects.bulk_create([Entitlement(tier=tier, **vars(allowance)) for allowance in allowances])
    audit(actor, "tier.entitlements", tier, after=[vars(allowance) for allowance in allowances])


@transaction.atomic
def entitlement_put(*, tier: Tier, allowance: Allowance, actor: Actor) -> Entitlement:
    """Add or replace what a tier allows of one measure."""
    values = {name: value for name, value in vars(allowance).items() if name != "measure"}
    row: Entitlement = Entitlement.objects.update_or_create(tier=tier, measure=allowance.measure, defaults=values)[0]
    audit(actor, "entitlement.put", row, after=vars(allowance))
    return row


@transaction.atomic
def entitlement_remove(*, entitlement_id: UUID, actor: Actor) -> None:
    row = Entitlement.objects.get(pk=entitlement_id)
    audit(actor, "entitlement.remove", row, measure=row.measure)
    row.delete()


@transaction.atomic
def fx_rate_put(*, currency: str, on: date, rate: Decimal, actor: Actor) -> tuple[FxRate, str]:
    """Store the rate from a day on; lines in that currency are counted anew. Says created, updated or unchanged.

    `rate` is units of the tenant's currency for one unit. Raises CurrencyError for an unknown currency, for the
    tenant's own, and for a rate that is not positive.
    """
    check_known(currency)
    if currency == home_currency():
        raise CurrencyError(f"{currency} is the currency that everything is counted in")
    if rate <= 0:
        raise CurrencyError("a rate is more than zero")
    row, made = FxRate.objects.get_or_create(currency=currency, on=on, defaults={"rate": rate})
    before = None if made else row.rate
    if before is not None and before != rate:
        row.rate = rate
        row.save(update_fields=["rate"])
    outcome = "created" if made else "unchanged" if before == rate else "updated"
    audit(actor, f"fx_rate.{outcome}", row, currency=currency, on=on.isoformat(), before=_text(before), after=str(rate))
    if outcome != "unchanged":
        recount_currency(currency)
    return row, outcome


@transaction.atomic
def fx_rate_remove(*, fx_rate_id: UUID, actor: Actor) -> None:
    """Take a rate away; lines that it converted are counted anew at the one before it, or keep their amount."""
    row = FxRate.objects.get(pk=fx_rate_id)
    audit(actor, "fx_rate.remove", row, currency=row.currency, on=row.on.isoformat(), before=str(row.rate))
    row.delete()
    recount_currency(row.currency)


def _text(value: Decimal | None) -> str:
    return "" if value is None else str(value)
