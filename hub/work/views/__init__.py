"""Pages of work: tasks, acts on them, playbooks, figures, calendars, notes."""
