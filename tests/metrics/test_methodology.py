"""NRR by definition: identities, published examples, and pandas as the oracle."""

import json
import os
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.methodology import (
    SIGN,
    EndDay,
    Line,
    Methodology,
    Movement,
    MovementKind,
    Overlap,
    bridge,
    compounded,
    ever_before,
    month_ends,
    monthly_movements,
    months_back,
    mrr_on,
    net_promoter_score,
    net_window,
    window,
)

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / os.environ.get("SAMPLE_DATA", "../shared/data")
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample data at {SAMPLES}: set SAMPLE_DATA")

DAY0 = date(2024, 1, 31)
DAYS = st.integers(-200, 420).map(lambda n: DAY0 + timedelta(days=n))
METHODS = st.builds(
    Methodology,
    overlap=st.sampled_from(["sum", "latest"]),
    end=st.sampled_from(["exclusive", "inclusive"]),
    include_trials=st.booleans(),
    include_one_time=st.booleans(),
)
SNAPSHOTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**6), max_size=6)


@st.composite
def contract_lines(draw: st.DrawFn) -> Line:
    start = draw(DAYS)
    length = draw(st.none() | st.integers(0, 300))
    return Line(
        external_id=draw(st.sampled_from("0123456789")),
        account_id=draw(st.sampled_from("abcd")),
        start=start,
        end=None if length is None else start + timedelta(days=length),
        mrr=draw(st.integers(0, 5000)),
        is_trial=draw(st.booleans()),
        is_one_time=draw(st.booleans()),
    )


LINES = st.lists(contract_lines(), max_size=12)


def line(start: str, end: str | None = None, mrr: int = 100, *, ref: str = "1", account: str = "a") -> Line:
    return Line(ref, account, date.fromisoformat(start), date.fromisoformat(end) if end else None, mrr)


@given(SNAPSHOTS, SNAPSHOTS, st.sets(st.sampled_from("abcdef")))
def test_a_window_always_ties_out(opening: dict[str, int], closing: dict[str, int], had: set[str]) -> None:
    result = net_window(opening, closing, had)
    moved = sum(SIGN[kind] * getattr(result, kind) for kind in MovementKind)
    assert result.opening + moved == result.closing
    assert result.retained_logos <= result.cohort_size


@given(SNAPSHOTS, SNAPSHOTS)
def test_gross_retention_never_exceeds_one_nor_net_retention(opening: dict[str, int], closing: dict[str, int]) -> None:
    result = net_window(opening, closing)
    if result.nrr is None or result.grr is None:
        assert result.opening == 0
        return
    assert 0 <= result.grr <= 1
    assert result.grr <= result.nrr
    cohort = sum(now for account, now in closing.items() if opening.get(account, 0) > 0)
    assert result.nrr == Fraction(cohort, result.opening)


@settings(max_examples=60)
@given(LINES, METHODS)
def test_monthly_movements_always_tie_out(lines: list[Line], method: Methodology) -> None:
    closing = date(2025, 1, 31)
    movements = monthly_movements(lines, opening=DAY0, closing=closing, method=method)
    balance = mrr_on(lines, DAY0, method)
    for end in month_ends(DAY0, closing)[1:]:
        for movement in movements:
            if movement.month_end == end:
                balance[movement.account_id] = balance.get(movement.account_id, 0) + movement.signed
        assert {account: mrr for account, mrr in balance.items() if mrr} == mrr_on(lines, end, method)
    assert all(movement.amount > 0 for movement in movements)


@settings(max_examples=60)
@given(LINES, METHODS)
def test_the_bridge_ties_both_methods_to_the_cent(lines: list[Line], method: Methodology) -> None:
    closing = date(2025, 1, 31)
    result = bridge(lines, opening=DAY0, closing=closing, method=method)
    netted = window(lines, as_of=closing, months=12, method=method)
    monthly = monthly_movements(lines, opening=DAY0, closing=closing, method=method)
    for step in result.steps:
        assert step.window == getattr(netted, step.kind)
        assert step.monthly == sum(m.amount for m in monthly if m.kind is step.kind)
        assert step.monthly == step.window + step.outside_cohort + step.within_cohort
    gaps = sum(SIGN[step.kind] * (step.outside_cohort + step.within_cohort) for step in result.steps)
    assert gaps == 0
    assert result.nrr_window == netted.nrr


@given(LINES, METHODS, DAYS)
def test_latest_overlap_never_exceeds_the_sum(lines: list[Line], method: Methodology, day: date) -> None:
    both: dict[Overlap, dict[str, int]] = {}
    for overlap in ("sum", "latest"):
        switched = Methodology(overlap, method.end, method.include_trials, method.include_one_time)
        both[overlap] = mrr_on(lines, day, switched)
    assert both["sum"].keys() == both["latest"].keys()
    assert all(both["latest"][account] <= both["sum"][account] for account in both["sum"])


