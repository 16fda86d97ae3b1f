"""Onboarding facts."""

from __future__ import annotations

from collections.abc import Mapping

from hub.registry.facts import TODAY, Expression, Fact, FactColumns, FactKind, fact_columns, facts

TABLES = """
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE required AND completed_at IS NOT NULL) AS done,
        count(*) FILTER (WHERE required) AS required,
        count(*) FILTER (WHERE required AND completed_at IS NULL AND due_on < %(today)s::date) AS overdue
    FROM plans_milestone WHERE tenant_id = a.tenant_id AND account_id = a.id
) milestones
CROSS JOIN LATERAL (
    SELECT max(activated_at)::date AS activated_on
    FROM plans_onboardingplan WHERE tenant_id = a.tenant_id AND account_id = a.id
) onboarding
"""
COLUMNS = {
    "milestones_done": "milestones.done",
    "milestones_required": "milestones.required",
    "milestones_overdue": "milestones.overdue",
    "activated_on": "onboarding.activated_on",
}


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


def register() -> None:
    fact_columns.register(FactColumns("plans", COLUMNS, TABLES, order=50))

    def fact(name: str, label: str, kind: FactKind = FactKind.NUMBER, unit: str = "milestones") -> None:
        facts.register(Fact(name, label, kind, f"f.{name}", "onboarding plan", "at once", unit, 50, past=PAST[name]))

    fact("milestones_done", "required milestones done")
    fact("milestones_required", "required milestones")
    fact("milestones_overdue", "overdue milestones")
    fact("activated_on", "activation date", FactKind.DATE, "")
