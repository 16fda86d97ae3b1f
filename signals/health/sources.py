"""Whether a source speaks at all, and as of when: no ticket is good news only where tickets come in.

What a tenant has never sent says nothing about its accounts: such measures are missing. Usage is as old as the tenant's
latest use: a feed that stops makes values stale, while one account that stops is behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Final

from django.db.models import Max

from hub.accounts.models import AccountFacts
from hub.feedback.models import SurveyResponse, Ticket
from hub.revenue.models import ContractLine, Invoice, Payment
from hub.usage.models import UsageDaily


def _usage(today: date) -> int | None:
    latest: date | None = AccountFacts.objects.aggregate(day=Max("last_event_on"))["day"]
    if latest is None:
        return 0 if UsageDaily.objects.exists() else None
    return max(0, (today - latest).days)


def _any(*questions: Callable[[], bool]) -> Callable[[date], int | None]:
    return lambda today: 0 if any(question() for question in questions) else None


AGES: Final[Mapping[str, Callable[[date], int | None]]] = {
    "product usage": _usage,
    "usage and contract": _usage,
    "support": _any(lambda: Ticket.objects.exists()),
    "surveys": _any(lambda: SurveyResponse.objects.exists()),
    "bills": _any(lambda: Invoice.objects.exists(), lambda: Payment.objects.exists()),
    "contract lines": _any(lambda: ContractLine.objects.exists()),
}


def ages(sources: Collection[str], today: date) -> dict[str, int | None]:
    """By source, how many days old its values are; None: it has never spoken. One query for each that is known here."""
    return {source: AGES[source](today) if source in AGES else 0 for source in sorted(sources)}
