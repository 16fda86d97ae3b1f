"""Reads of what an account pays, and of where its sources contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from hub.accounts.models import Account, AccountFacts
from hub.revenue.models import AccountMonth, ChurnClaim, ContractLine


def contract_lines(account_id: UUID) -> list[ContractLine]:
    """All lines of an account, the running ones first, then by their start, latest first. One query."""
    lines = ContractLine.objects.filter(account_id=account_id).order_by("-starts_on", "external_id")
    return sorted(lines, key=lambda line: line.ends_on is not None)


def is_live(line: ContractLine, day: date) -> bool:
    return line.starts_on <= day and (line.ends_on is None or day < line.ends_on)


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
