"""Work of people: tasks with a due time and a playbook, notes on an account, calendars to subscribe to."""

from hub.work.models.feeds import CalendarFeed
from hub.work.models.notes import Note
from hub.work.models.playbooks import Clock, Playbook, PlaybookVersion
from hub.work.models.tasks import Helped, Response, Task, TaskStatus, TaskTick

__all__ = [
    "CalendarFeed",
    "Clock",
    "Helped",
    "Note",
    "Playbook",
    "PlaybookVersion",
    "Response",
    "Task",
    "TaskStatus",
    "TaskTick",
]
