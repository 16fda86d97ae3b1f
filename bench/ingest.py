"""Events over HTTP, durable when answered, against raw COPY of the same rows into a bare table of the same server.

Ours: batches of 100 calls of known users, ~400 bytes each, gzip, from 32 connections, through the whole door: key,
parsing, identities, deduplication, rollups, dirty marks, register, commit. Limit: the rows as they are stored, by
binary COPY, no index, 10,000 a transaction. The two take turns, three times; then a batch that is known already, the
same with ten times the events in the store, and with 200 tenants of a tenth of the users. Nothing counts before the
workers have made the accounts that the users belong to. Memory is that of the largest web process.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import re
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.result import Result, result
from bench.stack import Hub, hub

BATCH = 100
CONNECTIONS = 32
USERS, USERS_OF_MANY, USERS_PER_ACCOUNT = 2_000, 200, 10
TENANTS = 200
PAIRS = 3
GROWTH = 10
TYPES = {
    "tenant_id": "uuid",
    "id": "uuid",
    "day": "date",
    "account_id": "uuid",
    "user_key": "text",
    "group_key": "text",
    "kind": "text",
    "name": "text",
    "quantity": "int8",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "source": "text",
    "message_id": "text",
    "historical": "bool",
    "properties": "jsonb",
}


WORK_LEFT = """
SELECT EXISTS (SELECT 1 FROM usage_productidentity WHERE due_at IS NOT NULL OR account_id IS NULL)
    OR EXISTS (SELECT 1 FROM accounts_accountstate WHERE dirty_at IS NOT NULL)
