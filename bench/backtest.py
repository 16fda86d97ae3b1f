"""How well and how fast scorecards are held against the past: a planted cause beside a planted decoy, and a model.

Ours is the run; its limit is a scan of the contract lines of the same accounts on the same days, which says who left
and nothing of why.
"""

from __future__ import annotations

import os
import time
from typing import Any

import psycopg

from bench.database import database
from bench.leaving import ALSO, CAUSE, DECOY, lives, settle
from bench.result import Result, result

MONTHS = 24


def measure(scale: float) -> list[Result]:
    """2,000 customers of two years at scale 1."""
    with database():
        return _measure(max(300, round(2_000 * scale)))


def _measure(count: int) -> list[Result]:
    from django.utils import timezone

    from hub.tenancy.context import tenant_context
    from hub.tenancy.models import Tenant

    tenant, today = Tenant.objects.create(slug="past", name="past"), timezone.localdate()
    with tenant_context(tenant):
        settle(lives(count, today, months=MONTHS), today)
    # As autovacuum does soon after an import.
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        connection.execute("ANALYZE")
    return [*_scorecard(tenant, today), _model(tenant)]


def _scorecard(tenant: Any, today: Any) -> list[Result]:
    from hub.accounts.models import Account
    from hub.people.audit import command
    from hub.revenue.selectors import mrr_on
    from hub.tenancy.context import tenant_context
    from signals.backtest import working
    from signals.backtest.draft import Draft
    from signals.backtest.models import BacktestRun
    from signals.backtest.past import ends_of_months
    from signals.backtest.services import backtest_start
    from signals.health.cards import checked

    draft = Draft(checked([CAUSE, DECOY, ALSO]), 40, 70, {"all": []})
    with tenant_context(tenant):
        run = backtest_start(draft=draft, name="planted", position=0, actor=command("bench"))
    begun = time.perf_counter()
    while working.drain(tenant.pk):
        pass
    took = time.perf_counter() - begun
    with tenant_context(tenant):
        run = BacktestRun.objects.get(pk=run.pk)
        ids, days = list(Account.objects.values_list("pk", flat=True)), ends_of_months(today, MONTHS)
        begun = time.perf_counter()
        mrr_on(ids, days)
        scan = time.perf_counter() - begun
    main, measures = run.result["horizons"]["90"], run.result["measures"]
    speed, limit = (run.result["observations"] / seconds for seconds in (took, scan))
    found = {row["label"]: (row["finding"], row["relation"], row["recommended"]) for row in measures}
    return [
        result("back-test", "account-days/s", speed, limit=limit, accounts=len(ids), seconds=round(took, 2)),
        result(
            "ranking of who leaves", "AUC", main["auc"]["value"], limit=main["tenure_auc"]["value"],
            interval=main["auc"], advantage=main["advantage"], limit_is="time as a customer alone",
            first=measures[0]["label"], measures=found, verdict=run.verdict,
        ),
    ]  # fmt: skip


def _model(tenant: Any) -> Result:
    from hub.people.audit import command
    from hub.tenancy.context import tenant_context
    from signals.prediction import work
    from signals.prediction.models import PredictionModel
    from signals.prediction.services import model_train

    with tenant_context(tenant):
        model = model_train(target="churn", actor=command("bench"))
    begun = time.perf_counter()
    work.drain(tenant.pk)
    took = time.perf_counter() - begun
    with tenant_context(tenant):
        model = PredictionModel.objects.get(pk=model.pk)
    found = model.validation
    return result(
        "prediction of churn", "AUC", (found.get("auc") or {}).get("value") or 0.0,
        limit=(found.get("tenure_auc") or {}).get("value"), status=model.status, seconds=round(took, 2),
        interval=found.get("auc"), brier=found.get("brier"), brier_of_share=found.get("brier_of_share"),
        learner=found.get("learner"), limit_is="time as a customer alone",
    )  # fmt: skip
