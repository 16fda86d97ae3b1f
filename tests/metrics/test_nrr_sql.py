"""SQL equals the definition, in integers: random contract lines, every switch, and pandas on the real sample."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast, get_args

import pandas as pd
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.revenue.models import AccountMonth, ContractLine, MonthsChanged, Movement, RetentionMonth
from hub.revenue.services import months_refresh, retention
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from metrics.methodology import EndDay, Line, Methodology, Overlap, monthly_movements, mrr_on, window
from metrics.selectors import contradictions, monthly_ledger, nrr_accounts, nrr_report, nrr_trend
from metrics.window_types import window_types
from tests.world import make_account

AS_OF = date(2024, 12, 31)
METHODS = [Methodology(overlap=o, end=e) for o in get_args(Overlap) for e in get_args(EndDay)]

days = st.dates(date(2023, 1, 1), date(2025, 2, 28)) | st.sampled_from(
    [date(2023, 12, 31), date(2024, 1, 1), date(2024, 12, 31), date(2024, 2, 29), date(2024, 11, 30)]
)
line_rows = st.lists(
    st.tuples(
        st.integers(0, 3),  # account
        days,
        st.none() | st.integers(0, 500),  # length in days
        st.integers(0, 5000),  # MRR
        st.booleans(),  # trial
    ),
    max_size=12,
)


def write(accounts: list[Account], rows: list[tuple[int, date, int | None, int, bool]]) -> list[Line]:
    ContractLine.objects.all().delete()
    lines = [
        ContractLine(
            account=accounts[index],
            source="test",
            external_id=f"L{number}",
            starts_on=start,
            ends_on=None if length is None else start + timedelta(days=length),
            mrr_minor=mrr,
            currency="USD",
            is_trial=trial,
        )
        for number, (index, start, length, mrr, trial) in enumerate(rows)
    ]
    ContractLine.objects.bulk_create(lines)
    return [
        Line(x.external_id, str(x.account_id), x.starts_on, x.ends_on, x.mrr_minor, is_trial=x.is_trial) for x in lines
    ]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=line_rows)
def test_nrr_by_sql_equals_the_definition(acme: Tenant, rows: list[tuple[int, date, int | None, int, bool]]) -> None:
    with tenant_context(acme):
        accounts = [make_account(f"A{n}", industry=f"I{n % 2}") for n in range(4)]
        lines = write(accounts, rows)
        for method in METHODS:
            report = nrr_report(as_of=AS_OF, months=12, method=method, segment_by="industry")
            assert report.total == window(lines, as_of=AS_OF, months=12, method=method)
            for name, part in report.segments.items():
                members = {str(a.id) for a in accounts if a.industry == name}
                own = [line for line in lines if line.account_id in members]
                assert part == window(own, as_of=AS_OF, months=12, method=method)
            moves = nrr_accounts(as_of=AS_OF, months=12, method=method, kind="expansion")
            assert sum(move.change for move in moves) == report.total.expansion
            every = nrr_accounts(as_of=AS_OF, months=12, method=method)
            types = window_types(every, as_of=AS_OF, months=12, method=method)
            for move in every:
                typed = move.kind in ("expansion", "contraction")
                assert sum(types.get(move.account_id, {}).values()) == (abs(move.change) if typed else 0)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=line_rows)
def test_months_and_ledger_equal_the_definition(
    acme: Tenant, rows: list[tuple[int, date, int | None, int, bool]]
) -> None:
    opening, closing = date(2022, 12, 31), date(2024, 12, 31)
    with tenant_context(acme):
        accounts = [make_account(f"A{n}") for n in range(4)]
        lines = write(accounts, rows)
        months_refresh([a.id for a in accounts], through=closing)
        for overlap in get_args(Overlap):
            method = Methodology(overlap=overlap)
            for end in (date(2023, 6, 30), date(2024, 2, 29), closing):
                stored = {
                    str(m.account_id): m.mrr_minor
                    for m in AccountMonth.objects.filter(overlap=overlap, month=end.replace(day=1))
                }
                assert stored == mrr_on(lines, end, method)
            expected = sorted(
                (m.account_id, m.month_end.replace(day=1), str(m.kind), m.amount)
                for m in monthly_movements(lines, opening=opening, closing=closing, method=method)
            )
            summed: dict[tuple[str, date, str], int] = defaultdict(int)
            for m in Movement.objects.filter(overlap=overlap):
                # Types split a movement; what they add up to is what the definition says.
                summed[str(m.account_id), m.month, m.kind] += m.amount_minor
            ledger = sorted((*key, amount) for key, amount in summed.items())
            assert ledger == expected
            trend = nrr_trend(as_of=closing, points=1, window=12, overlap=overlap)[0]
            defined = window(lines, as_of=closing, months=12, method=method)
            assert (trend.opening, trend.closing) == (defined.opening, defined.closing)
            assert trend.nrr == (None if defined.nrr is None else pytest.approx(float(defined.nrr)))
            assert trend.grr == (None if defined.grr is None else pytest.approx(float(defined.grr)))
        live = {
            overlap: nrr_trend(as_of=closing, points=30, window=12, overlap=overlap) for overlap in get_args(Overlap)
        }
        retention.drain(acme.pk)
        assert RetentionMonth.objects.exists() is AccountMonth.objects.exists()
        for overlap, points in live.items():
            assert nrr_trend(as_of=closing, points=30, window=12, overlap=overlap) == points


def test_the_ledger_ties_out_every_month(acme: Tenant) -> None:
    with tenant_context(acme):
        accounts = [make_account(f"A{n}") for n in range(3)]
        write(
            accounts,
            [
                (0, date(2024, 1, 10), None, 1000, False),
                (0, date(2024, 3, 1), 60, 500, False),
                (1, date(2024, 2, 1), 45, 700, False),
                (1, date(2024, 8, 1), None, 900, False),
                (2, date(2024, 5, 5), 10, 100, False),
            ],
        )
        months_refresh([a.id for a in accounts], through=date(2024, 12, 31))
        running = 0
        for month in monthly_ledger(first=date(2024, 1, 1), last=date(2024, 12, 1), overlap="sum"):
            amounts = month.amounts
            running += amounts["new"] + amounts["reactivation"] + amounts["expansion"]
            running -= amounts["contraction"] + amounts["churn"]
            closing = sum(
                AccountMonth.objects.filter(month=month.month, overlap="sum").values_list("mrr_minor", flat=True)
            )
            assert running == closing
        assert Movement.objects.get(kind="reactivation", overlap="sum").amount_minor == 900


@pytest.fixture
def ravenstack() -> Path:
    folder = Path(os.environ.get("SAMPLE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ravenstack"
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}: set SAMPLE_DATA")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("overlap", get_args(Overlap))
def test_nrr_of_the_sample_equals_pandas(acme: Tenant, ravenstack: Path, overlap: Overlap) -> None:
    frame = pd.read_csv(ravenstack / "ravenstack_subscriptions.csv", parse_dates=["start_date", "end_date"])
    paid = frame[~frame.is_trial & (frame.mrr_amount > 0)]

    def snapshot(day: str) -> pd.Series[int]:
        at = pd.Timestamp(day)
        live = paid[(paid.start_date <= at) & (paid.end_date.isna() | (paid.end_date > at))]
        if overlap == "latest":
            live = live.sort_values(["start_date", "subscription_id"]).groupby("account_id").tail(1)
        return live.groupby("account_id").mrr_amount.sum()

    then, now = snapshot("2023-12-31"), snapshot("2024-12-31")
    kept = now.reindex(then.index).fillna(0)
    nrr = kept.sum() / then.sum()
    grr = pd.concat([then, kept], axis=1).min(axis=1).sum() / then.sum()

    with tenant_context(acme):
        accounts = {name: make_account(name) for name in frame.account_id.unique()}
        ContractLine.objects.bulk_create(
            ContractLine(
                account=accounts[row.account_id],
                source="ravenstack",
                external_id=row.subscription_id,
                starts_on=row.start_date.date(),
                ends_on=None if pd.isna(row.end_date) else row.end_date.date(),
                mrr_minor=row.mrr_amount * 100,
                currency="USD",
                is_trial=row.is_trial,
            )
            for row in cast("Iterable[Any]", frame.itertuples())
        )
        report = nrr_report(as_of=AS_OF, months=12, method=Methodology(overlap=overlap))
    assert report.total.nrr is not None
    assert report.total.grr is not None
    assert float(report.total.nrr) == pytest.approx(nrr, abs=1e-9)
    assert float(report.total.grr) == pytest.approx(grr, abs=1e-9)
    assert report.total.opening == then.sum() * 100


def test_contradictions_are_counted_on_both_sides(acme: Tenant) -> None:
    with tenant_context(acme):
        live = make_account("Live", source_churned=True)
        gone = make_account("Gone", source_churned=False)
        write([live, gone], [(0, date(2024, 1, 1), None, 100, False), (1, date(2024, 1, 1), 30, 100, False)])
        ContractLine.objects.filter(account=live).update(source_churned=True)
        found = contradictions(as_of=AS_OF)
    assert (found.flagged_but_live, found.unflagged_but_gone, found.line_flagged_but_open) == (1, 1, 1)
    assert (found.claimed_but_live, found.flagged_not_claimed) == (0, 1)


def test_sums_that_are_behind_are_not_shown_of_a_few_accounts(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        write([account], [(0, date(2023, 1, 10), None, 1000, False)])
        months_refresh([account.id], through=AS_OF)
        assert retention.backlog() is not None
        retention.drain(acme.pk)
        assert retention.backlog() is None
        with CaptureQueriesContext(connection) as asked:
            before = nrr_trend(as_of=AS_OF, points=3, window=12, overlap="sum")
        assert not any("generate_series" in query["sql"] for query in asked)
        write([account], [(0, date(2023, 1, 10), None, 3000, False)])
        months_refresh([account.id], through=AS_OF)
        assert [point.closing for point in nrr_trend(as_of=AS_OF, points=3, window=12, overlap="sum")] == [3000] * 3
        assert [point.closing for point in before] == [1000] * 3


def test_sums_of_many_accounts_are_made_anew_only_so_often(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        write([account], [(0, date(2023, 1, 10), None, 1000, False)])
        months_refresh([account.id], through=AS_OF)
        assert retention.drain(acme.pk) is None
        RetentionMonth.objects.update(accounts=60 * retention.PACE)
        months_refresh([account.id], through=AS_OF)
        later = retention.drain(acme.pk)
        assert later is not None
        assert timedelta(seconds=50) < later - timezone.now() <= timedelta(seconds=60)
        assert MonthsChanged.objects.exists(), "nothing is forgotten meanwhile"
        RetentionMonth.objects.update(computed_at=timezone.now() - timedelta(minutes=2))
        assert retention.drain(acme.pk) is None
        assert not MonthsChanged.objects.exists()
