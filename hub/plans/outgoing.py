"""What other systems are told about onboarding."""

from __future__ import annotations

from hub.plans.models import Milestone
from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell

COMPLETED = "milestone.completed"
DATA = ("id", "account_id", "account_name", "plan", "key", "title", "required", "completed_at", "completed_via")


def register() -> None:
    outgoing_kinds.register(OutgoingKind(COMPLETED, "A milestone of an onboarding plan was reached.", DATA, 70))


def completed(milestone: Milestone) -> None:
    tell(COMPLETED, lambda: [_happening(milestone)])


def _happening(milestone: Milestone) -> Happening:
    at = milestone.completed_at
    assert at is not None
    data = {
        "id": str(milestone.pk),
        "account_id": str(milestone.account_id),
        "account_name": milestone.account.name,
        "plan": milestone.plan.name,
        "key": milestone.key,
        "title": milestone.title,
        "required": milestone.required,
        "completed_at": at.isoformat(),
        "completed_via": milestone.completed_via,
    }
    return Happening(str(milestone.pk), data, at, milestone.account_id)
