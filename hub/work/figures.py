"""How tasks go: answered in time, completed, what helped; in all, by playbook and by person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet

from hub.people.models import User
from hub.work.models import Helped, Playbook, Task, TaskStatus

WINDOWS: Final = (30, 90)


@dataclass(frozen=True, slots=True)
class Figures:
    """Tasks opened within a window.

    ``settled`` are those that are closed or overdue, ``judged`` those that were begun or whose time to begin is over;
    both shares are None where there is nothing to judge yet.
    """

    name: str
    opened: int
    done: int
    dismissed: int
    overdue: int
    judged: int
    in_time: int
    did_help: int
    did_not: int

    @property
    def settled(self) -> int:
        return self.done + self.dismissed + self.overdue

    @property
    def completion(self) -> float | None:
        """Done ÷ settled."""
        return self.done / self.settled if self.settled else None

    @property
    def answered(self) -> float | None:
        """Begun in time ÷ judged."""
        return self.in_time / self.judged if self.judged else None


def _counts(now: datetime) -> dict[str, Count]:
    is_open = Q(status=TaskStatus.OPEN)
    begun, late = Q(responded_at__isnull=False), Q(respond_by__lt=now)
    return {
        "opened": Count("pk"),
        "done": Count("pk", filter=Q(status=TaskStatus.DONE)),
        "dismissed": Count("pk", filter=Q(status=TaskStatus.DISMISSED)),
        "overdue": Count("pk", filter=is_open & Q(due_at__lt=now)),
        "judged": Count("pk", filter=Q(respond_by__isnull=False) & (begun | late)),
        "in_time": Count("pk", filter=Q(responded_at__lte=F("respond_by"))),
        "did_help": Count("pk", filter=Q(helped=Helped.YES)),
        "did_not": Count("pk", filter=Q(helped=Helped.NO)),
    }


def _within(days: int, now: datetime) -> QuerySet[Task]:
    tasks: QuerySet[Task] = Task.objects.filter(created_at__gte=now - timedelta(days=days)).order_by()
    return tasks


def figures(days: int, now: datetime) -> Figures:
    """All tasks of the window; one query."""
    return Figures("All tasks", **_within(days, now).aggregate(**_counts(now)))


def by_playbook(days: int, now: datetime) -> list[Figures]:
    """The tasks of each playbook, of all its versions; tasks without one last. Two queries."""
    rows = _within(days, now).values("playbook_version__playbook").annotate(**_counts(now))
    names = dict(Playbook.objects.values_list("pk", "name"))
    found = [_named(row, "playbook_version__playbook", names, "No playbook") for row in rows]
    return sorted(found, key=lambda f: (f.name == "No playbook", f.name))


def by_person(days: int, now: datetime) -> list[Figures]:
    """The tasks of each person, as they are assigned now. Two queries."""
    rows = list(_within(days, now).values("assignee").annotate(**_counts(now)))
    people = User.objects.in_bulk([row["assignee"] for row in rows if row["assignee"]])
    names = {pk: str(user) for pk, user in people.items()}
    found = [_named(row, "assignee", names, "Nobody") for row in rows]
    return sorted(found, key=lambda f: (f.name == "Nobody", f.name.lower()))


def _named(given: Mapping[str, Any], key: str, names: dict[Any, str], otherwise: str) -> Figures:
    row = dict(given)
    group = row.pop(key)
    return Figures(names.get(group, otherwise), **row)
