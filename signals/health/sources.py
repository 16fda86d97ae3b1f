"""Whether a source speaks at all, and as of when: no ticket is good news only where tickets come in.

What a tenant has never sent says nothing about its accounts: such measures are missing. Usage is as old as the tenant's
latest use: a feed that stops makes values stale, while one account that stops is behaviour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db.models import Max, Min

from hub.accounts.models import AccountFacts
from hub.feedback.models import SurveyResponse, Ticket
from hub.revenue.models import ContractLine, Invoice, Payment
from hub.tenancy.remembering import remembered
from hub.usage.models import UsageDaily


def _usage(today: date) -> int | None:
    latest: date | None = remembered(
        "latest use", lambda: AccountFacts.objects.aggregate(day=Max("last_event_on"))["day"]
    )
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


# --- Of days gone by ----------------------------------------------------------------------------------------------

Ages = Mapping[str, int | None]


def ages_then(sources: Collection[str], asked: Sequence[date]) -> dict[date, dict[str, int | None]]:
    """`ages` as they were at the end of days gone by: what came later is not known then."""
    found: dict[date, dict[str, int | None]] = {day: {} for day in asked}
    for source in sorted(sources):
        told = PAST[source]() if source in PAST else lambda day: 0
        for day in asked:
            found[day][source] = told(day)
    return found


def _usage_then() -> Callable[[date], int | None]:
    days = sorted(UsageDaily.objects.order_by().values_list("day", flat=True).distinct())

    def age(day: date) -> int | None:
        at = bisect_right(days, day)
        return (day - days[at - 1]).days if at else None

    return age


def _first(*questions: tuple[Any, str]) -> Callable[[], Callable[[date], int | None]]:
    """Whether the source had spoken by a day: its first row says."""

    def ask() -> Callable[[date], int | None]:
        firsts = [model.objects.aggregate(first=Min(field))["first"] for model, field in questions]
        days = [one.astimezone(UTC).date() if isinstance(one, datetime) else one for one in firsts if one]
        return lambda day: 0 if days and min(days) <= day else None

    return ask


PAST: Final[Mapping[str, Callable[[], Callable[[date], int | None]]]] = {
    "product usage": _usage_then,
    "usage and contract": _usage_then,
    "support": _first((Ticket, "opened_at")),
    "surveys": _first((SurveyResponse, "answered_at")),
    "bills": _first((Invoice, "issued_on"), (Payment, "occurred_at")),
    "contract lines": _first((ContractLine, "starts_on")),
}
