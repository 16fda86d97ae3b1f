"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, Money, export_lists
from hub.tenancy.chunks import list_of, of_account
from signals.inbox.query import ANY_STATUS, InboxQuery, selection
from signals.models import BacktestLoss, Signal

LEFT = (
    "Account", "Account id", "Band", "Band shown", "Score", "Last seen so on", "Month ends", "MRR then", "Scorecard",
    "As of",
)  # fmt: skip
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
            filters=("account", "status", "severity", "family", "trigger", "segment"),
            order=100,
        )
    )
    export_lists.register(
        list_of(
            "backtest-losses",
            "Who left, by back-test",
            permission="signals.view",
            columns=LEFT,
            rows=_losses,
            cells=_loss,
            filters=("account", "backtest", "band"),
            order=101,
        )
    )


def _losses(given: Filters) -> QuerySet[Any]:
    found: QuerySet[BacktestLoss] = BacktestLoss.objects.select_related("account", "run", "tenant")
    found = of_account(found.defer("run__tally", "run__result", "run__measures"), given)
    if band := given.get("band"):
        found = found.filter(band=band)
    if not (run := given.get("backtest")):
        return found
    try:
        return found.filter(run_id=UUID(run))
    except ValueError:
        return found.none()


def _loss(row: BacktestLoss) -> Sequence[Cell]:
    what = (row.account.name, str(row.account_id), row.get_band_display(), row.shown_band, row.score, row.day, row.days)
    return (*what, Money(row.mrr_minor, row.tenant.currency), row.run.name, row.run.today)


def _signals(given: Filters) -> QuerySet[Any]:
    status = given.get("status") or "any"
    asked = {**given, "account": "", "status": ANY_STATUS if status == "any" else status}
    return of_account(selection(InboxQuery.read(asked)).select_related("account", "trigger"), given)


def _signal(row: Signal) -> Sequence[Cell]:
    what = (row.account.name, row.sentence, row.trigger.name, row.get_severity_display(), row.get_status_display())
    return (*what, row.occurred_at, row.recorded_at, row.cleared_at, row.closed_at, row.closed_reason)
