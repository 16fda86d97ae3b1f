"""Tasks in calendars: what a file says, and who may read the address of a subscription."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.signing import Signer
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.calendar import feed_url
from hub.work.models import CalendarFeed, Task
from hub.work.services import Act, Action, feed_make, feed_revoke, task_open, tasks_act
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_member

HOSTILE = [
    "Call\r\nATTENDEE:mailto:evil@x.example\r\n",
    "END:VEVENT\nBEGIN:VALARM",
    "a\x0bb\x00c\u2028d;,\\",
    "é" * 120 + "🦊" * 40,
]


def read(content: bytes) -> Calendar:
    found = Calendar.from_ical(content)
    assert isinstance(found, Calendar)
    return found


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_name_stays_a_name(acme: Tenant, title: str) -> None:
    with tenant_context(acme):
        account = make_account("Evil\r\nBEGIN:VEVENT")
        task = task_open(
            account_id=account.pk, title=title.replace("\x00", ""), origin_key="t", playbook=title.replace("\x00", ""),
            due_at=timezone.now(),
        )  # fmt: skip
    answer = staff(acme, "admin").get(f"/t/acme/tasks/{task.pk}/task.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    calendar = read(answer.content)
    (event,) = calendar.subcomponents
    assert (event.name, event.subcomponents, "ATTENDEE" in event) == ("VEVENT", [], False)
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    assert set(event) == {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "URL", "TRANSP", "DESCRIPTION"}


def test_a_task_without_any_time_has_no_file(acme: Tenant) -> None:
    with tenant_context(acme):
        task = task_open(account_id=make_account().pk, title="T", origin_key="t", origin="staff")
    assert staff(acme, "admin").get(f"/t/acme/tasks/{task.pk}/task.ics").status_code == 404


def feed_of(tenant: Tenant) -> tuple[str, CalendarFeed]:
    member = make_member(tenant, "csm", password=None)
    with tenant_context(tenant):
        account = make_account(owner_id=member.user_id)
        for title in ("Call them", "Done long ago", "Later"):
            task_open(account_id=account.pk, title=title, origin_key=title, due_at=timezone.now())
        tasks = {task.title: task.pk for task in Task.objects.all()}
        tasks_act(ids=[tasks["Done long ago"]], act=Act(Action.COMPLETE), actor=ACTOR)
        until = timezone.now() + timedelta(days=3)
        tasks_act(ids=[tasks["Later"]], act=Act(Action.SNOOZE, until=until, note="Away"), actor=ACTOR)
        task_open(account_id=make_account("Other").pk, title="Somebody else's", origin_key="x", due_at=timezone.now())
        feed = feed_make(user=member.user, actor=ACTOR)
    return urlsplit(feed_url(tenant, feed)).path, feed


def test_a_calendar_reads_a_persons_open_tasks_without_a_session(acme: Tenant) -> None:
    path, _ = feed_of(acme)
    answer = Client().get(path)
    assert [str(event["SUMMARY"]) for event in read(answer.content).subcomponents] == ["Call them (Northwind)"]
    assert (answer["Cache-Control"], answer.cookies) == ("private, no-store", {})
    with tenant_context(acme):
        first = CalendarFeed.objects.get().last_read_at
        assert first is not None
    Client().get(path)
    with tenant_context(acme):
        assert CalendarFeed.objects.get().last_read_at == first  # by the hour


def test_an_address_that_was_taken_back_renewed_or_changed_is_404(acme: Tenant, globex: Tenant) -> None:
    path, feed = feed_of(acme)
    changed = path.replace("/tasks.ics", "x/tasks.ics")
    for wrong in (changed, path.replace("/acme/", "/globex/"), path.replace("/acme/", "/nobody/")):
        assert Client().get(wrong).status_code == 404
    with tenant_context(acme):
        newer = urlsplit(feed_url(acme, feed_make(user=feed.user, actor=ACTOR))).path
    assert (Client().get(path).status_code, Client().get(newer).status_code) == (404, 200)
    with tenant_context(acme):
        assert feed_revoke(user=feed.user, actor=ACTOR)
        assert not feed_revoke(user=feed.user, actor=ACTOR)
    assert Client().get(newer).status_code == 404


def test_who_no_longer_works_here_has_no_calendar(acme: Tenant) -> None:
    path, _ = feed_of(acme)
    acme.memberships.update(is_active=False)
    assert Client().get(path).status_code == 404


def test_an_address_signed_by_the_key_of_before_still_answers(acme: Tenant, settings: Any) -> None:
    path, feed = feed_of(acme)
    older = Signer(key="the key of before", salt="tandem.calendar").signature(f"{acme.pk}:{feed.pk}")
    before = "/".join([*path.split("/")[:-2], older, path.split("/")[-1]])
    assert Client().get(before).status_code == 404
    settings.SECRET_KEY_FALLBACKS = ["the key of before"]
    assert Client().get(before).status_code == 200


def test_a_person_makes_and_takes_back_their_own_address(acme: Tenant) -> None:
    client = staff(acme)
    assert "Make an address" in client.get("/t/acme/tasks/calendar/").text
    client.post("/t/acme/tasks/calendar/change/", {"action": "make"})
    assert "/tasks.ics" in client.get("/t/acme/tasks/calendar/").text
    assert "/tasks.ics" not in staff(acme, "leader").get("/t/acme/tasks/calendar/").text
    client.post("/t/acme/tasks/calendar/change/", {"action": "revoke"})
    assert "Make an address" in client.get("/t/acme/tasks/calendar/").text
