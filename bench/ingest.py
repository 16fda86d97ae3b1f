"""Events over HTTP, durable when answered, against raw COPY into a bare table of the same server.

Ours: batches of 100 calls of known users, gzip, from many connections, through the whole door: key, parsing,
identities, deduplication, rollups, commit. Limit: the same rows by binary COPY, no index, 10,000 a transaction. The
two take turns, three times; a batch that is known already is measured last.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.result import Result, result
from bench.stack import Hub, hub

BATCH = 100
CONNECTIONS = 32
ACCOUNTS, USERS = 200, 2_000
PAIRS = 3
COLUMNS = "id uuid, day date, account_id uuid, user_key text, name text, at timestamptz, properties jsonb"


def measure(scale: float) -> list[Result]:
    """Fresh and repeated events a second, in three turns of `scale` × 40,000."""
    count = max(int(400 * scale), CONNECTIONS)
    with hub() as running:
        key = _tenant(running)
        door = Door(running, key)
        door.send([_batch(0, known=index) for index in range(ACCOUNTS * 10 // BATCH)])
        time.sleep(3)  # the worker makes the accounts
        ours, limits, times = [], [], []
        last: list[bytes] = []
        for turn in range(PAIRS):
            last = [_batch(turn * count + index) for index in range(count)]
            rate, took = door.send(last)
            ours.append(rate)
            times += took
            limits.append(_copy(running, count * BATCH))
        again, _ = door.send(last)
        fresh = statistics.median(ours)
        return [
            result("ingest", "events/s", fresh, limit=statistics.median(limits), times_ms=times, batch=BATCH),
            result("ingest repeated", "events/s", again, limit=ours[-1]),
        ]


def _tenant(running: Hub) -> str:
    running.manage("create_tenant", "bench", "--name", "Bench")
    return running.manage("create_api_key", "--tenant", "bench", "--name", "bench").strip().splitlines()[-1]


class Door:
    """`POST /v1/batch` over kept connections."""

    def __init__(self, running: Hub, key: str) -> None:
        self._port = running.port
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
            "Content-Encoding": "gzip",
        }

    def send(self, bodies: Sequence[bytes]) -> tuple[float, list[float]]:
        """Send every body; events a second, and the milliseconds of each request."""
        started = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            times = [took for part in pool.map(self._run, _dealt(bodies)) for took in part]
        return len(bodies) * BATCH / (time.perf_counter() - started), times

    def _run(self, bodies: Sequence[bytes]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        times = []
        for body in bodies:
            started = time.perf_counter()
            connection.request("POST", "/v1/batch", body, self._headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {told[:200]!r}")
            times.append((time.perf_counter() - started) * 1000)
        connection.close()
        return times


def _dealt(bodies: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [bodies[start::CONNECTIONS] for start in range(CONNECTIONS)]


def _batch(number: int, known: int | None = None) -> bytes:
    """One body: of track calls, or of the group calls that make users and accounts known."""
    now = datetime.now(UTC).isoformat()
    first = (number if known is None else known) * BATCH
    calls = [_group(first + index) if known is not None else _track(first + index, now) for index in range(BATCH)]
    return gzip.compress(json.dumps({"batch": calls, "sentAt": now}).encode(), 1)


def _group(number: int) -> dict[str, Any]:
    user = number % USERS
    return {
        "type": "group",
        "userId": f"user-{user}",
        "groupId": f"account-{user % ACCOUNTS}",
        "messageId": str(uuid4()),
    }


def _track(number: int, now: str) -> dict[str, Any]:
    return {
        "type": "track",
        "event": f"Feature {number % 40}",
        "userId": f"user-{number * 7 % USERS}",
        "messageId": str(uuid4()),
        "timestamp": now,
        "properties": {"plan": "pro", "screen": "overview", "number": number, "note": "x" * 120},
        "context": {"library": {"name": "bench", "version": "1"}},
    }


def _copy(running: Hub, rows: int) -> float:
    """Rows a second by binary COPY into a table without index."""
    address = running.run()["database_admin_url"]
    with psycopg.connect(address) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS bench_limit ({COLUMNS})")
        connection.commit()
        now = datetime.now(UTC)
        text = json.dumps(_track(1, now.isoformat())["properties"])
        started = time.perf_counter()
        for start in range(0, rows, 10_000):
            with connection.cursor().copy("COPY bench_limit FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["uuid", "date", "uuid", "text", "text", "timestamptz", "jsonb"])
                for number in range(start, min(start + 10_000, rows)):
                    copy.write_row((UUID(int=number), now.date(), None, f"user-{number}", "Feature", now, text))
            connection.commit()
        return rows / (time.perf_counter() - started)
