"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account
from journeys.models import Enrollment

COLUMNS = ("Account", "Journey", "Version", "Stands at", "Status", "Reason", "Entered", "Ended", "Held out")


def register() -> None:
    export_lists.register(
        list_of(
            "enrollments",
            "Enrollments",
            permission="journeys.view",
            columns=COLUMNS,
            rows=_enrollments,
            cells=_enrollment,
            filters=("account", "status", "journey"),
            order=110,
        )
    )


def _enrollments(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Enrollment] = Enrollment.objects.select_related("account", "journey")
    if status := given.get("status"):
        found = found.filter(status=status)
    if journey := given.get("journey"):
        found = found.filter(journey__key=journey)
    return of_account(found, given)


def _enrollment(row: Enrollment) -> Sequence[Cell]:
    what = (row.account.name, row.journey.name, row.version, row.node_id, row.get_status_display())
    return (*what, row.reason, row.entered_at, row.ended_at, row.held_out)
