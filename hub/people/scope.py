"""Whose accounts a page shows: the person's own, or everybody's. It stands in the URL as ``whose``."""

from __future__ import annotations

from uuid import UUID

from hub.people.guards import StaffRequest
from hub.people.permissions import CSM

MINE, EVERYONES = "mine", "all"


def whose(request: StaffRequest) -> str:
    """``mine`` or ``all``; a CSM, who owns accounts, begins with their own."""
    asked = request.GET.get("whose", "")
    if asked in (MINE, EVERYONES):
        return asked
    return MINE if request.membership.role == CSM else EVERYONES


def owner_wanted(request: StaffRequest) -> UUID | None:
    """The owner to narrow a list to, or None for everybody's accounts."""
    return request.user.pk if whose(request) == MINE else None
