"""Steps of journeys: two workers over accounts that are due together, beside one statement that moves them all.

Each account's rest is over: it passes the wait and a branch on its facts and rests again, two steps. The *limit* writes
the same positions and step runs for everybody in one transaction that decides nothing. *Empty poll* asks what is due
among parked accounts of which none is.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time

import psycopg

from bench.database import ROOT, database
from bench.result import Result, result

ENROLLMENTS = 200_000
PARKED = 1_000_000
WORKERS = 2
SHARE = 0.4
POLLS = 200
ROUNDS = 3
GRAPH = {
    "schema": 1,
    "entry": {"trigger": "qbr-expansion"},
    "start": "rest",
    "nodes": [
        {"id": "rest", "kind": "wait", "rule": {"minutes": 1}, "next": "size"},
        {
            "id": "size",
            "kind": "branch",
            "cases": [{"label": "Large", "when": {"fact": "seats", "op": "gte", "value": 50}, "next": "long"}],
            "else": "short",
        },
        {"id": "long", "kind": "wait", "rule": {"days": 30}, "next": "end"},
        {"id": "short", "kind": "wait", "rule": {"days": 10}, "next": "end"},
        {"id": "end", "kind": "exit"},
    ],
}
DRAIN = """
import sys, django
django.setup()
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.engine import due, drain
from django.utils import timezone
tenant = Tenant.objects.get(slug=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while True:
    drain(tenant.pk)
    with tenant_context(tenant):
        if not due(timezone.now()).exists():
            break
"""
LIMIT = """
WITH moved AS (
    UPDATE journeys_enrollment SET node_id = 'short', visit = visit + 2, rests_since = %(now)s,
        due_at = %(now)s + interval '10 days'
    WHERE tenant_id = %(tenant)s AND due_at <= %(now)s RETURNING id, account_id, journey_id, visit
)
INSERT INTO journeys_steprun (id, tenant_id, account_id, enrollment_id, journey_id, version, node_id, visit, kind,
    outcome, port, reason, evidence, started_at, finished_at)
SELECT uuidv7(), %(tenant)s, account_id, id, journey_id, 1, node, visit - 2 + n, kind,
    'done', 'next', '', '{}', %(now)s, %(now)s
FROM moved, (VALUES (0, 'rest', 'wait'), (1, 'size', 'branch')) AS s (n, node, kind)
"""


def measure(scale: float) -> list[Result]:
    with database():
        size = round(ENROLLMENTS * scale)
        ours, limit = [], []
        for _ in range(ROUNDS):
            limit.append(_timed_limit(_tenant("limit", size)))
            ours.append(_timed_workers(_tenant("ours", size)))
        steps = 2 * size / sorted(ours)[1]
        most = 2 * size / sorted(limit)[1]
        polls = _polls(round(PARKED * scale))
        return [
            result("journey steps, two workers", "steps/s", steps, limit=most, floor=SHARE, enrollments=size),
            result(
                "empty poll", "ms", sorted(polls)[len(polls) // 2], limit=1.0, times_ms=polls, parked=PARKED * scale
            ),
        ]


def _tenant(slug: str, size: int, due: str = "now() - interval '1 minute'") -> str:
    """A tenant of this name and nothing else, with `size` accounts at rest; returns its name, which is a new one."""
    name = rested(slug, size, due)
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return name


def rested(slug: str, size: int, due: str) -> str:
    """Make a tenant whose `size` accounts rest in GRAPH until `due`, an SQL expression; returns its name, a new one."""
    from django.core.management import call_command

    from bench.large import insert
    from hub.accounts.models import Account, AccountFacts, AccountState
    from hub.outbox.gates import Purpose
    from hub.people.audit import command
    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant
    from journeys.models import Enrollment, Journey
    from journeys.services import journey_publish

    name = f"{slug}-{Tenant.objects.count()}"
    call_command("create_tenant", name, f"--name={name}", "--timezone=UTC", stdout=io.StringIO())
    tenant = Tenant.objects.get(slug=name)
    values = {"tenant": tenant.pk, "size": size}
    every = "accounts_account WHERE tenant_id = %(tenant)s"
    with tenant_context(tenant):
        journey = Journey.objects.create(key="crowd", name="Crowd", purpose=Purpose.ADOPTION)
        journey_publish(journey=journey, graph=GRAPH, actor=command("bench"))
        insert(Account, "generate_series(1, %(size)s) n", values, name="'A' || n", seats="mod(n, 100)")
        insert(AccountState, every, values, account_id="id")
        insert(AccountFacts, every, values, account_id="id", as_of="current_date")
        insert(
            Enrollment, every, values | {"journey": journey.pk}, account_id="id", journey_id="%(journey)s", version="1",
            node_id="'rest'", due_at=due, rests_since="now() - interval '1 hour'", slot="'once'",
        )  # fmt: skip
    return name


def _timed_workers(slug: str) -> float:
    """Seconds that two workers take for all that is due, each process ready before the clock starts."""
    command = [sys.executable, "-c", DRAIN, slug]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    codes = [worker.wait() for worker in workers]
    if any(codes):
        raise RuntimeError("a worker failed")
    return time.perf_counter() - begun


def _timed_limit(slug: str) -> float:
    from django.db import connection
    from django.utils import timezone

    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant

    tenant = Tenant.objects.get(slug=slug)
    begun = time.perf_counter()
    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute(LIMIT, {"tenant": tenant.pk, "now": timezone.now()})
    return time.perf_counter() - begun


def _polls(parked: int) -> list[float]:
    """Milliseconds of asking a tenant for what is due when nothing is."""
    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant
    from journeys.engine import claim

    tenant = Tenant.objects.get(slug=_tenant("parked", parked, "now() + interval '1 year'"))
    times = []
    for _ in range(POLLS):
        with tenant_context(tenant):
            begun = time.perf_counter()
            assert not claim()
            times.append((time.perf_counter() - begun) * 1000)
    return times
