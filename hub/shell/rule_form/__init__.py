"""The form that makes a rule: rows of what, how and value, in one level of groups. Filters and triggers share it."""

from hub.shell.rule_form.draft import MOST_ROWS, Draft, Group, Row, acted, typed
from hub.shell.rule_form.fields import builder_context, group_context, row_context
from hub.shell.rule_form.reading import Read, read_draft
from hub.shell.rule_form.showing import draft_of

__all__ = [
    "MOST_ROWS",
    "Draft",
    "Group",
    "Read",
    "Row",
    "acted",
    "builder_context",
    "draft_of",
    "group_context",
    "read_draft",
    "row_context",
    "typed",
]
