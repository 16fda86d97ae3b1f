"""The inbox of signals: what may be asked for in the URL, and pages of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count

from hub.shell.paging import Page, cursor_values, page_of
from signals.models import Severity, Signal, SignalStatus, Trigger
from signals.selectors import signals_list

PAGE_SIZE: Final = 50
ANY_STATUS: Final = "all"


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Filters of the inbox; ``status`` is a signal's status or ``all``, the others may be empty."""

    status: str = SignalStatus.OPEN
    severity: str = ""
    family: str = ""
    cursor: str = ""

    @classmethod
    def read(cls, params: Mapping[str, str]) -> InboxQuery:
        """Read a query string; values that nobody offers are left out."""
        status, severity = params.get("status", ""), params.get("severity", "")
        return cls(
            status=status if status in (*SignalStatus.values, ANY_STATUS) else SignalStatus.OPEN,
            severity=severity if severity in Severity.values else "",
            family=params.get("family", "")[:32],
            cursor=params.get("cursor", ""),
        )

    @property
    def narrows(self) -> bool:
        return bool(self.severity or self.family)


def inbox_page(query: InboxQuery, *, owner_id: UUID | None = None, size: int = PAGE_SIZE) -> Page[Signal]:
    """Signals, newest first, from the cursor on. One query."""
    status = "" if query.status == ANY_STATUS else query.status
    signals = signals_list(status=status, severity=query.severity, family=query.family)
    signals = signals.select_related("account", "trigger", "closed_by")
    if owner_id is not None:
        signals = signals.filter(account__owner_id=owner_id)
    if after := cursor_values(query.cursor, datetime.fromisoformat, UUID):
        at, pk = after
        signals = signals.filter(recorded_at__lte=at).exclude(recorded_at=at, pk__gte=pk)
    rows = list(signals[: size + 1])
    return page_of(rows, size, lambda signal: (signal.recorded_at.isoformat(), signal.pk))


def status_counts(owner_id: UUID | None = None) -> dict[str, int]:
    """How many signals there are of each status. One query."""
    signals = Signal.objects.all()
    if owner_id is not None:
        signals = signals.filter(account__owner_id=owner_id)
    counted = dict(signals.values_list("status").annotate(n=Count("pk")).order_by())
    return {status: counted.get(status, 0) for status in SignalStatus.values}


def families() -> list[str]:
    """The families of the tenant's triggers, in order. One query."""
    return list(Trigger.objects.order_by("family").values_list("family", flat=True).distinct())
