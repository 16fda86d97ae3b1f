"""Reads of back-tests: the list, the accounts that left, and what a scorecard's page says of its last."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from signals.backtest.models import BacktestLoss, BacktestRun, RunStatus
from signals.health.models import Scorecard


def backtests() -> QuerySet[BacktestRun]:
    """Runs with their scorecards, newest first; what is counted meanwhile is left out."""
    found: QuerySet[BacktestRun] = BacktestRun.objects.select_related("scorecard", "asked_by").defer("tally")
    return found.order_by("-pk")


def losses_of(run_id: UUID, band: str = "") -> QuerySet[BacktestLoss]:
    """The accounts that a run saw leave, the greatest MRR first; of one band."""
    found: QuerySet[BacktestLoss] = BacktestLoss.objects.select_related("account").filter(run_id=run_id)
    return (found.filter(band=band) if band else found).order_by("-mrr_minor", "id")


def latest_backtest(card: Scorecard) -> BacktestRun | None:
    """The latest finished run of a scorecard's drafts and versions. One query."""
    return backtests().filter(scorecard=card, status=RunStatus.DONE).first()
