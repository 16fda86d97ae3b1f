"""What other apps may ask of advocacy by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from advocacy.asks.models import Ask, AskKind, AskStatus
from advocacy.asks.services import AskRefused, ask_create
from advocacy.resources.models import Resource
from advocacy.resources.services import resource_unlock
from hub.accounts.models import Account
from hub.registry.actions import Action, ActionRequest, ActionResult, actions

UNLOCK, ASK = "resource.unlock", "ask.create"


def unlock(request: ActionRequest) -> ActionResult:
    """Unlock the resource called ``resource`` for the account."""
    resource = Resource.objects.filter(key=str(request.params["resource"]), archived_at__isnull=True).first()
    if resource is None:
        return ActionResult(False, "no_such_resource", "there is no such resource, or it was put away")
    account = Account.objects.get(pk=request.account_id)
    new = resource_unlock(resource=resource, account=account, cause=request.cause)
    return ActionResult(True, text=f"“{resource.title}” unlocked" if new else f"“{resource.title}” was unlocked before")


def ask(request: ActionRequest) -> ActionResult:
    """Ask a contact of the account for something of this ``kind``."""
    kind = str(request.params["kind"])
    if kind not in AskKind.values:
        return ActionResult(False, "no_such_ask", f"nobody can be asked for {kind!r}")
    try:
        made = ask_create(
            account=Account.objects.get(pk=request.account_id),
            kind=kind,
            roles=cast("Sequence[str]", request.params.get("roles") or ()),
            text=str(request.params.get("text", "")),
            cause=request.cause,
        )
    except AskRefused as refusal:
        return ActionResult(False, refusal.reason, "nobody is asked now")
    return ActionResult(True, text=f"{made.contact} is asked for: {made.get_kind_display()}")


def answers(causes: Sequence[str]) -> Mapping[str, bool]:
    """By cause: whether the ask was accepted; those without an answer are left out. One query."""
    rows = Ask.objects.filter(cause__in=list(causes)).exclude(status=AskStatus.OPEN)
    return {cause: status == AskStatus.ACCEPTED for cause, status in rows.values_list("cause", "status")}


def register() -> None:
    actions.register(Action(UNLOCK, "Unlock a resource", unlock, {"resource": "its key"}))
    params = {"kind": ", ".join(AskKind.values), "roles": "who is asked, best first", "text": "what is said"}
    actions.register(Action(ASK, "Ask an advocate", ask, params, outcomes=answers))
