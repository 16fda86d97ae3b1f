"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from advocacy.models import Candidate
from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of


def register() -> None:
    export_lists.register(
        list_of(
            "advocates",
            "Advocates",
            permission="advocacy.view",
            columns=("Account", "Contact", "Status", "Reason", "Still holds", "Found", "Decided", "Note"),
            rows=_candidates,
            cells=_candidate,
            filters=("status",),
            order=140,
        )
    )


def _candidates(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Candidate] = Candidate.objects.select_related("account", "contact")
    return found.filter(status=given["status"]) if given.get("status") else found


def _candidate(row: Candidate) -> Sequence[Cell]:
    what = (row.account.name, str(row.contact), row.get_status_display(), row.reason, row.qualifies)
    return (*what, row.found_at, row.decided_at, row.decision_note)
