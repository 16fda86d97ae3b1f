"""Tasks of the demo: some are done and some of those helped, one is put off, one is begun, some wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.utils import timezone

from hub.accounts.models import Account
from hub.people.audit import Actor
from hub.people.models import User
from hub.work.services import Act, Action, feed_make, playbooks_ensure, task_open, task_tick, tasks_act
from journeys.library import LIBRARY

HELPED: Final = Act(Action.COMPLETE, helped="yes", note="Three goals, each with a date")
LATER: Final = Act(Action.COMPLETE, helped="too_soon", note="They think it over")
NOT: Final = Act(Action.COMPLETE, helped="no", note="The new one stays with what they know")
NEEDLESS: Final = Act(Action.DISMISS, note="Done in the call already")
# Title, key of the playbook, what was done with it.
TASKS: Final[tuple[tuple[str, str, Act | None], ...]] = (
    ("Agree on goals for the first quarter", "first-objectives", HELPED),
    ("Bring the figures of their quota", "upgrade-call", LATER),
    ("Thank them for the review", "thank-advocate", HELPED),
    ("Meet who takes over", "meet-replacement", NOT),
    ("Write down what the escalation cost them", "after-escalation", NEEDLESS),
    ("Value and ROI document", "renewal-document", None),
    ("Carry the new use to the next team", "spread-use-case", None),
    ("Find a champion", "find-champion", None),
)


def tasks_live(csms: Sequence[User], actor: Actor) -> None:
    """A week of tasks, of the accounts of each CSM in turn."""
    playbooks_ensure(specs=[spec for ready in LIBRARY for spec in ready.playbooks], actor=actor)
    for number, (title, playbook, act) in enumerate(TASKS):
        user = csms[number % len(csms)]
        account = Account.objects.filter(owner=user).order_by("name", "pk")[number // len(csms)]
        task = task_open(
            account_id=account.pk, title=f"{title}: {account.name}", origin_key=f"demo:{number}", origin="demo",
            origin_label="The demo", playbook_key=playbook, due_at=timezone.now() + timedelta(days=number - 4),
        )  # fmt: skip
        if act is not None:
            tasks_act(ids=[task.pk], act=act, actor=actor, user=user)
        elif number == 5:
            for step in ("s1", "s2"):
                task_tick(task_id=task.pk, step=step, on=True, user=user, actor=actor)
        elif number == 6:
            until = timezone.now() + timedelta(days=5)
            tasks_act(ids=[task.pk], act=Act(Action.SNOOZE, until=until, note="They are away"), actor=actor, user=user)
    feed_make(user=csms[0], actor=actor)
