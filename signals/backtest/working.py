"""The worker's part of a back-test: some accounts on all days, a transaction for each batch, which holds the run.

What a crash interrupts is taken back whole and done by the next worker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import AccountFacts
from hub.registry.facts import known_facts
from hub.rules.language import AllOf, Not, parse_stored
from hub.tenancy.context import tenant_context
from hub.tenancy.remembering import current_tenant
from signals.backtest.models import UNFINISHED, BacktestLoss, BacktestRun, RunStatus
from signals.backtest.past import Asked, ages_of, ends_of_months, observations, recently_left
from signals.backtest.report import report
from signals.backtest.tally import MAIN, Observation, count, count_recent, empty, group_of
from signals.health.cards import Readable, readable
from signals.health.models import Scorecard

log = logging.getLogger(__name__)

BATCH: Final = 200
SLICE_SECONDS: Final = 15.0
MAX_ATTEMPTS: Final = 5
BACK_OFF: Final = timedelta(seconds=20)


def backlog() -> datetime | None:
    earliest: datetime | None = BacktestRun.objects.filter(due_at__isnull=False).aggregate(at=Min("due_at"))["at"]
    return earliest


def drain(tenant_id: UUID) -> datetime | None:
    """Work through what is due until the slice is over; returns when more will be."""
    end = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < end and _next(tenant_id):
        pass
    with tenant_context(tenant_id):
        return backlog()


def _next(tenant_id: UUID) -> bool:
    """One step of the run that is due first; False when none is, or another worker has it."""
    with tenant_context(tenant_id):
        due = BacktestRun.objects.filter(due_at__lte=timezone.now(), status__in=UNFINISHED)
        run = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "id").first()
        if run is None:
            return False
        try:
            with transaction.atomic():
                run_step(run)
        except Exception as error:
            log.exception("back-test %s failed", run.pk)
            _put_off(run, error)
    return True


def _put_off(run: BacktestRun, error: Exception) -> None:
    """Try again later; after some tries say why not."""
    reason = f"{type(error).__name__}: {error}"[:300]
    if run.attempts + 1 < MAX_ATTEMPTS:
        changes = {"attempts": run.attempts + 1, "reason": reason, "due_at": timezone.now() + BACK_OFF}
    else:
        changes = {"status": RunStatus.FAILED, "reason": reason, "due_at": None, "finished_at": timezone.now()}
    BacktestRun.objects.filter(pk=run.pk).update(**changes)


def run_step(run: BacktestRun) -> bool:
    """Begin a run, count the next accounts, or end it; False when it has ended. In the caller's transaction."""
    if run.status == RunStatus.WAITING:
        _begin(run)
        return True
    ids = list(_accounts(run)[:BATCH])
    if not ids:
        return _end(run)
    _count(run, ids)
    run.after, run.done, run.attempts, run.reason = ids[-1], run.done + len(ids), 0, ""
    run.save(update_fields=["after", "done", "attempts", "reason", "tally"])
    return True


def _accounts(run: BacktestRun) -> Any:
    # Accounts that no evaluation has met yet have nothing that could be read.
    rows = AccountFacts.objects.order_by("account_id").values_list("account_id", flat=True)
    return rows.filter(account_id__gt=run.after) if run.after else rows


def _begin(run: BacktestRun) -> None:
    tenant = current_tenant()
    run.today, run.total, run.status = today_of(tenant), _accounts(run).count(), RunStatus.RUNNING
    days = days_of(run.today, run.months)
    ages = ages_of(card_of(run), days)
    run.tally = empty() | {"ages": {day.isoformat(): ages[day] for day in days}}
    run.save(update_fields=["today", "total", "status", "tally"])


def days_of(today: date, months: int) -> list[date]:
    """The days that are looked at: ends of months after which something can have happened."""
    return [day for day in ends_of_months(today, months) if day + timedelta(days=30) <= today]


def card_of(run: BacktestRun) -> Readable:
    return readable(run.measures, run.yellow_from, run.green_from)


def asked_of(run: BacktestRun) -> Asked:
    """What a run asks about the past."""
    known = known_facts()
    assert run.today is not None, "set when it began"
    ages = {date.fromisoformat(day): found for day, found in run.tally.get("ages", {}).items()}
    return Asked(
        card=card_of(run),
        # A rule that reads what is gone since is for nobody.
        rule=parse_stored(run.rule, known) or Not(AllOf(())),
        others=[node for card in _before(run) if (node := parse_stored(card.rule, known)) is not None],
        today=run.today,
        days=days_of(run.today, run.months),
        ages=ages,
    )


def _before(run: BacktestRun) -> Sequence[Scorecard]:
    """The scorecards that are asked first, and so keep their accounts."""
    found = Scorecard.objects.filter(is_active=True, version__gt=0)
    if run.scorecard is None:
        return list(found.filter(position__lte=run.position).order_by("position", "key"))
    ahead = Q(position__lt=run.position) | Q(position=run.position, key__lt=run.scorecard.key)
    return list(found.filter(ahead).exclude(pk=run.scorecard_id).order_by("position", "key"))


def _count(run: BacktestRun, ids: Sequence[UUID]) -> None:
    asked = asked_of(run)
    seen = observations(asked, ids)
    for pk, own in seen.items():
        count(run.tally, group_of(pk.int), own)
    for band, shown in recently_left(asked, ids):
        count_recent(run.tally, band, shown)
    BacktestLoss.objects.bulk_create(_losses(run, seen), ignore_conflicts=True)


def _losses(run: BacktestRun, seen: Mapping[UUID, Sequence[Observation]]) -> list[BacktestLoss]:
    found = []
    for pk, own in seen.items():
        lost = [one for one in own if MAIN in one.later and one.churned(MAIN)]
        for band in sorted({one.band for one in lost}):
            here = [one for one in lost if one.band == band]
            last = here[-1]
            found.append(
                BacktestLoss(
                    run=run, account_id=pk, band=band, day=last.day, score=last.score, mrr_minor=last.mrr,
                    shown_band=last.shown_band, days=len(here),
                )
            )  # fmt: skip
    return found


def _end(run: BacktestRun) -> bool:
    run.result = report(run.tally, run.measures)
    run.verdict, run.status = run.result["verdict"], RunStatus.DONE
    run.due_at, run.finished_at, run.tally, run.reason = None, timezone.now(), {}, ""
    run.save(update_fields=["result", "verdict", "status", "due_at", "finished_at", "tally", "reason"])
    return False
