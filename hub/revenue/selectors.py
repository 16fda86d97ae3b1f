"""Reads of what an account pays, and of where its sources contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from hub.accounts.models import Account, AccountFacts
from hub.revenue.coverage import Span
from hub.revenue.models import (
    AccountMonth,
    ChurnClaim,
    ContractLine,
    Invoice,
    InvoiceStatus,
    Movement,
    Opportunity,
    OpportunityOutcome,
    Tier,
)
from hub.tenancy.context import current_tenant_id


def contract_lines(account_id: UUID) -> list[ContractLine]:
    """All lines of an account, the running ones first, then by their start, latest first. One query."""
    lines = ContractLine.objects.filter(account_id=account_id).order_by("-starts_on", "external_id")
    return sorted(lines, key=lambda line: line.ends_on is not None)


def spans_of(lines: Sequence[ContractLine]) -> list[Span]:
    """Paid lines as spans, for gaps and overlaps."""
    paid = [line for line in lines if not line.is_trial and line.mrr_minor]
    return [Span(line.external_id, line.product, line.starts_on, line.ends_on) for line in paid]


def account_movements(account_id: UUID, *, limit: int = 6) -> list[Movement]:
    """The latest movements of an account with their types, newest first. One query."""
    movements = Movement.objects.filter(account_id=account_id, overlap="sum")
    return list(movements.order_by("-month", "kind", "type")[:limit])


def open_opportunities(account_id: UUID) -> list[Opportunity]:
    """Deals that are open, the next to close first. One query."""
    found = Opportunity.objects.filter(account_id=account_id, outcome=OpportunityOutcome.OPEN)
    return list(found.order_by("close_on", "name")[:10])


def unpaid_invoices(account_id: UUID) -> list[Invoice]:
    """Invoices that are open or given up, the oldest due first. One query."""
    unpaid = Invoice.objects.filter(account_id=account_id, status__in=[InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE])
    return list(unpaid.order_by("due_on", "issued_on")[:10])


@dataclass(frozen=True)
class Capacity:
    """What an account may use of a measure, over its live lines; `limit` None is unlimited."""

    account_id: UUID
    measure: str
    kind: str
    period: str
    limit: int | None


def capacities(account_ids: Sequence[UUID], *, day: date) -> list[Capacity]:
    """Limits of these accounts on a day: those of live lines added up, times seats where a limit is per seat.

    A line without a limit lifts that of the others. Lines whose tier has no entitlement for a measure say nothing of
    it. One query.
    """
    statement = """
        SELECT l.account_id, e.measure, e.kind, e.period,
            CASE WHEN bool_or(e."limit" IS NULL) THEN NULL
                ELSE sum(e."limit" * CASE WHEN e.per_seat THEN coalesce(l.seats, 0) ELSE 1 END)::bigint END
        FROM revenue_contractline l
        JOIN revenue_product p ON p.tenant_id = l.tenant_id AND p.name = l.product
        JOIN revenue_tier t ON t.tenant_id = l.tenant_id AND t.product_id = p.id AND t.name = l.tier
        JOIN revenue_entitlement e ON e.tenant_id = l.tenant_id AND e.tier_id = t.id
        WHERE l.tenant_id = %(tenant)s AND l.account_id = ANY(%(ids)s)
            AND l.starts_on <= %(day)s AND (l.ends_on IS NULL OR l.ends_on > %(day)s)
        GROUP BY l.account_id, e.measure, e.kind, e.period ORDER BY 1, 2, 3, 4"""
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "ids": list(account_ids), "day": day})
        return [Capacity(*row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class TierLine:
    """A tier name of a product as contract lines use it; `rank` None: it has none yet."""

    name: str
    rank: int | None
    lines: int
    mrr_per_seat: int | None
    tier: Tier | None


def tiers_by_product() -> dict[str, list[TierLine]]:
    """Every product and tier that lines name or that has been set up, ranked ones first. Three queries.

    `mrr_per_seat` is the mean over lines with seats, in minor units: a hint at which tier is higher.
    """
    used = ContractLine.objects.order_by().values_list("product", "tier")
    told = used.annotate(lines=Count("pk"), mrr=Sum("mrr_minor", filter=Q(seats__gt=0)), seats=Sum("seats"))
    counts = {(product, tier): (n, mrr // seats if mrr and seats else None) for product, tier, n, mrr, seats in told}
    known = {
        (tier.product.name, tier.name): tier
        for tier in Tier.objects.select_related("product").prefetch_related("entitlements")
    }
    found: dict[str, list[TierLine]] = {}
    for product, name in sorted(counts.keys() | known.keys()):
        if name:
            tier, (n, mean) = known.get((product, name)), counts.get((product, name), (0, None))
            found.setdefault(product, []).append(TierLine(name, tier.rank if tier else None, n, mean, tier))
    for tiers in found.values():
        tiers.sort(key=lambda tier: (tier.rank is None, tier.rank or 0, tier.mrr_per_seat or 0, tier.name))
    return found


def is_live(line: ContractLine, day: date) -> bool:
    return line.starts_on <= day and (line.ends_on is None or day < line.ends_on)


def mrr_on(account_ids: Sequence[UUID], days: Sequence[date]) -> dict[tuple[UUID, date], int]:
    """What accounts paid a month at the end of days, in minor units, over their live paid lines.

    Who pays nothing is left out. At a month's end it is what the account's month says of it. One query.
    """
    statement = """
        SELECT l.account_id, d.day, sum(l.mrr_minor)::bigint
        FROM unnest(%(days)s::date[]) AS d (day)
        JOIN revenue_contractline l ON l.tenant_id = %(tenant)s AND l.account_id = ANY(%(ids)s) AND NOT l.is_trial
            AND l.mrr_minor > 0 AND l.starts_on <= d.day AND (l.ends_on IS NULL OR l.ends_on > d.day)
        GROUP BY l.account_id, d.day"""
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "ids": list(account_ids), "days": sorted(set(days))})
        return {(account_id, day): mrr for account_id, day, mrr in cursor.fetchall()}


def mrr_at(moments: Sequence[tuple[UUID, date]]) -> dict[tuple[UUID, date], int]:
    """Like `mrr_on`, for pairs of an account and a day of its own. One query."""
    statement = """
        SELECT x.account_id, x.day, sum(l.mrr_minor)::bigint
        FROM (SELECT DISTINCT account_id, day FROM unnest(%(ids)s::uuid[], %(days)s::date[]) AS u (account_id, day)) x
        JOIN revenue_contractline l ON l.tenant_id = %(tenant)s AND l.account_id = x.account_id AND NOT l.is_trial
            AND l.mrr_minor > 0 AND l.starts_on <= x.day AND (l.ends_on IS NULL OR l.ends_on > x.day)
        GROUP BY x.account_id, x.day"""
    ids, days = [account_id for account_id, _ in moments], [day for _, day in moments]
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant_id(), "ids": ids, "days": days})
        return {(account_id, day): mrr for account_id, day, mrr in cursor.fetchall()}


def left_between(account_ids: Sequence[UUID], first: date, last: date) -> dict[UUID, date]:
    """Accounts whose last paid line ended in [first, last], with that day; none of theirs runs after. One query."""
    statement = """
        SELECT account_id, max(ends_on) FROM revenue_contractline
        WHERE tenant_id = %(tenant)s AND account_id = ANY(%(ids)s) AND NOT is_trial AND mrr_minor > 0
            AND starts_on <= %(last)s
        GROUP BY account_id
        HAVING bool_and(ends_on IS NOT NULL) AND max(ends_on) BETWEEN %(first)s AND %(last)s"""
    values: dict[str, Any] = {"tenant": current_tenant_id(), "ids": list(account_ids), "first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return dict(cursor.fetchall())


def account_months(account_id: UUID, *, limit: int = 24) -> list[AccountMonth]:
    """MRR at the last month ends, oldest first; months without MRR are left out. One query."""
    months = AccountMonth.objects.filter(account_id=account_id, overlap="sum").order_by("-month")[:limit]
    return list(reversed(months))


def churn_claims(account_id: UUID) -> list[ChurnClaim]:
    return list(ChurnClaim.objects.filter(account_id=account_id).order_by("-claimed_on"))


def contradictions_of(
    account: Account, lines: Sequence[ContractLine], claims: Sequence[ChurnClaim], today: date
) -> list[str]:
    """What the sources say about an account that cannot all be true, one sentence each; both sides are named."""
    paid = [line for line in lines if not line.is_trial and line.mrr_minor]
    live = sum(is_live(line, today) for line in paid)
    running = f"{live} paid line{'s run' if live != 1 else ' runs'}"
    said = [claim for claim in claims if claim.claimed_on <= today]
    flagged_open = sum(bool(line.source_churned) and line.ends_on is None for line in lines)
    found = []
    if account.source_churned and live:
        found.append(f"The source flags the account as churned, and {running}.")
    if account.source_churned is False and paid and not live:
        found.append("The source flags the account as active, and no paid line runs.")
    if said and live:
        found.append(f"A churn event was recorded on {said[0].claimed_on:%Y-%m-%d}, and {running}.")
    if said and account.source_churned is False:
        found.append("A churn event was recorded, and the source flags the account as active.")
    if account.source_churned and not said:
        found.append("The source flags the account as churned, and there is no churn event.")
    if flagged_open:
        found.append(
            f"{flagged_open} line{'s are' if flagged_open != 1 else ' is'} flagged as churned without an end day."
        )
    return found


def renewals_due(*, first: date, last: date, owner_id: UUID | None = None) -> QuerySet[AccountFacts]:
    """Fact rows, with their accounts, of those whose contract comes up in [first, last], the next first."""
    due = AccountFacts.objects.select_related("account__owner").filter(renews_on__range=(first, last))
    if owner_id is not None:
        due = due.filter(account__owner_id=owner_id)
    ordered: QuerySet[AccountFacts] = due.order_by("renews_on", "-mrr_minor")
    return ordered