@given(LINES, METHODS, DAYS)
def test_had_mrr_before_means_some_earlier_day_with_mrr(lines: list[Line], method: Methodology, day: date) -> None:
    first = min((item.start for item in lines), default=day)
    earlier = (first + timedelta(days=n) for n in range((day - first).days))
    seen: set[str] = set().union(*(mrr_on(lines, d, method) for d in earlier))
    assert ever_before(lines, day, method) == seen


def test_the_end_day_is_off_unless_it_is_said_to_be_inclusive() -> None:
    lines = [line("2024-01-01", "2024-03-01")]
    exclusive, inclusive = Methodology(), Methodology(end="inclusive")
    assert mrr_on(lines, date(2024, 2, 29), exclusive) == {"a": 100}
    assert mrr_on(lines, date(2024, 3, 1), exclusive) == {}
    assert mrr_on(lines, date(2024, 3, 1), inclusive) == {"a": 100}
    assert mrr_on(lines, date(2024, 3, 2), inclusive) == {}


def test_a_line_that_ends_on_the_day_it_starts_lives_only_with_the_end_inclusive() -> None:
    lines = [line("2024-03-01", "2024-03-01")]
    assert mrr_on(lines, date(2024, 3, 1), Methodology()) == {}
    assert mrr_on(lines, date(2024, 3, 1), Methodology(end="inclusive")) == {"a": 100}


def test_latest_takes_the_greatest_external_id_on_a_tie_and_ignores_unpaid_lines() -> None:
    lines = [
        line("2024-01-01", mrr=500, ref="S-a"),
        line("2024-02-01", mrr=200, ref="S-b"),
        line("2024-02-01", mrr=300, ref="S-c"),
        line("2024-03-01", mrr=0, ref="S-d"),
    ]
    assert mrr_on(lines, date(2024, 4, 1), Methodology(overlap="latest")) == {"a": 300}
    assert mrr_on(lines, date(2024, 4, 1), Methodology(overlap="sum")) == {"a": 1000}


def test_trials_and_one_time_fees_are_not_mrr_unless_asked_for() -> None:
    lines = [
        Line("1", "a", date(2024, 1, 1), None, 100),
        Line("2", "a", date(2024, 1, 1), None, 20, is_trial=True),
        Line("3", "a", date(2024, 1, 1), None, 3, is_one_time=True),
    ]
    day = date(2024, 2, 1)
    assert mrr_on(lines, day, Methodology()) == {"a": 100}
    assert mrr_on(lines, day, Methodology(include_trials=True)) == {"a": 120}
    assert mrr_on(lines, day, Methodology(include_one_time=True)) == {"a": 103}


def test_who_returns_is_reactivation_and_who_was_never_there_is_new() -> None:
    lines = [
        line("2022-01-01", "2023-06-30", account="back"),
        line("2024-05-01", account="back", ref="2"),
        line("2024-05-01", mrr=40, account="fresh"),
        line("2023-01-01", mrr=1000, account="steady"),
    ]
    result = window(lines, as_of=date(2024, 12, 31), months=12, method=Methodology())
    assert (result.new, result.reactivation, result.opening, result.closing) == (40, 100, 1000, 1140)
    assert result.nrr == result.grr == result.logo_retention == Fraction(1)


def test_churn_and_return_inside_a_window_nets_but_shows_monthly() -> None:
    lines = [line("2023-01-01", "2024-03-15", 100), line("2024-08-01", None, 150, ref="2")]
    result = bridge(lines, opening=date(2023, 12, 31), closing=date(2024, 12, 31), method=Methodology())
    by_kind = {step.kind: (step.window, step.within_cohort, step.monthly) for step in result.steps}
    assert by_kind[MovementKind.EXPANSION] == (50, -50, 0)
    assert by_kind[MovementKind.CHURN] == (0, 100, 100)
    assert by_kind[MovementKind.REACTIVATION] == (0, 150, 150)
    assert (result.nrr_window, result.nrr_monthly) == (Fraction(3, 2), Fraction(0))


def test_a_negative_line_is_refused() -> None:
    with pytest.raises(ValueError, match="line 1: MRR -5 is negative"):
        line("2024-01-01", mrr=-5)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-12-31", 12, "2023-12-31"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2023-02-28", 12, "2022-02-28"),
        ("2025-02-28", 12, "2024-02-29"),
        ("2024-03-30", 1, "2024-02-29"),
        ("2024-04-30", 1, "2024-03-31"),
        ("2024-01-15", 1, "2023-12-15"),
    ],
)
def test_twelve_months_before_a_month_end_is_a_month_end(day: str, months: int, expected: str) -> None:
    assert months_back(date.fromisoformat(day), months) == date.fromisoformat(expected)


