"""Back-tests asked for, cancelled, and what publishing asks of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from hub.people.audit import SYSTEM, Actor, audit
from hub.people.models import User
from hub.revenue.models import ContractLine
from hub.tenancy.wake import wake
from signals.backtest.draft import Draft
from signals.backtest.models import UNFINISHED, BacktestRun, Origin, RunStatus
from signals.health.models import Scorecard, ScorecardVersion

QUEUE: Final = "backtest"
MOST_AT_ONCE: Final = 10
SHORTEST, LONGEST = 12, 24
# What was tested longer ago says too little of today; the quarterly runs keep published versions within it.
COUNTS_FOR: Final = timedelta(days=92)
QUARTER: Final = timedelta(days=90)


class BacktestError(ValueError):
    """A back-test that cannot be asked for; the message says why."""


@transaction.atomic
def backtest_start(
    *,
    draft: Draft,
    name: str,
    position: int,
    actor: Actor,
    scorecard: Scorecard | None = None,
    months: int = LONGEST,
    user: User | None = None,
    origin: str = Origin.PERSON,
) -> BacktestRun:
    """Hold a draft against the past, in the background; the run that is under way for the same draft is joined.

    The draft's measures are checked ones (signals/health/cards.py). Raises BacktestError.
    """
    if not SHORTEST <= months <= LONGEST:
        raise BacktestError(f"it goes back {SHORTEST} to {LONGEST} months")
    standing = BacktestRun.objects.filter(status__in=UNFINISHED)
    same: BacktestRun | None = standing.filter(content_hash=draft.hash, months=months, scorecard=scorecard).first()
    if same:
        return same
    if standing.count() >= MOST_AT_ONCE:
        raise BacktestError(f"{MOST_AT_ONCE} back-tests are running; wait for one to finish or cancel it")
    run: BacktestRun = BacktestRun.objects.create(
        scorecard=scorecard,
        name=name[:100],
        content_hash=draft.hash,
        measures=list(draft.measures),
        yellow_from=draft.yellow_from,
        green_from=draft.green_from,
        rule=draft.rule,
        position=position,
        months=months,
        origin=origin,
        asked_by=user,
        asked_label=actor.label,
        due_at=timezone.now(),
    )
    audit(actor, "backtest.start", run, scorecard=str(scorecard.pk) if scorecard else None, hash=draft.hash)
    wake(QUEUE)
    return run


@transaction.atomic
def backtest_cancel(*, run: BacktestRun, actor: Actor) -> bool:
    """Stop a run; what it had counted is dropped. False when it had ended."""
    stopped = BacktestRun.objects.filter(pk=run.pk, status__in=UNFINISHED).update(
        status=RunStatus.CANCELLED, due_at=None, finished_at=timezone.now(), tally={}
    )
    if stopped:
        run.losses.all().delete()
        audit(actor, "backtest.cancel", run)
    return bool(stopped)


def draft_of(version: ScorecardVersion) -> Draft:
    """A published version with its accounts, as a draft."""
    return Draft(version.measures, version.yellow_from, version.green_from, version.scorecard.rule)


# --- Publishing ---------------------------------------------------------------------------------------------------


def backtest_of(draft: Draft) -> BacktestRun | None:
    """The latest finished back-test of exactly this draft that still counts."""
    found: BacktestRun | None = (
        BacktestRun.objects.filter(
            content_hash=draft.hash, status=RunStatus.DONE, finished_at__gte=timezone.now() - COUNTS_FOR
        )
        .order_by("-finished_at")
        .first()
    )
    return found


def backtest_running(draft: Draft) -> BacktestRun | None:
    found: BacktestRun | None = BacktestRun.objects.filter(content_hash=draft.hash, status__in=UNFINISHED).first()
    return found


# --- Every quarter ------------------------------------------------------------------------------------------------


def backtests_due() -> int:
    """Ask for a run of every published version whose last was a quarter ago; returns how many.

    Without any contract line there is nothing that somebody could have left.
    """
    if not ContractLine.objects.exists():
        return 0
    since, asked = timezone.now() - QUARTER, 0
    for version in ScorecardVersion.objects.select_related("scorecard").filter(scorecard__is_active=True):
        card = version.scorecard
        if version.number != card.version:
            continue
        lately = BacktestRun.objects.filter(content_hash=draft_of(version).hash, created_at__gt=since)
        if lately.exclude(status=RunStatus.CANCELLED).exists():
            continue
        backtest_start(
            draft=draft_of(version), name=card.name, position=card.position, scorecard=card, actor=SYSTEM,
            origin=Origin.QUARTERLY,
        )  # fmt: skip
        asked += 1
    return asked
