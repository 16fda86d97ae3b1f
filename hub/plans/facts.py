"""Onboarding facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import connection

from hub.registry.facts import Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id

REFRESH = """
UPDATE accounts_accountfacts f SET
    milestones_done = x.done, milestones_required = x.required, milestones_overdue = x.overdue,
    activated_on = x.activated_on
FROM (
    SELECT a.id,
        count(m.id) FILTER (WHERE m.required AND m.completed_at IS NOT NULL) AS done,
        count(m.id) FILTER (WHERE m.required) AS required,
        count(m.id) FILTER (WHERE m.required AND m.completed_at IS NULL AND m.due_on < %(today)s) AS overdue,
        max(p.activated_at)::date AS activated_on
    FROM accounts_account a
    LEFT JOIN plans_onboardingplan p ON p.tenant_id = a.tenant_id AND p.account_id = a.id
    LEFT JOIN plans_milestone m ON m.tenant_id = p.tenant_id AND m.plan_id = p.id
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
    GROUP BY a.id
) x
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
"""


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, {"tenant": current_tenant_id(), "ids": list(account_ids), "today": today})


def register() -> None:
    refreshers.register(FactRefresher("plans", refresh, order=50))

    def fact(name: str, label: str, kind: FactKind = FactKind.NUMBER, unit: str = "milestones") -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", "onboarding plan", "at once", unit, 50))

    fact("milestones_done", "required milestones done")
    fact("milestones_required", "required milestones")
    fact("milestones_overdue", "overdue milestones")
    fact("activated_on", "activation date", FactKind.DATE, "")