def test_months_are_named_by_their_last_day() -> None:
    assert month_ends(date(2024, 1, 31), date(2024, 3, 31)) == (
        date(2024, 1, 31),
        date(2024, 2, 29),
        date(2024, 3, 31),
    )
    with pytest.raises(ValueError, match="last day of a month"):
        month_ends(date(2024, 1, 30), date(2024, 3, 31))


# --- published examples ---------------------------------------------------------------------


def published() -> list[Any]:
    path = SAMPLES / "nrr-worked/examples.json"
    return json.loads(path.read_text()) if path.is_file() else []


def snapshots(case: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Four accounts, one per kind of movement, that add up to the published figures."""
    cents = {key: round(100 * case.get(key, 0)) for key in ("start", "expansion", "contraction", "churn")}
    if "expansion" not in case:
        closing = float(case["end"] if "end" in case else case["retained"])
        return {"all": cents["start"]}, {"all": round(100 * closing)}
    rest = cents["start"] - cents["churn"] - 2 * cents["contraction"]
    opening = {"up": rest, "down": 2 * cents["contraction"], "gone": cents["churn"]}
    return opening, {"up": rest + cents["expansion"], "down": cents["contraction"]}


@needs_samples
@pytest.mark.parametrize("case", published(), ids=lambda case: case["id"])
def test_published_examples_come_out_as_published(case: dict[str, Any]) -> None:
    if case["kind"] == "nps":
        up, down = case["promoters_pct"], case["detractors_pct"]
        assert net_promoter_score(up, 100 - up - down, down) == case["value"]
    elif case["kind"] == "compounding":
        low, high = (Fraction(str(rate)) for rate in case["rates"])
        ratio = compounded(high, case["years"]) / compounded(low, case["years"]) - 1
        assert round(float(ratio), 4) == case["value"]
    else:
        result = net_window(*snapshots(case))
        assert result.nrr is not None
        assert float(result.nrr) == pytest.approx(case["value"], abs=1e-12)


# --- pandas over the raw files --------------------------------------------------------------


def oracle(overlap: Overlap, end: EndDay, day: date) -> "pd.Series[int]":
    """MRR in cents per account straight from the CSV file, computed another way."""
    frame = pd.read_csv(SAMPLES / "ravenstack/ravenstack_subscriptions.csv", parse_dates=["start_date", "end_date"])
    moment = pd.Timestamp(day)
    over = frame.end_date < moment if end == "inclusive" else frame.end_date <= moment
    live = frame[(frame.start_date <= moment) & ~over & ~frame.is_trial & (frame.mrr_amount > 0)]
    if overlap == "latest":
        live = live.sort_values(["start_date", "subscription_id"]).drop_duplicates("account_id", keep="last")
    return (live.groupby("account_id").mrr_amount.sum() * 100).astype("int64")


def ravenstack_lines() -> list[Line]:
    frame = pd.read_csv(SAMPLES / "ravenstack/ravenstack_subscriptions.csv", keep_default_na=False)
    return [
        Line(
            external_id=str(row["subscription_id"]),
            account_id=str(row["account_id"]),
            start=date.fromisoformat(str(row["start_date"])),
            end=date.fromisoformat(str(row["end_date"])) if row["end_date"] else None,
            mrr=int(row["mrr_amount"]) * 100,
            is_trial=bool(row["is_trial"]),
        )
        for row in frame.to_dict("records")
    ]


@needs_samples
@pytest.mark.parametrize("overlap", ["sum", "latest"])
@pytest.mark.parametrize("end", ["exclusive", "inclusive"])
def test_ravenstack_equals_an_independent_pandas_computation(overlap: Overlap, end: EndDay) -> None:
    then, now = oracle(overlap, end, date(2023, 12, 31)), oracle(overlap, end, date(2024, 12, 31))
    both = pd.DataFrame({"then": then, "now": now}).fillna(0).astype("int64")
    cohort = both[both.then > 0]
    result = window(
        ravenstack_lines(), as_of=date(2024, 12, 31), months=12, method=Methodology(overlap=overlap, end=end)
    )
    kept = cohort[["then", "now"]].min(axis=1).sum()
    assert (result.opening, result.closing) == (both.then.sum(), both.now.sum())
    assert result.nrr == Fraction(int(cohort.now.sum()), int(cohort.then.sum()))
    assert result.grr == Fraction(int(kept), int(cohort.then.sum()))
    assert result.logo_retention == Fraction(int((cohort.now > 0).sum()), len(cohort))
    assert result.expansion == (cohort.now - cohort.then).clip(lower=0).sum()


def test_a_movement_carries_its_direction() -> None:
    assert Movement("a", DAY0, MovementKind.CHURN, 5).signed == -5
    assert Movement("a", DAY0, MovementKind.REACTIVATION, 5).signed == 5
