"""Contract lines, in the tenant's currency or in another at a dated rate; months and movements follow at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import Noun, sourced_retract, sourced_upsert
from hub.people.audit import Actor
from hub.revenue.currency import CurrencyError, check_known, converted
from hub.revenue.models import ContractLine, FxRate
from hub.revenue.services.months import months_refresh
from hub.revenue.services.when import midnight
from hub.tenancy.context import current_tenant_id
from hub.tenancy.models import Tenant

LINE_FIELDS = frozenset(
    {
        "product",
        "tier",
        "seats",
        "mrr_minor",
        "currency",
        "starts_on",
        "ends_on",
        "renews_on",
        "notice_days",
        "term_months",
        "is_trial",
        "auto_renew",
        "billing_period",
        "source_churned",
    }
)


def home_currency() -> str:
    """The currency of the tenant in context, in which MRR is counted."""
    return str(Tenant.objects.values_list("currency", flat=True).get(pk=current_tenant_id()))


def rate_on(currency: str, day: date) -> Decimal:
    """Home units for one unit of `currency`: the latest rate dated on or before `day`.

    Raises CurrencyError when there is none; no later rate and no guess stands in for it.
    """
    rates = FxRate.objects.filter(currency=currency, on__lte=day).order_by("-on")
    rate: Decimal | None = rates.values_list("rate", flat=True).first()
    if rate is None:
        raise CurrencyError(f"there is no rate from {currency} to {home_currency()} on {day}: give one first")
    return rate


def home_values(values: Mapping[str, Any], stored: ContractLine | None = None) -> dict[str, Any]:
    """The values of a line as they are stored: MRR in the tenant's currency at the rate of the day the line starts.

    That day is the same for ever, so that rates alone never make an expansion. Raises CurrencyError for a currency
    that nobody knows or that has no rate on that day.
    """
    if stored is not None and not {"mrr_minor", "currency", "starts_on"} & set(values):
        return dict(values)
    home = home_currency()
    foreign = stored.billed_currency if stored else ""
    billed = values.get("currency") or foreign or home
    amount = values.get("mrr_minor")
    if amount is None and stored is not None:
        amount = stored.billed_minor if foreign else stored.mrr_minor
    if billed == home:
        return {**values, "mrr_minor": amount, "currency": home, "billed_minor": None, "billed_currency": ""}
    start = values.get("starts_on") or (stored and stored.starts_on)
    assert amount is not None  # a new line needs both, an old one has them
    assert isinstance(start, date)
    mrr = converted(amount, billed, home, rate_on(check_known(billed), start))
    return {**values, "mrr_minor": mrr, "currency": home, "billed_minor": amount, "billed_currency": billed}


def _timeline(line: ContractLine) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            account_id=line.account_id,
            kind="contract",
            key=f"line:{line.pk}",
            title=f"Contract line starts: {line.tier or line.product or line.external_id}",
            source=line.source,
            occurred_at=midnight(line.starts_on),
        )
    ]


CONTRACT_LINE = Noun(
    "contract_line",
    ContractLine,
    LINE_FIELDS,
    required=frozenset({"mrr_minor", "starts_on"}),
    prepare=home_values,
    timeline=_timeline,
    follow=lambda line, accounts: months_refresh(accounts),
)


def contract_line_upsert(
    *,
    source: str,
    external_id: str,
    account: Account,
    fields: Mapping[str, Any],
    as_of: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[ContractLine, str]:
    """Create or update a contract line; say "created", "updated", "unchanged" or "stale". Months follow at once.

    `mrr_minor` is minor units a month of `currency` (the tenant's when left out); a new line needs it and `starts_on`.
    Raises CurrencyError, MissingFieldError, and ValueError for unknown fields.
    """
    return sourced_upsert(
        CONTRACT_LINE, account=account, source=source, external_id=external_id, fields=fields, as_of=as_of, actor=actor
    )


@transaction.atomic
def contract_line_retract(*, source: str, external_id: str) -> ContractLine | None:
    """Take a line back that its source, better informed, never had; months follow. None when there is none.

    A line that has ended is not taken back: it gets its end.
    """
    line = sourced_retract(CONTRACT_LINE, source=source, external_id=external_id)
    if line is not None:
        months_refresh([line.account_id])
    return line
