"""What can be taken out of this app as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from hub.plans.models import Milestone
from hub.registry.exports import Cell, Filters, export_lists
from hub.tenancy.chunks import list_of, of_account


def register() -> None:
    export_lists.register(
        list_of(
            "milestones",
            "Milestones",
            permission="accounts.view",
            columns=("Account", "Plan", "Milestone", "Required", "Due", "Completed", "By way of"),
            rows=_milestones,
            cells=_milestone,
            filters=("account",),
            order=80,
        )
    )


def _milestones(given: Filters) -> QuerySet[Any]:
    found: QuerySet[Milestone] = Milestone.objects.select_related("account", "plan")
    return of_account(found, given)


def _milestone(row: Milestone) -> Sequence[Cell]:
    what = (row.account.name, row.plan.name, row.title, row.required)
    return (*what, row.due_on, row.completed_at, row.completed_via)
