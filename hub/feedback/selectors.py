from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Avg, Count, Q

from hub.feedback.models import Ticket


@dataclass(frozen=True)
class SupportSummary:
    """Tickets of an account in a period; means are None without values."""

    opened: int
    closed: int
    open_now: int
    resolution_hours: float | None
    first_response_minutes: float | None
    csat: float | None


def support_summary(account_id: UUID, *, first: date, end: date) -> SupportSummary:
    """Support in [first, end): opened and closed in it, mean times and CSAT of the closed; open now. One query."""
    opened = Q(opened_at__date__gte=first, opened_at__date__lt=end)
    closed = Q(closed_at__date__gte=first, closed_at__date__lt=end)
    return SupportSummary(
        **Ticket.objects.filter(account_id=account_id).aggregate(
            opened=Count("pk", filter=opened),
            closed=Count("pk", filter=closed),
            open_now=Count("pk", filter=Q(closed_at__isnull=True)),
            resolution_hours=Avg("resolution_hours", filter=closed),
            first_response_minutes=Avg("first_response_minutes", filter=closed),
            csat=Avg("csat", filter=closed),
        )
    )