"""


@dataclass
class Turns:
    """Ours and the limit by turns, in rows a second, and the milliseconds of each request."""

    ours: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    last: list[bytes] = field(default_factory=list)

    def result(self, name: str, **detail: Any) -> Result:
        ours, limit = statistics.median(self.ours), statistics.median(self.limits)
        return result(name, "events/s", ours, limit=limit, times_ms=self.times, batch=BATCH, **detail)


def measure(scale: float) -> list[Result]:
    """Fresh and repeated events a second, in turns of `scale` × 80,000."""
    count = max(int(800 * scale), CONNECTIONS)
    with hub() as running:
        door = Door(running, _keys(running, 1, "one"))
        _make_known(running, door)
        one = _turns(running, door, count)
        again, _ = door.send(one.last)
        results = [
            one.result("ingest"),
            result("ingest repeated", "events/s", again, limit=one.ours[-1]),
        ]
        for _ in range(GROWTH - 1):
            door.send([door.batch(index) for index in range(count * PAIRS)])
        grown = _turns(running, door, count)
        fresh = statistics.median(one.ours)
        results.append(
            result("ingest grown", "events/s", statistics.median(grown.ours), limit=fresh, times_ms=grown.times)
        )
        many = Door(running, _keys(running, TENANTS, "many"), users=USERS_OF_MANY)
        _make_known(running, many)
        results.append(_turns(running, many, count).result("ingest 200 tenants", tenants=TENANTS))
        peak = _web_peak_mb(running)
    return [replace(entry, peak_mb=peak) for entry in results]


def _turns(running: Hub, door: Door, count: int) -> Turns:
    turns = Turns()
    # Code paths, caches and connections are warm before anything counts.
    door.send([door.batch(index) for index in range(CONNECTIONS * 4)])
    for turn in range(PAIRS):
        turns.last = [door.batch(turn * count + index) for index in range(count)]
        rate, took = door.send(turns.last)
        turns.ours.append(rate)
        turns.times += took
        turns.limits.append(_copy(running, count * BATCH))
    return turns


def _make_known(running: Hub, door: Door) -> None:
    """Every tenant's users and groups, so that no event waits; the workers make the accounts."""
    for offset in range(len(door.keys)):
        door.offset = offset
        door.send([door.batch(index, known=True) for index in range(door.users // BATCH)], alone=True)
    door.offset = 0
    with psycopg.connect(running.run()["database_admin_url"], autocommit=True) as connection:
        while connection.execute(WORK_LEFT).fetchone() != (False,):
            time.sleep(1)
        # What a database of some age has.
        connection.execute("ANALYZE")


def _keys(running: Hub, tenants: int, prefix: str) -> list[str]:
    """Write keys of new tenants."""
    code = (
        "from django.core.management import call_command\n"
        f"for number in range({tenants}):\n"
        f"    call_command('create_tenant', f'{prefix}-{{number}}', '--name', 'Bench')\n"
        f"    call_command('create_api_key', '--tenant', f'{prefix}-{{number}}', '--name', 'bench')\n"
    )
    told = running.manage("shell", "--no-imports", "-c", code)
    return [line.strip() for line in told.splitlines() if line.startswith("tdm_")]


class Door:
    """`POST /v1/batch` over kept connections, with the keys by turns."""

    def __init__(self, running: Hub, keys: Sequence[str], users: int = USERS) -> None:
        self._port = running.port
        self.keys = list(keys)
        self.users = users
        self.offset = 0

    def batch(self, number: int, *, known: bool = False) -> bytes:
        """One body: of track calls, or of the group calls that make users and accounts known."""
        now = datetime.now(UTC).isoformat()
        calls = [
            _group(place % self.users) if known else _track(place, self.users, now)
            for place in range(number * BATCH, (number + 1) * BATCH)
        ]
        return gzip.compress(json.dumps({"batch": calls, "sentAt": now}).encode(), 1)

    def send(self, bodies: Sequence[bytes], *, alone: bool = False) -> tuple[float, list[float]]:
        """Send every body; events a second, and the milliseconds of each request. `alone`: by one key only."""
        keys = [self.keys[self.offset]] if alone else self.keys
        work = [(body, keys[index % len(keys)]) for index, body in enumerate(bodies)]
        started = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            times = [took for part in pool.map(self._run, _dealt(work)) for took in part]
        return len(bodies) * BATCH / (time.perf_counter() - started), times

    def _run(self, work: Sequence[tuple[bytes, str]]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        times = []
        for body, key in work:
            started = time.perf_counter()
            connection.request("POST", "/v1/batch", body, _headers(key))
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {told[:200]!r}")
            times.append((time.perf_counter() - started) * 1000)
        connection.close()
        return times


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(), "Content-Encoding": "gzip"}


def _dealt(work: Sequence[tuple[bytes, str]]) -> list[Sequence[tuple[bytes, str]]]:
    return [work[start::CONNECTIONS] for start in range(CONNECTIONS)]


def _group(user: int) -> dict[str, Any]:
    return {
        "type": "group",
        "userId": f"user-{user}",
        "groupId": f"account-{user // USERS_PER_ACCOUNT}",
        "messageId": str(uuid4()),
    }


def _track(number: int, users: int, now: str) -> dict[str, Any]:
    return {
        "type": "track",
        "event": f"Feature {number % 40}",
        "userId": f"user-{number * 7 % users}",
        "messageId": str(uuid4()),
        "timestamp": now,
        "properties": {"plan": "pro", "screen": "overview", "number": number, "note": "x" * 120},
        "context": {"library": {"name": "bench", "version": "1"}},
    }


def _web_peak_mb(running: Hub) -> float:
    """Peak resident memory of the largest web process so far."""
    peaks = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if re.search(rf"^PPid:\s+{running.pid('web')}$", text, re.MULTILINE):
            peaks += [int(size) for size in re.findall(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)]
    return max(peaks) / 1024


def _copy(running: Hub, rows: int) -> float:
    """Rows a second, as the event store keeps them, by binary COPY into a table without index."""
    address = running.run()["database_admin_url"]
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    now, tenant = datetime.now(UTC), uuid4()
    text = json.dumps(_track(1, USERS, now.isoformat())["properties"])
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_limit")
        connection.execute(f"CREATE TABLE bench_limit ({columns})")
        connection.commit()
        started = time.perf_counter()
        for start in range(0, rows, 10_000):
            with connection.cursor().copy("COPY bench_limit FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(list(TYPES.values()))
                for number in range(start, min(start + 10_000, rows)):
                    user, name, message = f"user-{number % USERS}", f"Feature {number % 40}", f"{number:036}"
                    row = (tenant, UUID(int=number), now.date(), tenant, user, "", "track", name, 1)
                    copy.write_row((*row, now, now, "segment", message, False, text))
            connection.commit()
        return rows / (time.perf_counter() - started)
