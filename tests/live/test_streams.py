"""Server-sent events from the real process: who gets them, how soon, and what ends a stream."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from config.embedded.server import free_port
from config.startup import answers
from hub.people.models import Membership
from hub.people.services import member_remove
from hub.tenancy.context import tenant_context
from hub.tenancy.live import CHANNEL, announce, read_announcement
from hub.tenancy.models import Tenant
from hub.work.services import task_open
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
PAGE = {"Origin": settings.PUBLIC_URL}


@dataclass
class Listener:
    """A page that listens: the events that came, each with the time of its coming."""

    port: int
    slug: str
    cookie: str
    events: list[tuple[str, float]] = field(default_factory=list)
    status: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Listener:
        threading.Thread(target=self._read, daemon=True).start()
        assert self.opened.wait(10)
        return self

    def _read(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("GET", f"/events/t/{self.slug}/", headers=PAGE | {"Cookie": self.cookie})
            answer = line.getresponse()
            self.status = answer.status
            if answer.status == 200:
                # The first line tells that the stream is registered.
                answer.readline()
            self.opened.set()
            while text := answer.readline():
                if text.startswith(b"event: "):
                    self.events.append((text[7:].decode().strip(), time.monotonic()))
        finally:
            line.close()
            self.opened.set()
            self.ended.set()

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.events]


@contextmanager
def events_process() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--workers-kill-timeout", "5", "--no-ws", "--log-level", "warning"]
    process = subprocess.Popen(
        [*command, "config.events:application"],
        cwd=ROOT,
        env=os.environ | {"TANDEM_PROCESS": "events", "PYTHONWARNINGS": "ignore"},
    )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez", seconds=0.2), seconds=20)
        yield port, process
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with events_process() as (port, _):
        yield port


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    return make_tenant("acme")


def cookie_of(tenant: Tenant, role: str = "csm", email: str = "") -> str:
    client = staff(tenant, role, email)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def say(tenant: Tenant, *topics: str) -> None:
    with tenant_context(tenant):
        for topic in topics:
            announce(topic)  # type: ignore[arg-type]  # any word will do here


def wait_until(true: Callable[[], bool], *, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.01)


def test_twenty_pages_hear_of_a_change_within_a_second_of_its_commit(port: int, tenant: Tenant) -> None:
    cookie = cookie_of(tenant)
    pages = [Listener(port, "acme", cookie).start() for _ in range(20)]
    with tenant_context(tenant):
        account = make_account()
        task_open(account_id=account.pk, title="Call them", origin_key="t")
        time.sleep(0.3)
        assert all(page.topics == [] for page in pages)
    committed = time.monotonic()
    wait_until(lambda: all(page.topics for page in pages))
    slowest = max(at for page in pages for _, at in page.events) - committed
    assert {tuple(page.topics) for page in pages} == {("tasks",)}
    assert slowest < 1


def test_what_is_said_twice_in_a_transaction_or_taken_back_is_heard_once_or_never(port: int, tenant: Tenant) -> None:
    page = Listener(port, "acme", cookie_of(tenant)).start()
    with tenant_context(tenant):
        announce("journeys")
        transaction.set_rollback(True)
    say(tenant, "tasks", "tasks", "signals", "tasks")
    wait_until(lambda: len(page.topics) >= 2)
    time.sleep(0.3)
    assert page.topics == ["signals", "tasks"]


def test_other_tenants_hear_nothing(port: int, tenant: Tenant) -> None:
    stranger = make_tenant("globex")
    page = Listener(port, "globex", cookie_of(stranger)).start()
    say(tenant, "tasks")
    say(stranger, "qbr")
    wait_until(lambda: bool(page.topics))
    assert page.topics == ["qbr"]


def test_nobody_listens_without_being_a_member(port: int, tenant: Tenant) -> None:
    stranger = make_tenant("globex")
    cases = {"stranger": ("acme", cookie_of(stranger)), "nobody": ("acme", ""), "nowhere": ("none", cookie_of(tenant))}
    found = {name: Listener(port, slug, cookie).start().status for name, (slug, cookie) in cases.items()}
    assert found == {"stranger": 404, "nobody": 404, "nowhere": 404}


def test_pages_of_other_sites_are_refused_and_our_own_may_read(port: int, tenant: Tenant) -> None:
    cookie = cookie_of(tenant)
    found = []
    for origin in ("https://evil.example", settings.PUBLIC_URL):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        line.request("GET", "/events/t/acme/", headers={"Origin": origin, "Cookie": cookie})
        answer = line.getresponse()
        found.append((answer.status, answer.getheader("Access-Control-Allow-Origin")))
        line.close()
    assert found == [(403, None), (200, settings.PUBLIC_URL)]


def test_losing_the_membership_ends_the_stream_at_once_and_for_good(port: int, tenant: Tenant) -> None:
    leaver = Listener(port, "acme", cookie_of(tenant, "csm")).start()
    stayer = Listener(port, "acme", cookie_of(tenant, "admin")).start()
    member_remove(membership=Membership.objects.get(role="csm"), actor=ACTOR)
    assert leaver.ended.wait(5)
    assert leaver.topics == ["over"]
    say(tenant, "tasks")
    wait_until(lambda: "tasks" in stayer.topics)
    assert Listener(port, "acme", leaver.cookie).start().status == 404


@pytest.mark.parametrize("how", ["signed out", "new password"])
def test_signing_out_or_a_new_password_ends_the_stream_before_the_next_event(
    port: int, tenant: Tenant, how: str
) -> None:
    page = Listener(port, "acme", cookie_of(tenant)).start()
    if how == "signed out":
        Session.objects.all().delete()
    else:
        user = Membership.objects.get(role="csm").user
        user.set_password("something else entirely")
        user.save()
    say(tenant, "tasks")
    assert page.ended.wait(5)
    assert page.topics == ["over"]


def test_a_break_of_the_database_line_ends_the_streams_and_heals_by_itself(port: int, tenant: Tenant) -> None:
    cookie = cookie_of(tenant)
    page = Listener(port, "acme", cookie).start()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s AND datname = current_database()",
            [f"LISTEN {CHANNEL}"],
        )
        assert cursor.fetchall() == [(True,)]
    # Not "over": the page is to come back and look at what it has missed.
    assert page.ended.wait(5)
    assert page.topics == []
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez", seconds=0.2))
    again = Listener(port, "acme", cookie).start()
    say(tenant, "tasks")
    wait_until(lambda: again.topics == ["tasks"])


@pytest.mark.slow
def test_open_streams_do_not_keep_the_process_from_stopping(tenant: Tenant) -> None:
    with events_process() as (port, process):
        page = Listener(port, "acme", cookie_of(tenant)).start()
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - begun < 3
        assert page.ended.wait(1)


@pytest.mark.parametrize("payload", ["", "tasks", "not-an-id tasks"])
def test_words_that_are_no_announcement_are_told_apart(payload: str) -> None:
    with pytest.raises(ValueError, match=r"UUID"):
        read_announcement(payload)
