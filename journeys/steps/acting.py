"""What the steps share that ask another app, by the name of an action, to do something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.registry.actions import ActionRequest, actions, perform
from hub.tenancy.context import current_tenant_id
from journeys.steps.base import Answer, Go, Stand


def ask(stand: Stand, action: str, params: Mapping[str, Any]) -> Answer:
    """Have an action done, once per visit; what is not done is skipped with the action's reason code."""
    if action not in actions:
        return Go(outcome="failed", reason="no_action", evidence={"action": action})
    request = ActionRequest(current_tenant_id(), stand.enrollment.account_id, stand.key, params)
    result = perform(action, request)
    if not result.done:
        return Go(outcome="skipped", reason=result.reason, evidence={"action": action, "text": result.text})
    return Go(evidence={"action": action, "text": result.text})


def where(stand: Stand) -> dict[str, Any]:
    """Which account came to which step, for those who are told of it."""
    return {
        "account_id": str(stand.enrollment.account_id),
        "account_name": stand.account.name,
        "journey": stand.journey.key,
        "version": stand.enrollment.version,
        "step": stand.node.id,
        "enrollment_id": str(stand.enrollment.pk),
    }
