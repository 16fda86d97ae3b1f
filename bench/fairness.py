"""Whether one tenant's crowd keeps another waiting: 100,000 steps fall due at once, and ten of another with them.

Everything runs as in production, with two worker processes. Each account's rest is over: it passes the wait and a
branch and rests again, two steps (bench/steps.py). Seconds count from the moment for both until the last of the other's
ten steps is committed.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import psycopg

from bench.result import Result, result
from bench.stack import Hub, hub

CROWD, OTHERS, STEPS = 50_000, 5, 2
PROMISED, PATIENCE = 30.0, 600.0
# What writing the crowd takes, with room to spare.
PREPARING, PREPARING_EACH = 30.0, 0.002
MAKE = """
from datetime import datetime
from bench.steps import rested
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake
from journeys.engine import JOURNEYS
for slug, size in {sizes!r}:
    name = rested(slug, size, "timestamptz {due!r}")
    with tenant_context(Tenant.objects.get(slug=name)):
        wake(JOURNEYS, due_at=datetime.fromisoformat({due!r}))
"""
DONE = """
SELECT split_part(t.slug, '-', 1), count(s.id) FROM tenancy_tenant t LEFT JOIN journeys_steprun s ON s.tenant_id = t.id
GROUP BY 1
"""


def measure(scale: float) -> list[Result]:
    """Seconds until the other tenant's ten steps are done, and until everybody's are."""
    crowd = max(int(CROWD * scale), 100)
    with hub() as running:
        due = datetime.now(UTC) + timedelta(seconds=PREPARING + crowd * PREPARING_EACH)
        sizes = [("crowd", crowd), ("other", OTHERS)]
        running.manage("shell", "--no-imports", "-c", MAKE.format(sizes=sizes, due=due.isoformat()))
        if datetime.now(UTC) >= due:
            raise RuntimeError("they were due before they were parked")
        ends = _ends(running, due, {slug: STEPS * size for slug, size in sizes})
    return [
        result(
            "ten steps beside another tenant's crowd", "s", ends["other"], limit=PROMISED, crowd_steps=STEPS * crowd
        ),
        result("the crowd's own steps", "steps/s", STEPS * crowd / ends["crowd"]),
    ]


def _ends(running: Hub, due: datetime, wanted: dict[str, int]) -> dict[str, float]:
    """By tenant, seconds from `due` until its steps are committed; raises RuntimeError for one too many."""
    ends: dict[str, float] = {}
    with psycopg.connect(running.run()["database_admin_url"], autocommit=True) as connection:
        while len(ends) < len(wanted):
            past = (datetime.now(UTC) - due).total_seconds()
            if past > PATIENCE:
                raise TimeoutError(f"{ends} of {wanted} ended")
            for slug, steps in connection.execute(DONE):
                if steps > wanted[slug]:
                    raise RuntimeError(f"{slug} made {steps} steps instead of {wanted[slug]}")
                if steps == wanted[slug]:
                    ends.setdefault(slug, past)
            time.sleep(0.1)
    return ends
