"""Milestones that the product itself completes: the event named in the milestone has been seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from hub.people.audit import SYSTEM
from hub.plans.selectors import milestones_awaiting_events
from hub.plans.services import milestone_complete
from hub.tenancy.context import current_tenant_id

FIRST_EVENTS = """
SELECT m.id, min(e.occurred_at)
FROM plans_milestone m
JOIN plans_onboardingplan p ON p.tenant_id = m.tenant_id AND p.id = m.plan_id
JOIN usage_event e ON e.tenant_id = m.tenant_id AND e.account_id = m.account_id AND e.name = m.event_name
    AND e.day >= p.started_on AND NOT e.historical
WHERE m.tenant_id = %s AND m.id = ANY(%s)
GROUP BY m.id
"""


def milestones_complete_from_usage(account_ids: Sequence[UUID]) -> int:
    """Complete the open milestones of these accounts whose event has come in; returns how many."""
    waiting = [milestone.pk for milestone in milestones_awaiting_events(list(account_ids))]
    if not waiting:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(FIRST_EVENTS, [current_tenant_id(), waiting])
        found: list[tuple[UUID, datetime]] = cursor.fetchall()
    return sum(milestone_complete(milestone_id=pk, via="event", actor=SYSTEM, at=at) for pk, at in found)
