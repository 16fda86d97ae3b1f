"""What a step asks: which arm is this account's, and what does the step do in it?"""

from __future__ import annotations

from typing import Any

from journeys.experiments.arms import with_arm
from journeys.steps.base import Stand


def dealt(stand: Stand) -> dict[str, Any]:
    """The arm of the account on a step with arms, as evidence; nothing where no experiment has a say."""
    config, enrollment = stand.node.config, stand.enrollment
    if "arms" not in config:
        return {}
    dealer, place = stand.world.dealer, (enrollment.journey_id, stand.node.id)
    phase = dealer.phase(place, config)
    if phase is None:
        chosen = dealer.chosen(place, config)
        return {} if chosen is None else {"arm": chosen}
    assigned = dealer.arm(phase, enrollment.account_id, enrollment.pk, held_out=enrollment.held_out)
    if assigned._state.adding:
        stand.effects.assignments.append(assigned)
    return {"arm": assigned.arm, "experiment": str(phase.experiment_id), "phase": phase.number}


def armed(stand: Stand) -> tuple[dict[str, Any], dict[str, Any]]:
    """The step as the account's arm does it, and the arm as evidence. Without an experiment it is the step itself."""
    told = dealt(stand)
    return with_arm(stand.node.config, told.get("arm", -1)), told
