"""Whether a source speaks at all, and as of when: no ticket is good news only where tickets come in.

What a tenant has never sent says nothing about its accounts: such measures are missing. Usage is as old as the tenant's
latest use: a feed that stops makes values stale, while one account that stops is behaviour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db.models import Min

from hub.feedback.models import SurveyResponse, Ticket
from hub.revenue.models import ContractLine, Invoice, Payment
from hub.tenancy.context import current_tenant_id
from hub.tenancy.remembering import remembered
from hub.tenancy.statements import ask
from hub.usage.models import UsageDaily

HEARD: Final = """
SELECT (SELECT max(last_event_on) FROM accounts_accountfacts WHERE tenant_id = %(tenant)s),
    EXISTS (SELECT 1 FROM usage_usagedaily WHERE tenant_id = %(tenant)s),
    EXISTS (SELECT 1 FROM feedback_ticket WHERE tenant_id = %(tenant)s),
    EXISTS (SELECT 1 FROM feedback_surveyresponse WHERE tenant_id = %(tenant)s),
    EXISTS (SELECT 1 FROM revenue_invoice WHERE tenant_id = %(tenant)s)
        OR EXISTS (SELECT 1 FROM revenue_payment WHERE tenant_id = %(tenant)s),
    EXISTS (SELECT 1 FROM revenue_contractline WHERE tenant_id = %(tenant)s)
"""


def _heard() -> tuple[Any, ...]:
    return ask(HEARD, {"tenant": current_tenant_id()})[0]


def ages(sources: Collection[str], today: date) -> dict[str, int | None]:
    """By source, how many days old its values are; None: it has never spoken. One query."""
    latest, used, *heard = remembered("sources", _heard)
    usage = max(0, (today - latest).days) if latest else 0 if used else None
    spoken = [0 if one else None for one in heard]
    known = dict(zip(("support", "surveys", "bills", "contract lines"), spoken, strict=True))
    known |= {"product usage": usage, "usage and contract": usage}
    return {source: known.get(source, 0) for source in sorted(sources)}


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
