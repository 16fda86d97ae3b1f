"""Onboarding facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from hub.registry.facts import TODAY, Expression, Fact, FactKind, FactRefresher, facts, refreshers
from hub.tenancy.context import current_tenant_id
from hub.tenancy.statements import ask

# One look-up by index per account: without statistics (a tenant's first import) joins go astray.
REFRESH = """
UPDATE accounts_accountfacts f SET
    milestones_done = x.done, milestones_required = x.required, milestones_overdue = x.overdue,
    activated_on = x.activated_on
FROM (
    SELECT a.id, m.done, m.required, m.overdue, p.activated_on
    FROM accounts_account a
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE required AND completed_at IS NOT NULL) AS done,
            count(*) FILTER (WHERE required) AS required,
            count(*) FILTER (WHERE required AND completed_at IS NULL AND due_on < %(today)s) AS overdue
        FROM plans_milestone WHERE tenant_id = a.tenant_id AND account_id = a.id
    ) m
    CROSS JOIN LATERAL (
        SELECT max(activated_at)::date AS activated_on
        FROM plans_onboardingplan WHERE tenant_id = a.tenant_id AND account_id = a.id
    ) p
    WHERE a.tenant_id = %(tenant)s AND a.id = ANY(%(ids)s)
) x
WHERE f.tenant_id = %(tenant)s AND f.account_id = x.id
    AND (f.milestones_done, f.milestones_required, f.milestones_overdue, f.activated_on)
        IS DISTINCT FROM (x.done, x.required, x.overdue, x.activated_on)
"""


_REQUIRED = "FROM plans_milestone u WHERE u.tenant_id = a.tenant_id AND u.account_id = a.id AND u.required"
# What each was at the end of an earlier day, by the milestones that the plan has today.
PAST: Mapping[str, Expression] = {
    "milestones_done": Expression(f"(SELECT count(*) {_REQUIRED} AND u.completed_at < %s::date + 1)", (TODAY,)),
    "milestones_required": Expression(f"(SELECT count(*) {_REQUIRED})"),
    "milestones_overdue": Expression(
        f"(SELECT count(*) {_REQUIRED} AND u.due_on < %s::date"
        " AND (u.completed_at IS NULL OR u.completed_at >= %s::date + 1))",
        (TODAY, TODAY),
    ),
    "activated_on": Expression(
        "(SELECT max(u.activated_at)::date FROM plans_onboardingplan u WHERE u.tenant_id = a.tenant_id"
        " AND u.account_id = a.id AND u.activated_at < %s::date + 1)",
        (TODAY,),
    ),
}


def refresh(account_ids: Sequence[UUID], today: date) -> None:
    ask(REFRESH, {"tenant": current_tenant_id(), "ids": list(account_ids), "today": today})


def register() -> None:
    refreshers.register(FactRefresher("plans", refresh, order=50))

    def fact(name: str, label: str, kind: FactKind = FactKind.NUMBER, unit: str = "milestones") -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", "onboarding plan", "at once", unit, 50, past=PAST[name]))

    fact("milestones_done", "required milestones done")
    fact("milestones_required", "required milestones")
    fact("milestones_overdue", "overdue milestones")
    fact("activated_on", "activation date", FactKind.DATE, "")
