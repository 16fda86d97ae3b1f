"""Open a task with a playbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from hub.tenancy.remembering import current_tenant
from hub.work.models import Helped, Playbook, Task, TaskStatus
from journeys.decisions.acts.base import Config, Hindrance, Hindrances, PlayAct, Plays
from journeys.decisions.models import Choice
from journeys.decisions.terms import PlayError, Terms
from journeys.waits import due_at, parse_wait
from journeys.world import World
from signals.models import Signal, Trigger

OPEN: Final = "task.open"
LONGEST_TITLE: Final = 200
LONGEST_PLAYBOOK: Final = 10_000
USUAL_DAYS: Final = 2


def check(config: Config) -> None:
    title, playbook = config.get("title"), config.get("playbook", "")
    if not isinstance(title, str) or not title.strip() or len(title) > LONGEST_TITLE:
        raise PlayError("config", f"say what is to be done, in at most {LONGEST_TITLE} characters")
    if not isinstance(playbook, str) or len(playbook) > LONGEST_PLAYBOOK:
        raise PlayError("config", f"a playbook has at most {LONGEST_PLAYBOOK} characters")
    key = config.get("playbook_key", "")
    if not isinstance(key, str) or (key and not Playbook.objects.filter(key=key[:64], is_active=True).exists()):
        raise PlayError("config", "choose a playbook that there is")
    days = config.get("due_business_days", USUAL_DAYS)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= 90:
        raise PlayError("config", "due within 0 to 90 business days")


def words(config: Config) -> str:
    return f"open the task “{config.get('title', '')}”"


def hindrances(world: World, plays: Plays) -> Hindrances:
    """A task of the play that is open yet."""
    made = Choice.objects.filter(account_id__in=list(world.account_ids), play__key__in=list(plays), status="done")
    causes = {f"choice:{pk}": (account, key) for pk, account, key in made.values_list("pk", "account_id", "play__key")}
    open_ones = Task.objects.filter(account_id__in=list(world.account_ids), status=TaskStatus.OPEN, origin="choice")
    found: dict[tuple[UUID, str], Hindrance] = {}
    for key, title in open_ones.values_list("origin_key", "title"):
        if key in causes:
            found[causes[key]] = Hindrance(running=f"the task “{title}” is open")
    return found


def params(choice: Choice, terms: Terms) -> dict[str, Any]:
    told = {"title": terms.config["title"], "playbook": terms.config.get("playbook", "")}
    told["playbook_key"] = terms.config.get("playbook_key", "")
    told |= {"origin": "choice", "label": choice.play.name, "assignee": choice.edits.get("assignee")}
    days = terms.config.get("due_business_days", USUAL_DAYS)
    return {**told, "due_at": _due(choice.account_id, days)}


def _due(account_id: UUID, days: int) -> datetime:

    now = timezone.now()
    if not days:
        return now + timedelta(hours=8)
    world = World(current_tenant(), [account_id], now)
    rule = parse_wait({"business_days": days, "at": "17:00"})
    due: datetime = due_at(rule, now, world.zone(account_id), world.calendar)
    return due


def outcomes(world: World, terms: Terms, choices: Sequence[Choice]) -> Mapping[UUID, bool]:
    """Done, and what it was for has come about; dismissed is no success, nor what helped nothing by who did it."""
    keys = [choice.action_cause for choice in choices]
    done = Task.objects.filter(origin_key__in=keys, status=TaskStatus.DONE).exclude(helped=Helped.NO)
    succeeded = set(done.values_list("origin_key", flat=True))
    reached = measured(world, terms, choices)
    return {c.pk: c.action_cause in succeeded and reached.get(c.pk, True) for c in choices}


def measured(world: World, terms: Terms, choices: Sequence[Choice]) -> Mapping[UUID, bool]:
    """The play's own rule since the choice; without one, that the signal it answered is true no more.

    Of signals that tell an event nothing is said: they are never over.
    """
    if terms.success is not None:
        return {c.pk: world.holds_since(terms.success, c.account_id, c.at) for c in choices}
    computed = Signal.objects.filter(
        pk__in=[c.signal_id for c in choices if c.signal_id], trigger__kind=Trigger.Kind.COMPUTED
    )
    cleared = dict(computed.values_list("pk", "cleared_at"))
    return {c.pk: cleared[c.signal_id] is not None for c in choices if c.signal_id in cleared}


ACT = PlayAct(
    OPEN, "Open a task", check, words, hindrances, lambda config, world: False, params, outcomes, measured, order=20
)
