"""Actions: what an app can be asked to do by name (``qbr.update``, ``ask.create`` …)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One call: for which account, with what, and caused by which row.

    ``cause`` names the asking row (``step_run:<id>``) and is the idempotency key: the same
    cause asked twice does the thing once.
    """

    tenant_id: UUID
    account_id: UUID
    cause: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What came of it: done or not, a reason code when not, and a sentence for people."""

    done: bool
    reason: str = ""
    text: str = ""


Run: TypeAlias = Callable[[ActionRequest], ActionResult]
Outcomes: TypeAlias = Callable[[Sequence[str]], Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Action:
    """A named action; ``params`` maps each parameter to what it means, for builders.

    ``outcomes(causes)`` tells, where the app can, whether what was asked for came about; what is open is left out.
    """

    key: str
    title: str
    run: Run
    params: Mapping[str, str] = field(default_factory=dict)
    order: int = 100
    outcomes: Outcomes | None = None


actions: Registry[Action] = Registry("action")


def perform(key: str, request: ActionRequest) -> ActionResult:
    """Run the action called ``key``; raises NotRegistered when nobody offers it."""
    return actions.get(key).run(request)
