from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from hub.plans.models import Milestone, OnboardingPlan

BEHIND_AFTER_DAYS = 7


@dataclass(frozen=True)
class PlanProgress:
    """An onboarding plan as pages show it. `status` is on_track, behind, stuck or done; counts are of required ones."""

    plan: OnboardingPlan
    milestones: list[Milestone]
    done: int
    required: int
    next: Milestone | None
    status: str

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.required) if self.required else 100

    @property
    def status_label(self) -> str:
        return {"on_track": "On track", "behind": "Behind", "stuck": "Stuck", "done": "Activated"}[self.status]


def plan_progress(account_id: UUID, today: date) -> PlanProgress | None:
    """The latest plan of an account with its milestones in order; None without a plan. Two queries."""
    plan = (
        OnboardingPlan.objects.prefetch_related("milestones")
        .filter(account_id=account_id)
        .order_by("-started_on", "-id")
        .first()
    )
    if plan is None:
        return None
    milestones = sorted(plan.milestones.all(), key=lambda milestone: milestone.position)
    required = [milestone for milestone in milestones if milestone.required]
    open_ones = [milestone for milestone in milestones if milestone.completed_at is None]
    following = next((m for m in open_ones if m.required), open_ones[0] if open_ones else None)
    return PlanProgress(
        plan=plan,
        milestones=milestones,
        done=sum(m.completed_at is not None for m in required),
        required=len(required),
        next=following,
        status=_status(plan, required, today),
    )


def _status(plan: OnboardingPlan, required: list[Milestone], today: date) -> str:
    """Done, or by the oldest overdue required milestone: up to a week late is *behind*, longer is *stuck*."""
    if plan.activated_at:
        return "done"
    late = [(today - m.due_on).days for m in required if m.completed_at is None and m.due_on and m.due_on < today]
    if not late:
        return "on_track"
    return "stuck" if max(late) > BEHIND_AFTER_DAYS else "behind"
