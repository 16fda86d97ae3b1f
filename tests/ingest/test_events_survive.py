"""What was answered with 200 is there after a kill -9 of the web and of PostgreSQL."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from bench.stack import Hub, hub
from tests import services

pytestmark = [pytest.mark.kill, pytest.mark.slow]


class Sender(threading.Thread):
    """Sends one event after the other until the door is gone; remembers what was answered."""

    def __init__(self, port: int, key: str, name: str) -> None:
        super().__init__(daemon=True)
        self._port, self._key, self._name = port, key, name
        self.committed: list[str] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        number = 0
        try:
            while True:
                number += 1
                message = f"{self._name}-{number}"
                call = {"event": "Opened", "userId": self._name, "messageId": message, "writeKey": self._key}
                connection.request("POST", "/v1/track", json.dumps(call))
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.committed.append(message)
        except (OSError, http.client.HTTPException):
            connection.close()


def kill(pid: int) -> None:
    """kill -9 of a process and its children, such as the web server's workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in [pid, *map(int, children)]:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def stored(running: Hub) -> set[str]:
    with psycopg.connect(running.run()["database_admin_url"]) as connection:
        return {message for (message,) in connection.execute("SELECT message_id FROM usage_event").fetchall()}


@pytest.mark.parametrize("victim", ["web", "postgres"])
def test_events_that_were_answered_survive_a_kill(victim: str) -> None:
    with hub(database=services.migrated()) as running:
        running.manage("create_tenant", "acme", "--name", "Acme")
        key = running.manage("create_api_key", "--tenant", "acme", "--name", "product").strip().splitlines()[-1]
        senders = [Sender(running.port, key, f"s{number}") for number in range(6)]
        for sender in senders:
            sender.start()
        while sum(len(sender.committed) for sender in senders) < 200:
            time.sleep(0.05)
        kill(running.pid(victim))
        # The supervisor stops everything when a part has gone.
        running.wait(seconds=90)
        for sender in senders:
            sender.join(60)
        running.start()
        committed = {message for sender in senders for message in sender.committed}
        assert len(committed) >= 200
        assert committed <= stored(running)
