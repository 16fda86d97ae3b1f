"""A back-test in words, tables and charts, from its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from hub.registry.facts import known_facts
from hub.rules.compile import keeps_past
from hub.rules.explain import stored_sentence
from hub.rules.language import parse_stored
from hub.shell.charts import Series, Unit, XYChart
from signals.backtest.models import BacktestRun, Verdict
from signals.backtest.past import Caveat, caveats
from signals.backtest.report import BROKEN_SHARE, ENOUGH_CHURNED, LEAST_ACCOUNTS, LEAST_CHURNED, LEAST_LEFT
from signals.backtest.tally import BANDS, HORIZONS, MAIN
from signals.backtest.working import card_of, days_of

TONES: Final = {"not_enough": "muted", "broken": "error", "no_better": "warning", "ranks": "success"}
BAND_TONES: Final = {"red": "error", "yellow": "warning", "green": "success", "none": "muted"}
BAND_WORDS: Final = {"red": "Red", "yellow": "Yellow", "green": "Green", "none": "No score"}
FINDINGS: Final = {
    "related": ("Related", "success"),
    "decoy": ("No relation found", "warning"),
    "backwards": ("The wrong way round", "error"),
    "unread": ("Never had a value", "muted"),
    "too_few": ("Too few to tell", "muted"),
}
FIELDS: Final = {
    "industry": "Industry", "country": "Country", "segment": "Segment", "tier": "Plan tier on the day",
    "stage": "Lifecycle stage on the day",
    "tenure": "Time as a customer",
}  # fmt: skip


def backtest_context(run: BacktestRun, horizon: str) -> dict[str, Any]:
    """What the page of a run shows."""
    known = known_facts()
    rule, words = parse_stored(run.rule, known), stored_sentence(run.rule, known)
    context: dict[str, Any] = {
        "run": run,
        "for_whom": "" if words == "always" else words,
        "rule_of_today": rule is not None and not keeps_past(rule),
        "caveats": caveats(card_of(run), run.measures),
        "tone": TONES.get(run.verdict, "muted"),
    }
    return context | _result(run, horizon) if run.result else context


def _result(run: BacktestRun, horizon: str) -> dict[str, Any]:
    result = run.result
    chosen = horizon if horizon in result["horizons"] else str(MAIN)
    found, days = result["horizons"][chosen], _days(run, int(chosen))
    return {
        "result": result,
        "horizon": chosen,
        "horizons": [(str(days), f"{days} days") for days in HORIZONS],
        "found": found,
        "verdict_words": verdict_words(run),
        "matrix": _matrix(found, days),
        "days": days,
        "lost_by": _lost(found, days),
        "chart": _chart(found, chosen),
        "measures": [_measure(row) for row in result["measures"]],
        "segments": [(FIELDS.get(name, name), rows) for name, rows in result["segments"].items() if len(rows) > 1],
        "recent": result["recent"],
        "least_left": LEAST_LEFT,
        "main": MAIN,
    }


def verdict_words(run: BacktestRun) -> str:
    """What came of it, in two sentences."""
    main, recent = run.result["horizons"][str(MAIN)], run.result["recent"]
    seen = f"{main['accounts']} paying accounts, {main['churned_accounts']} of which left within {MAIN} days of a day"
    match run.verdict:
        case Verdict.NOT_ENOUGH:
            return (
                f"There is not enough history to judge: {seen} that was looked at. It takes at least {LEAST_ACCOUNTS}"
                f" accounts and {LEAST_CHURNED} that left. This counts as a back-test; the draft may be published."
            )
        case Verdict.BROKEN:
            return (
                f"{recent['green']} of the {recent['left']} accounts that left in the last six months were green"
                f" {MAIN} days before. Above {BROKEN_SHARE:.0%} the score does not see it coming."
            )
        case Verdict.NO_BETTER:
            return (
                f"It ranks who leaves no better than how long they have been customers: {seen}."
                " The advantage's interval contains 0."
            )
    return (
        f"Who leaves within {MAIN} days had lower scores than who stays, beyond what time as a customer tells: {seen}."
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A band of the confusion matrix; ARR is the mean over the days."""

    band: str
    words: str
    tone: str
    cells: Mapping[str, int]
    rate: float | None
    arr: int
    lost: int


def _lost(found: Mapping[str, Any], days: int) -> list[int]:
    """ARR of who left, and what others pay less, as the mean of the days."""
    rows = found["matrix"].values()
    return [12 * sum(row[name] for row in rows) // max(days, 1) for name in ("churned_mrr", "contracted_mrr")]


def _days(run: BacktestRun, horizon: int) -> int:
    """On how many days accounts were seen whose horizon is over."""
    seen = [date.fromisoformat(day) for day, *_ in run.result["days"]]
    if run.today is None or not seen:
        return 0
    asked = [day for day in days_of(run.today, run.months) if day >= min(seen)]
    return sum(day + timedelta(days=horizon) <= run.today for day in asked)


def _matrix(found: Mapping[str, Any], days: int) -> list[Row]:
    rows = ((band, found["matrix"][band]) for band in BANDS)
    return [
        Row(
            band, BAND_WORDS[band], BAND_TONES[band], cells,
            cells["churned"] / cells["count"] if cells["count"] else None,
            12 * cells["mrr"] // max(days, 1), 12 * cells["lost"] // max(days, 1),
        )
        for band, cells in rows
        if cells["count"] or band != "none"
    ]  # fmt: skip


def _chart(found: Mapping[str, Any], horizon: str) -> XYChart | None:
    tenths: Sequence[Sequence[int]] = found["tenths"]
    if not found["churned"]:
        return None
    names = [f"{10 * at}–{10 * at + 9 if at < 9 else 100}" for at in range(10)]
    rates = [churned / count if count else None for count, churned in tenths]
    return XYChart(
        "bar", f"Left within {horizon} days, by score", Unit("percent", "of the accounts on a day"), names,
        [Series("Left", rates, "down")], x_name="Score",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A measure of the result: its finding in words, and its weight beside the one that would follow."""

    row: Mapping[str, Any]
    words: str
    tone: str


def _measure(row: Mapping[str, Any]) -> Line:
    return Line(row, *FINDINGS[row["finding"]])


def sample_words(result: Mapping[str, Any]) -> str:
    """The warning of a small sample, with its numbers; "" when it is large enough."""
    main = result["horizons"][str(MAIN)]
    if not result["few"]:
        return ""
    return (
        f"Only {main['churned_accounts']} accounts left within {MAIN} days of a day that was looked at. From"
        f" {ENOUGH_CHURNED} on the intervals are narrow enough to compare two drafts."
    )


__all__ = ["Caveat", "backtest_context", "sample_words", "verdict_words"]
