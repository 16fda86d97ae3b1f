"""Tasks as a calendar file: of one task, and of a person's open ones at an address to subscribe to.

Events, not to-dos: the calendars that people subscribe with show VEVENT everywhere and leave VTODO out. They are
transparent, so a task makes nobody busy.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from icalendar import Calendar, Event

from hub.tenancy.models import Tenant
from hub.work.models import CalendarFeed, Task

LENGTH: Final = timedelta(minutes=30)
MOST: Final = 500


def moment_of(task: Task) -> datetime | None:
    """When the event of a task ends: when it is due, else when it has to be begun."""
    return task.due_at or task.respond_by


def calendar_of_tasks(tasks: Iterable[Task], *, tenant: Tenant, name: str, now: datetime) -> bytes:
    """An iCalendar file of tasks with accounts; those without any time are left out."""
    calendar = Calendar()
    calendar.add("prodid", "-//Tandem//Tasks//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _line(name))
    for task in tasks:
        if ends := moment_of(task):
            calendar.add_component(_event(task, ends, tenant, now))
    written: bytes = calendar.to_ical()
    return written


def _event(task: Task, ends: datetime, tenant: Tenant, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"task-{task.pk}@tandem")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", (ends - LENGTH).astimezone(UTC))
    event.add("dtend", ends.astimezone(UTC))
    event.add("summary", _line(f"{task.title} ({task.account.name})"))
    event.add("url", task_url(tenant, task))
    event.add("transp", "TRANSPARENT")
    if task.playbook:
        event.add("description", _plain(task.playbook))
    return event


def _plain(text: str) -> str:
    """Text without control characters, which some readers take for the end of a line; line breaks are kept."""
    lines = text.splitlines()
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)


def _line(text: str) -> str:
    """Text on one line."""
    return " ".join(_plain(text).split())


def task_url(tenant: Tenant, task: Task) -> str:
    """The page of a task as an absolute address."""
    return settings.PUBLIC_URL + reverse("work:task", kwargs={"tenant": tenant.slug, "task_id": task.pk})


def feed_url(tenant: Tenant, feed: CalendarFeed) -> str:
    """The address that a calendar subscribes to."""
    where = {"tenant": tenant.slug, "feed_id": feed.pk, "signature": _signature(tenant.pk, feed.pk)}
    return settings.PUBLIC_URL + reverse("work_public:feed", kwargs=where)


def is_signed(tenant_id: UUID, feed_id: UUID, signature: str) -> bool:
    """Whether an address was made here, by the key of now or by one of before that still counts."""
    try:
        _signer().unsign(f"{tenant_id}:{feed_id}:{signature}")
    except BadSignature:
        return False
    return True


def _signature(tenant_id: UUID, feed_id: UUID) -> str:
    return _signer().signature(f"{tenant_id}:{feed_id}")


def _signer() -> Signer:
    # Made anew each time: calendars go on asking under SECRET_KEY_FALLBACKS.
    return Signer(salt="tandem.calendar")
