"""`kill -9` at random moments of worker processes, the worker, Redis and PostgreSQL, under 50,000 steps that are due.

Everything runs as in production; each account's rest is over and a mail follows, to a provider that honours keys. Most
kills end one of the worker's processes, which it replaces; every tenth ends the worker, Redis or PostgreSQL itself, and
with it the hub, which is started again. *Lost* are accounts whose journey has not ended, or whose mail the provider has
not got; *doubled* are mails that it got under a second key, and so delivered again.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from bench.mails import MAIL, RULES
from bench.result import Result, result
from bench.stack import Hub, hub

STEPS, KILLS = 50_000, 300
SERVERS = ("worker", "redis", "postgres")
EVERY = 10
PATIENCE = 900.0
GRAPH = {
    "schema": 1,
    "entry": {"by": "hand"},
    "start": "rest",
    "nodes": [
        {"id": "rest", "kind": "wait", "rule": {"minutes": 1}, "next": "mail"},
        MAIL,
        {"id": "end", "kind": "exit"},
    ],
}
MAKE = """
from bench.kills import crowd
crowd({size})
"""
OPEN = """
SELECT (SELECT count(*) FROM journeys_enrollment WHERE status = 'active')
    + (SELECT count(*) FROM outbox_message WHERE due_at IS NOT NULL)
"""
FOUND = """
SELECT (SELECT count(*) FROM journeys_enrollment WHERE reason = 'completed'),
    (SELECT count(*) FROM journeys_steprun WHERE node_id = 'mail'),
    (SELECT count(*) FROM outbox_message WHERE status = 'sent')
"""


def crowd(size: int) -> None:
    """A tenant of `size` accounts with a contact each, at rest before a mail, their rest over."""
    from django.core.management import call_command
    from django.utils import timezone

    from bench.large import insert
    from hub.accounts.models import Account, AccountFacts, AccountState, Contact
    from hub.outbox.gates import Purpose
    from hub.people.audit import command
    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant
    from hub.tenancy.wake import wake
    from journeys.engine import JOURNEYS
    from journeys.models import Enrollment, Journey
    from journeys.services import journey_publish

    call_command("create_tenant", "kills", "--name=Kills", "--timezone=UTC")
    tenant = Tenant.objects.get(slug="kills")
    tenant.settings |= RULES
    tenant.save()
    every, values = "accounts_account WHERE tenant_id = %(tenant)s", {"tenant": tenant.pk, "size": size}
    with tenant_context(tenant):
        journey = Journey.objects.create(key="crowd", name="Crowd", purpose=Purpose.ADOPTION)
        journey_publish(journey=journey, graph=GRAPH, actor=command("bench"))
        insert(Account, "generate_series(1, %(size)s) n", values, name="'A' || n")
        insert(AccountState, every, values, account_id="id")
        insert(AccountFacts, every, values, account_id="id", as_of="current_date")
        insert(Contact, every, values, account_id="id", email="id::text || '@customers.example'", name="'Kim Park'")
        insert(
            Enrollment, every, values | {"journey": journey.pk}, account_id="id", journey_id="%(journey)s", version="1",
            node_id="'rest'", due_at="now()", rests_since="now() - interval '1 hour'", slot="'once'",
        )  # fmt: skip
        wake(JOURNEYS, due_at=timezone.now())


class Provider:
    """What a provider that honours keys was asked, and what it delivered: each key once."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.url = ""


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider's door on a free port of this machine."""
    taken, lock = Provider(), threading.Lock()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                taken.asked[self.headers["Idempotency-Key"]] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    taken.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()


def measure(scale: float) -> list[Result]:
    """Mails that were lost or doubled, 0 is the promise; and the seconds that all of it took."""
    size, kills = max(int(STEPS * scale), 500), max(int(KILLS * scale), EVERY)
    with provider() as taken, hub(EMAIL_URL=taken.url) as running:
        running.manage("shell", "--no-imports", "-c", MAKE.format(size=size))
        begun = datetime.now(UTC)
        ended = _under_fire(running, taken, size, kills)
        _until_over(running)
        seconds = (datetime.now(UTC) - begun).total_seconds()
        figures = _ask(running, FOUND)
    lost = size - min(*figures, len(taken.asked))
    doubled = max(*figures, len(taken.asked)) - size
    again = sum(taken.asked.values()) - len(taken.asked)
    return [
        result("lost under kills", "mails", lost, due=size, kills=dict(ended)),
        result("doubled under kills", "mails", doubled, asked_again_under_its_key=again),
        result("mails under kills", "mails/s", size / seconds),
    ]


def _under_fire(running: Hub, taken: Provider, size: int, kills: int) -> Counter[str]:
    """Kill so often, spread over the sending of all; returns what was killed."""
    chance, ended = random.Random(20261123), Counter[str]()
    for number in range(kills):
        # A kill for each share of the mails, so that none of them comes when all is over.
        _until(lambda: len(taken.asked) >= size * number / (kills + 1), f"mail after {number} kills")  # noqa: B023 - called at once
        victim = SERVERS[number // EVERY % len(SERVERS)] if number % EVERY == EVERY - 1 else "process"
        ended[victim] += 1
        if victim == "process":
            os.kill(chance.choice(_processes(running)), signal.SIGKILL)
        else:
            os.kill(running.pid(victim), signal.SIGKILL)
            running.wait()
            running.start()
    return ended


def _processes(running: Hub) -> list[int]:
    """The worker's processes; waits for one, as it replaces what was killed."""
    pid = running.pid("worker")
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while not (found := children.read_text().split()):
        time.sleep(0.02)
    return [int(child) for child in found]


def _until(true: Callable[[], bool], what: str, *, every: float = 0.02) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what}")
        time.sleep(every)


def _until_over(running: Hub) -> None:
    _until(lambda: _ask(running, OPEN) == (0,), "end", every=0.5)


def _ask(running: Hub, question: str) -> tuple[Any, ...]:
    with psycopg.connect(running.run()["database_admin_url"], autocommit=True) as connection:
        answer = connection.execute(question).fetchone()
    assert answer is not None
    return answer
