"""NRR by SQL over contract lines and account months, at two sizes; the limit is a bare sum over the same lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from bench.database import database
from bench.result import Result, result

AS_OF = date(2025, 12, 31)
ROUNDS = 7

LINES = """
INSERT INTO revenue_contractline (tenant_id, id, account_id, source, external_id, product, tier, seats, mrr_minor,
    currency, billed_currency, starts_on, ends_on, is_trial, billing_period, created_at, updated_at)
SELECT a.tenant_id, gen_random_uuid(), a.id, 'bench', a.name || '-' || n, '', 'Growth', 10,
    1000 + (random() * 90000)::int, 'USD', '', date '2023-01-01' + (random() * 700)::int,
    CASE WHEN random() < .3 THEN date '2025-01-01' + (random() * 360)::int END, false, 'monthly', now(), now()
FROM accounts_account a CROSS JOIN generate_series(1, 3) AS n WHERE a.tenant_id = %s
"""


def measure(scale: float) -> list[Result]:
    with database():
        small, large = (_tenant(f"t{n}", round(n * scale)) for n in (10_000, 100_000))
        return [_window(small, "10k"), _window(large, "100k"), _trend(large)]


def _tenant(slug: str, accounts: int) -> Any:
    from django.db import connection

    from hub.accounts.models import Account
    from hub.revenue.services import months_refresh, retention
    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant

    tenant = Tenant.objects.create(slug=slug, name=slug)
    with tenant_context(tenant), connection.cursor() as cursor:
        Account.objects.bulk_create(
            [Account(name=f"A{n}", industry=f"I{n % 8}") for n in range(accounts)], batch_size=5000
        )
        cursor.execute(LINES, [tenant.id])
        ids = list(Account.objects.values_list("pk", flat=True))
        for first in range(0, len(ids), 5000):
            months_refresh(ids[first : first + 5000], through=AS_OF)
    retention.drain(tenant.id)
    return tenant


def _timed(tenant: Any, job: Callable[[], object]) -> list[float]:
    from hub.tenancy.context import tenant_context

    times = []
    for _ in range(ROUNDS):
        with tenant_context(tenant):
            begun = time.perf_counter()
            job()
            times.append(1000 * (time.perf_counter() - begun))
    return times[1:]


def _window(tenant: Any, size: str) -> Result:
    """The dashboard's 12-month window with segments; the limit sums the same lines once."""
    from django.db import connection

    from metrics.methodology import Methodology
    from metrics.selectors import nrr_report

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT account_id, sum(mrr_minor) FROM revenue_contractline GROUP BY account_id")
            cursor.fetchall()

    ours = _timed(tenant, lambda: nrr_report(as_of=AS_OF, months=12, method=Methodology(), segment_by="industry"))
    limit = _timed(tenant, bare)
    middle = sorted(ours)[len(ours) // 2]
    return result(f"nrr window {size}", "ms", middle, limit=sorted(limit)[len(limit) // 2], times_ms=ours)


def _trend(tenant: Any) -> Result:
    """24 rolling windows as the dashboard reads them, once the worker has summed; to stay under 200 ms."""
    from metrics.selectors import nrr_trend

    ours = _timed(tenant, lambda: nrr_trend(as_of=AS_OF, points=24, window=12, overlap="sum"))
    return result("nrr trend 100k", "ms", sorted(ours)[len(ours) // 2], limit=200.0, times_ms=ours)
