"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account
from signals.models import Signal

COLUMNS = ("Account", "Signal", "Trigger", "Severity", "Status", "Occurred", "Recorded", "Cleared", "Closed", "Reason")


def register() -> None:
    export_lists.register(
        list_of(
            "signals",
            "Signals",
            permission="signals.view",
            columns=COLUMNS,
            rows=_signals,
            cells=_signal,
            filters=("account", "status", "severity", "family"),
            order=100,
        )
    )


def _signals(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Signal] = Signal.objects.select_related("account", "trigger")
    found = of_account(found, given)
    if severity := given.get("severity"):
        found = found.filter(severity=severity)
    if family := given.get("family"):
        found = found.filter(trigger__family=family)
    status = given.get("status")
    return found.filter(status=status) if status and status != "any" else found


def _signal(row: Signal) -> Sequence[Cell]:
    what = (row.account.name, row.sentence, row.trigger.name, row.get_severity_display(), row.get_status_display())
    return (*what, row.occurred_at, row.recorded_at, row.cleared_at, row.closed_at, row.closed_reason)
