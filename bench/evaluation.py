"""Triggers over accounts whose fact rows stand, beside a scan of the same facts; the upkeep of the rows; growth.

25 of the shipped triggers, in their batches, on accounts of which each has its own use. *All* asks every account and
finds nothing moved, as a day without news does; a hundredth of them stand for what a minute brings. The limits are
those of the design: 3 × the scan, 30% of all for a hundredth, 3% of all for its upkeep, 12 × for ten times as many.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg

from bench.company import PASSWORD
from bench.database import database
from bench.result import Result, result

ACCOUNTS = 100_000
TRIGGERS = 25
PROMISED_S, CLOSE_S = 5.0, 2.0
# Rollup rows of an account: days × names.
USE = (40, 2)
ROUNDS = 3


def measure(scale: float) -> list[Result]:
    with database():
        accounts = round(ACCOUNTS * scale)
        small, large = _Tenant("small", accounts // 10), _Tenant("large", accounts)
        share = accounts / ACCOUNTS
        tenth = small.all()
        all_, scan, few = large.all(), large.scan(), large.few()
        upkeep, upkeep_few = large.upkeep(large.ids), large.upkeep(large.ids[::100])
        return [
            result("evaluation of all", "s", all_, limit=PROMISED_S * share, accounts=accounts, triggers=TRIGGERS),
            result("evaluation of all, beside 3 scans", "s", all_, limit=3 * scan),
            result("evaluation of 1%", "s", few, limit=0.3 * all_),
            result("evaluation of ten times as many", "s", all_, limit=12 * tenth),
            result("upkeep of 1%", "s", upkeep_few, limit=0.03 * upkeep),
            result("upkeep of all", "s", upkeep, limit=CLOSE_S * share, accounts=accounts),
        ]


class _Tenant:
    """A tenant with its accounts, their fact rows, and every trigger having looked at them once."""

    def __init__(self, slug: str, accounts: int) -> None:
        from django.core.management import call_command

        from bench import large
        from hub.accounts.models import Account
        from hub.tenancy.context import tenant_context
        from hub.tenancy.models import Tenant
        from signals.models import Trigger

        call_command("create_tenant", slug, f"--name={slug}", "--timezone=UTC", stdout=io.StringIO())
        mail = f"csm@{slug}.example"
        user = [mail, f"--tenant={slug}", "--role=csm", "--name=Dana Reed", f"--password={PASSWORD}"]
        call_command("create_user", *user, stdout=io.StringIO())
        large.fill(slug, mail, accounts)
        large.use(slug, *USE)
        self.tenant = Tenant.objects.get(slug=slug)
        with tenant_context(self.tenant):
            self.ids: list[UUID] = list(Account.objects.order_by("pk").values_list("pk", flat=True))
            kept = Trigger.objects.filter(kind=Trigger.Kind.COMPUTED).order_by("key")[:TRIGGERS]
            Trigger.objects.exclude(pk__in=[trigger.pk for trigger in kept]).update(is_active=False)
        with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        self.upkeep(self.ids)
        self._evaluated(self.ids)

    def all(self) -> float:
        """Seconds to ask every trigger of every account."""
        return min(self._evaluated(self.ids) for _ in range(ROUNDS))

    def few(self) -> float:
        return min(self._evaluated(self.ids[::100]) for _ in range(ROUNDS))

    def _evaluated(self, ids: Sequence[UUID]) -> float:
        from signals.engine import triggers_evaluate

        return self._timed(lambda part, clock: triggers_evaluate(part, clock), ids)

    def scan(self) -> float:
        """Seconds to read the facts that the triggers read, of every account."""
        from hub.registry.facts import known_facts
        from hub.rules.language import facts_of_days, parse
        from hub.rules.reading import read_facts
        from hub.tenancy.context import tenant_context
        from signals.models import Trigger

        with tenant_context(self.tenant):
            known = known_facts()
            rules = Trigger.objects.filter(is_active=True).values_list("rule", flat=True)
            facts = {name: fact for rule in rules for name, fact in facts_of_days(parse(rule, known)).items()}
        return min(self._timed(lambda part, clock: read_facts(facts, part, clock), self.ids) for _ in range(ROUNDS))

    def upkeep(self, ids: Sequence[UUID]) -> float:
        """Seconds to bring fact rows up to date."""
        from hub.accounts.facts import facts_refresh

        return self._timed(lambda part, clock: facts_refresh(part, today=clock.today), ids)

    def _timed(self, job: Callable[[Sequence[UUID], Any], object], ids: Sequence[UUID]) -> float:
        from django.utils import timezone

        from hub.accounts.facts import today_of
        from hub.rules.compile import Clock
        from hub.tenancy.context import tenant_context
        from signals.draining import LARGE_BATCH

        now = timezone.now()
        clock = Clock(now, today_of(self.tenant, now))
        begun = time.perf_counter()
        for first in range(0, len(ids), LARGE_BATCH):
            with tenant_context(self.tenant):
                job(ids[first : first + LARGE_BATCH], clock)
        return time.perf_counter() - begun
