"""The dashboard's figures as charts, and the months that it can be asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Max, Min

from hub.revenue.models import AccountMonth, Movement
from hub.shell.charts import Mark, Series, Step, Tone, Unit, Waterfall, XYChart
from metrics.methodology import MovementKind, Window, month_ends, months_back
from metrics.selectors import MonthMovements, NrrReport, TrendPoint, last_closed_month

MONTHS_OFFERED: Final = 36
# A book in which nothing has moved for this long is an old export rather than a quiet quarter.
STALE_MONTHS: Final = 12
KIND_WORDS: Final = {
    "": "All accounts",
    "cohort": "Accounts at the opening",
    MovementKind.NEW: "New",
    MovementKind.REACTIVATION: "Reactivation",
    MovementKind.EXPANSION: "Expansion",
    MovementKind.CONTRACTION: "Contraction",
    MovementKind.CHURN: "Churn",
}
# The others take the colours of the palette in turn.
TONES: Final[dict[str, Tone]] = {MovementKind.EXPANSION: "up", MovementKind.CHURN: "down"}
# A window that opens with less than this part of the largest opening says more about its base than about retention.
LEAST_OPENING: Final = 0.1


@dataclass(frozen=True, slots=True)
class Months:
    """Month ends that can be asked about, latest first, and the one that the page opens with."""

    ends: Sequence[date]
    default: date


def reported_months(today: date) -> Months | None:
    """The closed months for which there is MRR; None without any. Two queries."""
    # Either rule for overlaps has the same months, and with one of them the index has them in order.
    first = AccountMonth.objects.filter(overlap="sum").aggregate(first=Min("month"))["first"]
    last = last_closed_month(today - timedelta(days=1))
    if first is None or first > last:
        return None
    ends = month_ends(_end_of(max(first, months_back(last, MONTHS_OFFERED - 1))), _end_of(last))[::-1]
    moved = Movement.objects.filter(overlap="sum", month__lte=last).aggregate(last=Max("month"))["last"]
    stale = moved is not None and moved < months_back(last, STALE_MONTHS) and _end_of(moved) in ends
    return Months(ends, _end_of(moved) if stale else ends[0])


def _end_of(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def waterfall(report: NrrReport, link: Callable[[str], str]) -> Waterfall:
    """From the opening to the closing MRR; each step opens its accounts."""
    total = report.total
    steps: list[tuple[str, Step]] = [("cohort", Step("Opening", total.opening, "total"))]
    steps += [(kind, Step(KIND_WORDS[kind], _signed(total, kind))) for kind in MovementKind]
    steps += [("", Step("Closing", total.closing, "total"))]
    return Waterfall(
        title="From opening to closing MRR",
        unit=Unit("money", f"{report.currency} a month", report.currency),
        steps=[step for _, step in steps],
        links=[link(kind) for kind, _ in steps],
    )


def _signed(total: Window, kind: MovementKind) -> int:
    amount: int = getattr(total, kind)
    return -amount if kind in (MovementKind.CONTRACTION, MovementKind.CHURN) else amount


def month_name(month: date) -> str:
    return f"{month:%b %Y}"


def trend_chart(points: Sequence[TrendPoint]) -> XYChart:
    """NRR and GRR of rolling 12 months; windows with hardly any opening are left out, as the page says."""
    largest = max((point.opening for point in points), default=0)
    known = [point for point in points if point.opening and point.opening >= LEAST_OPENING * largest]
    return XYChart(
        kind="line",
        title="NRR and GRR, trailing 12 months",
        unit=Unit("percent", "% of the opening MRR"),
        x=[month_name(point.month) for point in known],
        series=[Series("NRR", [point.nrr for point in known]), Series("GRR", [point.grr for point in known])],
        x_name="Month",
        mark=Mark(1.0, "100%"),
        from_zero=False,
    )


def ledger_chart(ledger: Sequence[MonthMovements], currency: str) -> XYChart:
    """What moved MRR in each month: gains above zero, losses below."""
    signs = {MovementKind.CONTRACTION: -1, MovementKind.CHURN: -1}
    return XYChart(
        kind="stacked",
        title="MRR movements by month",
        unit=Unit("money", f"{currency} a month", currency),
        x=[month_name(month.month) for month in ledger],
        series=[
            Series(
                KIND_WORDS[kind], [signs.get(kind, 1) * month.amounts[kind] for month in ledger], TONES.get(kind, "")
            )
            for kind in MovementKind
        ],
        x_name="Month",
    )
