"""What other apps may ask of work by name."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from hub.people.selectors import works_here
from hub.registry.actions import Action, ActionRequest, ActionResult, actions
from hub.work.services import task_open

OPEN = "task.open"


def open_task(request: ActionRequest) -> ActionResult:
    """Open a task for ``assignee``, else for the account's owner; once for each cause."""
    params = request.params
    assignee = UUID(str(params["assignee"])) if params.get("assignee") else None
    task = task_open(
        account_id=request.account_id,
        title=str(params["title"]),
        playbook=str(params.get("playbook", "")),
        playbook_key=str(params.get("playbook_key", "")),
        origin_key=request.cause,
        origin=str(params.get("origin", "")),
        origin_label=str(params.get("label", "")),
        # Who was named may have left since: then it is the owner's.
        assignee_id=assignee if assignee and works_here(assignee) else None,
        due_at=cast("datetime | None", params.get("due_at")),
    )
    return ActionResult(True, text=f"Task “{task.title}” is open")


def register() -> None:
    params = {
        "title": "what is to be done",
        "playbook": "what to do in words of its own",
        "playbook_key": "which kind of task it is",
        "assignee": "id of a person",
        "due_at": "until when",
    }
    actions.register(Action(OPEN, "Open a task", open_task, params))
