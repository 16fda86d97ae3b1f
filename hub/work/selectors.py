"""What is read of tasks and playbooks: the list and its filters, one task with its playbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from hub.work.models import Playbook, PlaybookVersion, Task, TaskStatus, TaskTick

FILTERS: Final = ("whose", "due", "status", "playbook")
DUE: Final = {
    "overdue": "Overdue",
    "unanswered": "Not begun in time",
    "week": "Within 7 days",
    "later": "Later",
    "none": "Without a day",
}
TABS: Final = {"open": "To do", "snoozed": "Snoozed", "done": "Done", "dismissed": "Dismissed"}
WEEK: Final = timedelta(days=7)
ROW: Final = ("account", "assignee", "closed_by", "responded_by", "playbook_version__playbook")


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """What the list is narrowed to; a key that nobody offers narrows nothing."""

    status: str = "open"
    due: str = ""
    playbook: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> TaskQuery:
        status, due = given.get("status", ""), given.get("due", "")
        return cls(
            status if status in TABS else "open",
            due_read(due),
            given.get("playbook", "").replace("\x00", "")[:64],
        )

    @property
    def is_open(self) -> bool:
        return self.status in ("open", "snoozed")

    @property
    def exported(self) -> str:
        """The status that a file of the list is narrowed to."""
        return "open" if self.is_open else self.status

    @property
    def narrows(self) -> bool:
        return bool(self.due or self.playbook)


def due_read(text: str) -> str:
    """A key of `DUE`; "" for what nobody offers."""
    return text if text in DUE else ""


def due_tasks(tasks: QuerySet[Task], due: str, now: datetime) -> QuerySet[Task]:
    """Those of `tasks` that are due as `due` says, a key of `DUE`; all of them for ""."""
    bounds: dict[str, dict[str, object]] = {
        "overdue": {"due_at__lt": now},
        "unanswered": {"respond_by__lt": now, "responded_at__isnull": True},
        "week": {"due_at__gte": now, "due_at__lt": now + WEEK},
        "later": {"due_at__gte": now + WEEK},
        "none": {"due_at__isnull": True},
    }
    return tasks.filter(**bounds.get(due, {}))


def tasks_listed(query: TaskQuery, *, assignee_id: UUID | None, now: datetime) -> QuerySet[Task]:
    """The tasks of a list: open ones with the most urgent first, closed ones with the latest first."""
    tasks: QuerySet[Task] = Task.objects.select_related(*ROW).filter(_of_tab(query.status, now))
    if assignee_id is not None:
        tasks = tasks.filter(assignee_id=assignee_id)
    if query.playbook:
        tasks = tasks.filter(playbook_version__playbook__key=query.playbook)
    tasks = due_tasks(tasks, query.due, now)
    if query.status in ("done", "dismissed"):
        return tasks.order_by("-closed_at", "-id")
    if query.status == "snoozed":
        return tasks.order_by("snoozed_until", "id")
    return tasks.order_by(F("due_at").asc(nulls_last=True), "id")


def _of_tab(status: str, now: datetime) -> Q:
    awake = Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=now)
    match status:
        case "open":
            return Q(status=TaskStatus.OPEN) & awake
        case "snoozed":
            return Q(status=TaskStatus.OPEN, snoozed_until__gt=now)
        case _:
            return Q(status=status)


def tab_counts(*, assignee_id: UUID | None, now: datetime) -> dict[str, int]:
    """How many tasks are to do and how many are snoozed; one query. Closed ones are not counted: they only grow."""
    tasks = Task.objects.filter(status=TaskStatus.OPEN)
    if assignee_id is not None:
        tasks = tasks.filter(assignee_id=assignee_id)
    found: dict[str, int] = tasks.aggregate(
        open=Count("pk", filter=_of_tab("open", now)), snoozed=Count("pk", filter=_of_tab("snoozed", now))
    )
    return found


def open_tasks(
    *, assignee_id: UUID | None = None, account_id: UUID | None = None, awake: bool = False
) -> QuerySet[Task]:
    """Open tasks, the most urgent first; narrowed to a person or an account, ``awake``: without those snoozed."""
    tasks = Task.objects.select_related(*ROW).filter(status=TaskStatus.OPEN)
    if awake:
        tasks = tasks.filter(_of_tab("open", timezone.now()))
    if assignee_id is not None:
        tasks = tasks.filter(assignee_id=assignee_id)
    if account_id is not None:
        tasks = tasks.filter(account_id=account_id)
    ordered: QuerySet[Task] = tasks.order_by(F("due_at").asc(nulls_last=True), "id")
    return ordered


# --- Playbooks ----------------------------------------------------------------------------------------------------


def live_version(key: str) -> PlaybookVersion | None:
    """What a playbook says now; None for a key that nobody keeps, or that was put away."""
    found: PlaybookVersion | None = (
        PlaybookVersion.objects.filter(playbook__key=key, playbook__is_active=True, number=F("playbook__live"))
        .select_related("playbook")
        .first()
    )
    return found


def playbooks_listed(*, archived: bool = False) -> list[Playbook]:
    """Playbooks by name, each with the number of its open tasks as ``open_count``."""
    counted = Count("versions__tasks", filter=Q(versions__tasks__status=TaskStatus.OPEN))
    return list(Playbook.objects.filter(is_active=not archived).annotate(open_count=counted).order_by("name", "id"))


def playbook_choices() -> list[tuple[str, str]]:
    """(key, name) of the playbooks that new tasks may name."""
    return list(Playbook.objects.filter(is_active=True).order_by("name", "id").values_list("key", "name"))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a task's playbook, with who ticked it and when."""

    key: str
    text: str
    tick: TaskTick | None


def steps_of_task(task: Task) -> list[Step]:
    """The steps that the person works by, in order."""
    if task.playbook_version is None:
        return []
    ticks = {tick.step: tick for tick in TaskTick.objects.filter(task=task).select_related("by")}
    return [Step(step["key"], step["text"], ticks.get(step["key"])) for step in task.playbook_version.steps]


def ticked_counts(tasks: Sequence[Task]) -> dict[Any, int]:
    """Task → how many of its steps are ticked; one query, none where no task has a playbook."""
    ids = [task.pk for task in tasks if task.playbook_version_id]
    if not ids:
        return {}
    rows = TaskTick.objects.filter(task_id__in=ids).order_by().values("task_id").annotate(n=Count("pk"))
    return {row["task_id"]: row["n"] for row in rows}
