"""What is done with tasks, playbooks, notes and calendars."""

from hub.work.services.acting import Act, Action, act_check, task_close, tasks_act
from hub.work.services.feeds import feed_make, feed_revoke
from hub.work.services.notes import note_add
from hub.work.services.opening import task_open
from hub.work.services.playbooks import (
    PlaybookChanged,
    playbook_archive,
    playbook_save,
    playbooks_ensure,
)
from hub.work.services.ticking import task_tick

__all__ = [
    "Act",
    "Action",
    "PlaybookChanged",
    "act_check",
    "feed_make",
    "feed_revoke",
    "note_add",
    "playbook_archive",
    "playbook_save",
    "playbooks_ensure",
    "task_close",
    "task_open",
    "task_tick",
    "tasks_act",
]
