"""NRR over the interface equals pandas straight from the CSV files."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine
from django.test import Client

from hub.people.services import credential_create
from hub.revenue.services import contract_line_upsert
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / os.environ.get("SAMPLE_DATA", "../shared/data") / "ravenstack"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample data at {SAMPLES}: set SAMPLE_DATA")
WINDOW = (pd.Timestamp("2023-12-31"), pd.Timestamp("2024-12-31"))


def get(tenant: Tenant, query: str = "") -> dict[str, Any]:
    key = credential_create(tenant=tenant, name="bi", actor=ACTOR, scopes=["read"])[1]
    answer = Client().get(f"/api/v1/metrics/nrr?{query}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def mrr_on(lines: pd.DataFrame, day: pd.Timestamp, overlap: str) -> pd.Series[int]:
    live = lines[(lines.start_date <= day) & (lines.end_date.isna() | (lines.end_date > day))]
    live = live[~live.is_trial & (live.mrr_amount > 0)]
    if overlap == "latest":
        live = live.sort_values(["start_date", "subscription_id"]).groupby("account_id").tail(1)
    return live.groupby("account_id").mrr_amount.sum()


@pytest.fixture
def lines(acme: Tenant) -> pd.DataFrame:
    """The file's lines, and the same lines in the tenant by way of the service."""
    path = SAMPLES / "ravenstack_subscriptions.csv"
    frame = pd.read_csv(path, parse_dates=["start_date", "end_date"])
    # Some accounts are enough for the way through; the whole file is compared in the tests of import and metrics.
    frame = frame[frame.account_id.isin(sorted(frame.account_id.unique())[:60])]
    with tenant_context(acme):
        accounts = {name: make_account(name) for name in frame.account_id.unique()}
        rows: list[Any] = list(frame.itertuples())
        for row in rows:
            fields = {
                "mrr_minor": int(row.mrr_amount) * 100,
                "currency": "USD",
                "starts_on": row.start_date.date(),
                "ends_on": None if pd.isna(row.end_date) else row.end_date.date(),
                "is_trial": bool(row.is_trial),
            }
            contract_line_upsert(
                account=accounts[row.account_id], source="file", external_id=str(row.subscription_id), fields=fields
            )
    return frame


@pytest.mark.slow
@needs_samples
def test_nrr_equals_pandas_to_six_decimals(acme: Tenant, lines: pd.DataFrame) -> None:
    for overlap in ("sum", "latest"):
        equals_pandas(acme, lines, overlap)


def equals_pandas(acme: Tenant, lines: pd.DataFrame, overlap: str) -> None:
    then, now = (mrr_on(lines, day, overlap) for day in WINDOW)
    both = pd.DataFrame({"then": then, "now": now}).fillna(0)
    cohort = both[both.then > 0]
    body = get(acme, f"as_of=2024-12-31&window=12m&overlap={overlap}&segment_by=industry")
    assert body["nrr"] == pytest.approx(cohort.now.sum() / cohort.then.sum(), abs=1e-6)
    assert body["grr"] == pytest.approx(cohort.min(axis=1).sum() / cohort.then.sum(), abs=1e-6)
    assert body["logo_retention"] == pytest.approx((cohort.now > 0).mean(), abs=1e-6)
    assert (body["opening"], body["closing"]) == (round(both.then.sum() * 100), round(both.now.sum() * 100))
    assert body["cohort_size"] == len(cohort)
    assert sum(part["closing"] for part in body["segments"]) == body["closing"]


def test_the_document_states_every_switch(acme: Tenant) -> None:
    with time_machine.travel("2026-03-15T12:00:00Z"):
        body = get(acme, "end=inclusive")
    assert (body["as_of"], body["start"], body["currency"]) == ("2026-02-28", "2025-02-28", "USD")
    assert body["methodology"] == {
        "window": "12m",
        "basis": "contract_lines",
        "overlap": "sum",
        "end": "inclusive",
        "include_trials": False,
        "include_one_time": False,
    }
    assert (body["nrr"], body["opening"], body["segments"]) == (None, 0, [])


def test_ratios_are_numbers_and_money_is_whole_minor_units(acme: Tenant) -> None:
    with tenant_context(acme):
        for number, (before, after) in enumerate([(100, 150), (200, 0), (33, 33)]):
            account = make_account(f"A{number}")
            for start, end, mrr in ((date(2023, 1, 1), date(2024, 6, 1), before), (date(2024, 6, 1), None, after)):
                fields = {"mrr_minor": mrr, "currency": "USD", "starts_on": start, "ends_on": end}
                contract_line_upsert(account=account, source="t", external_id=f"{number}{start}", fields=fields)
    body = get(acme, "as_of=2024-12-31")
    assert body["nrr"] == pytest.approx(183 / 333, abs=1e-12)
    assert (body["opening"], body["expansion"], body["churn"], body["closing"]) == (333, 50, 200, 183)
