"""Milestones that the product itself completes: the event named in the milestone has been seen."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.people.audit import SYSTEM
from hub.plans.services import milestone_complete
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask

# Open milestones that an event completes; few accounts have any, and only for those are events looked through.
FIRST_EVENTS = """
SELECT m.id, (
    SELECT min(e.occurred_at) FROM usage_event e
    WHERE e.tenant_id = m.tenant_id AND e.account_id = m.account_id AND e.name = m.event_name
        AND e.day >= p.started_on AND NOT e.historical
) AS first
FROM plans_milestone m
JOIN plans_onboardingplan p ON p.tenant_id = m.tenant_id AND p.id = m.plan_id
WHERE m.tenant_id = %s AND m.account_id = ANY(%s) AND m.completed_at IS NULL AND m.event_name <> ''
ORDER BY m.id
"""


def milestones_complete_from_usage(account_ids: Sequence[UUID]) -> int:
    """Complete the open milestones of these accounts whose event has come in; returns how many."""
    found = [(pk, at) for pk, at in ask(FIRST_EVENTS, [current_tenant_id(), list(account_ids)]) if at is not None]
    return sum(milestone_complete(milestone_id=pk, via="event", actor=SYSTEM, at=at) for pk, at in found)
