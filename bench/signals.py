"""From an event that the door has accepted to the signal that can be read, at 10, 100 and 1,000 events a second.

Everything runs as in production. Most events are ordinary use by known users; five a second are the first export of
data of an account, which the shipped trigger `data-export` watches. Times count from the door's answer to the moment at
which another connection reads the signal, asked every 20 ms. Beside them the limit that the product promises, 1,000 ms.
"""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg

from bench.ingest import USERS_PER_ACCOUNT, Door, _group, _headers, _keys, _make_known, _track
from bench.result import Result, percentile, result
from bench.stack import Hub, hub

RATES = (10, 100, 1_000)
SECONDS, TICK, PROMISED = 20.0, 0.1, 1_000.0
USERS = 4_000
# Every other tick brings one.
CAUSE = "Data exported"
PATIENCE = 60.0
READ = """
SELECT x.value FROM signals_signal s
JOIN signals_trigger t ON t.tenant_id = s.tenant_id AND t.id = s.trigger_id AND t.key = 'data-export'
JOIN accounts_accountexternalid x ON x.tenant_id = s.tenant_id AND x.account_id = s.account_id
"""


def measure(scale: float) -> list[Result]:
    """Milliseconds at each rate, for `scale` × 20 seconds."""
    with hub() as running:
        door = Door(running, _keys(running, 1, "one"), users=USERS)
        _make_known(running, door)
        watch = Watch(running)
        found, first = [], 0
        for rate in RATES:
            asked = _send(running, door, rate, first, max(SECONDS * scale, 4.0))
            first += len(asked)
            found.append(_told(rate, asked, watch.wait(asked)))
        watch.stop()
    return found


def _told(rate: int, asked: Mapping[str, float], read: Mapping[str, float]) -> Result:
    times = [(read[account] - at) * 1000 for account, at in asked.items() if account in read]
    p95 = percentile(times, 0.95)
    return result(
        f"signal at {rate} events/s", "ms, p95", p95, limit=PROMISED, times_ms=times, lost=len(asked) - len(times)
    )


def _send(running: Hub, door: Door, rate: int, first: int, seconds: float) -> dict[str, float]:
    """Send at a rate; account → when the door accepted the event that causes its signal."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    asked: dict[str, float] = {}
    begin = time.perf_counter()
    for tick in range(int(seconds / TICK)):
        time.sleep(max(begin + tick * TICK - time.perf_counter(), 0))
        now = datetime.now(UTC).isoformat()
        calls = [_track(tick * rate + number, USERS, now) for number in range(int(rate * TICK))]
        account = ""
        if tick % 2 == 0:
            place = first + len(asked)
            account = _group(place * USERS_PER_ACCOUNT)["groupId"]
            user = f"user-{place * USERS_PER_ACCOUNT}"
            calls[0] = {"type": "track", "event": CAUSE, "userId": user, "messageId": str(uuid4()), "timestamp": now}
        body: dict[str, Any] = {"batch": calls, "sentAt": now}
        connection.request("POST", "/v1/batch", gzip.compress(json.dumps(body).encode(), 1), _headers(door.keys[0]))
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the door answered {answer.status}")
        if account:
            asked[account] = time.perf_counter()
    connection.close()
    return asked


class Watch:
    """Reads the signals again and again, and keeps when each account's was first there."""

    def __init__(self, running: Hub) -> None:
        self._read: dict[str, float] = {}
        self._stopped = threading.Event()
        self._connection = psycopg.connect(running.run()["database_admin_url"], autocommit=True)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stopped.wait(0.02):
            for (account,) in self._connection.execute(READ).fetchall():
                self._read.setdefault(account, time.perf_counter())

    def wait(self, asked: Mapping[str, float]) -> dict[str, float]:
        """When each signal was there; those that are not after a minute are left out."""
        until = time.perf_counter() + PATIENCE
        while time.perf_counter() < until and not asked.keys() <= self._read.keys():
            time.sleep(0.05)
        return dict(self._read)

    def stop(self) -> None:
        self._stopped.set()
