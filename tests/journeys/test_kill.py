"""`kill -9` of the workers, and of Redis with its data, in the middle of 2,000 due steps.

At a provider that honours keys nothing is lost and nothing arrives twice. Over plain SMTP nothing arrives twice, and
every message that the server lacks is listed as unknown, no more of them than were in flight.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from config.embedded import redis
from config.embedded.redis import RedisServer
from config.embedded.server import free_port
from hub.outbox.models import Message
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Enrollment, StepRun
from tests.journeys.crowd import crowd

pytestmark = [pytest.mark.kill, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SIZE = 2_000
PROCESSES = 2
KILLS = 6
# With a shorter lease what a dead worker held is found sooner, and more often than in life while one still works on it.
WORKER = """
from datetime import timedelta
import django
django.setup()
from hub.tenancy import wake
wake.LEASE = timedelta(seconds=4)
from celery.__main__ import main
main()
"""


@dataclass
class Sink:
    """What the provider took: how often it was asked for a key, and what it delivered."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, key: str, *, honours_keys: bool) -> None:
        # Slow enough that a kill finds calls under way.
        time.sleep(0.002)
        with self.lock:
            self.asked[key] += 1
            if not honours_keys or self.asked[key] == 1:
                self.delivered[key] += 1


@pytest.fixture
def relay() -> Iterator[Sink]:
    sink = Sink()

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            sink.ask(self.headers["Idempotency-Key"], honours_keys=True)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    sink.url = f"http://127.0.0.1:{server.server_port}/"
    yield sink
    server.shutdown()
    server.server_close()


@pytest.fixture
def smtp() -> Iterator[Sink]:
    sink = Sink()

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
            mail = message_from_bytes(envelope.original_content or b"")
            sink.ask(mail["X-Tandem-Key"], honours_keys=False)
            return "250 OK"

    port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    sink.url = f"smtp://127.0.0.1:{port}"
    yield sink
    controller.stop()


class Crew:
    """A Celery worker, a clock and their Redis, as real processes on the test's database."""

    def __init__(self, folder: Path, email_url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.broker: RedisServer = redis.start(folder / "redis", port=self.port)
        self.password = (folder / "redis" / "password").read_text()
        self.environment = os.environ | {
            "REDIS_URL": self.broker.url(),
            "EMAIL_URL": email_url,
            "HUB_HOME": str(folder),
            "LOG_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
            "C_FORCE_ROOT": "1",
        }
        self.log = (folder / "crew.log").open("wb")
        self.worker = self._worker()
        self.clock = self._spawn([sys.executable, "-m", "config.clock"])

    def _worker(self) -> subprocess.Popen[bytes]:
        from config.celery import QUEUES

        command = [sys.executable, "-c", WORKER, "-A", "config.celery", "--quiet", "worker", "--loglevel", "WARNING"]
        command += ["--concurrency", str(PROCESSES), "--queues", ",".join(QUEUES), "--without-gossip"]
        return self._spawn([*command, "--without-mingle"])

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        root = Path(__file__).parents[2]
        return subprocess.Popen(
            command, cwd=root, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def kill_worker(self) -> None:
        """Master and children at once, without a word, and a new worker."""
        end(self.worker)
        self.worker = self._worker()

    def kill_redis(self) -> None:
        """With everything that it knew."""
        os.kill(self.broker.pid, signal.SIGKILL)
        while self.broker.alive():
            time.sleep(0.05)
        shutil.rmtree(self.folder / "redis")
        (self.folder / "redis").mkdir()
        (self.folder / "redis" / "password").write_text(self.password)
        self.broker = redis.start(self.folder / "redis", port=self.port)

    def stop(self) -> None:
        end(self.worker)
        end(self.clock)
        self.broker.stop()
        self.log.close()


def end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def crew() -> Iterator[Callable[[str], Crew]]:
    folder = Path(tempfile.mkdtemp(prefix="tandem-kill-"))
    crews: list[Crew] = []

    def start(email_url: str) -> Crew:
        crews.append(Crew(folder, email_url))
        return crews[-1]

    yield start
    for made in crews:
        made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def under_fire(tenant: Tenant, sink: Sink, start: Callable[[str], Crew]) -> None:
    """Let the crew work, kill at random moments, and wait until nothing is open any more."""
    chance = random.Random(20261122)
    running = start(sink.url)
    wait_for(lambda: sum(sink.asked.values()) > SIZE // 40, seconds=60, what="the first messages")
    for number in range(KILLS):
        before = sum(sink.asked.values())
        running.kill_worker()
        if number % 3 == 1:
            running.kill_redis()
        wait_for(lambda: sum(sink.asked.values()) > before or is_over(tenant), seconds=60, what="life after a kill")  # noqa: B023 - called at once
        time.sleep(chance.uniform(0.05, 0.8))
    wait_for(lambda: is_over(tenant), seconds=180, what="the end")


def is_over(tenant: Tenant) -> bool:
    with tenant_context(tenant):
        return (
            not Enrollment.objects.filter(status="active").exists()
            and not Message.objects.filter(due_at__isnull=False).exists()
        )


def wait_for(true: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"no sign of {what} within {seconds:g} s"
        time.sleep(0.05)


@pytest.fixture
def tenant() -> Tenant:
    made: Tenant = Tenant.objects.create(slug="crowd", name="Crowd")
    crowd(made, SIZE)
    return made


def statuses(tenant: Tenant) -> dict[str, set[str]]:
    with tenant_context(tenant):
        assert StepRun.objects.filter(node_id="mail").count() == SIZE
        assert set(Enrollment.objects.values_list("reason", flat=True)) == {"completed"}
        found: dict[str, set[str]] = {}
        for pk, status in Message.objects.values_list("pk", "status"):
            found.setdefault(status, set()).add(str(pk))
    return found


def test_nothing_is_lost_and_nothing_comes_twice_where_keys_are_honoured(
    tenant: Tenant, relay: Sink, crew: Callable[[str], Crew]
) -> None:
    under_fire(tenant, relay, crew)
    found = statuses(tenant)
    assert found.keys() == {"sent"}
    assert relay.delivered.keys() == found["sent"]
    assert set(relay.delivered.values()) == {1}
    assert sum(relay.asked.values()) - SIZE <= KILLS * PROCESSES


def test_over_plain_smtp_nothing_comes_twice_and_what_is_missing_is_listed(
    tenant: Tenant, smtp: Sink, crew: Callable[[str], Crew]
) -> None:
    under_fire(tenant, smtp, crew)
    found = statuses(tenant)
    assert found.keys() <= {"sent", "unknown"}
    assert sum(map(len, found.values())) == SIZE
    assert set(smtp.delivered.values()) == {1}
    assert found["sent"] <= smtp.delivered.keys()
    unknown = found.get("unknown", set())
    assert {pk for pks in found.values() for pk in pks} - smtp.delivered.keys() <= unknown
    assert len(unknown) <= KILLS * PROCESSES
