"""Choices as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account
from journeys.decisions.models import Choice

COLUMNS = (
    "Account", "Day", "Cause", "Play", "Version", "Status", "Reason", "Why", "Chance", "Signal", "Reviewed by",
    "Reviewed", "Done", "Success", "Reached",
)  # fmt: skip


def register() -> None:
    export_lists.register(
        list_of(
            "choices",
            "Decisions of next best action",
            permission="decisions.view",
            columns=COLUMNS,
            rows=_choices,
            cells=_choice,
            filters=("account", "status", "play"),
            order=112,
        )
    )


def _choices(given: Filters) -> QuerySet[Any]:
    found = Choice.objects.select_related("account", "play", "signal").defer("given", "verdicts")
    if status := given.get("status"):
        found = found.filter(status=status)
    if play := given.get("play"):
        found = found.filter(play__key=play)
    return of_account(found, given)


def _choice(row: Choice) -> Sequence[Cell]:
    what = (row.account.name, row.day, row.cause.partition(":")[0], row.play.name if row.play else "", row.play_version)
    why = (row.get_status_display(), row.reason, row.why, row.chance, row.signal.sentence if row.signal else "")
    return (*what, *why, row.reviewed_label, row.reviewed_at, row.done_at, row.success, row.met)
