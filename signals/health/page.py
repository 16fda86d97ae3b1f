"""What a page says of an account's health: its lines, its trend with the versions, its last change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.registry.facts import Fact
from hub.rules.explain import show
from hub.shell.charts import Mark, Series, Unit, XYChart
from hub.tenancy.models import Tenant
from signals.health.cards import Readable
from signals.health.models import HealthDay, HealthInput, HealthOverride, HealthScore
from signals.health.refresh import readable_of
from signals.health.scoring import HAND, Line, State, read_back, score_of

WEEKS: Final = 26
TONES: Final = {"red": "error", "yellow": "warning", "green": "success"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A measure as a row of a page; ``value``, ``points``, ``share`` and ``of`` (days ago) in words."""

    label: str
    value: str
    points: int | None
    weight: int
    share: int
    age: int
    state: State
    what: str
    scale: str
    source: str
    by_hand: str
    is_worst: bool


def health_context(account: Account, tenant: Tenant) -> dict[str, Any]:
    """What the account page needs; four queries, six with an override or values by hand."""
    today = today_of(tenant)
    row = HealthScore.objects.select_related("version__scorecard").filter(account=account).first()
    context: dict[str, Any] = {"health": row, "override": standing_override(account.pk), "today": today}
    if row is None:
        return context
    days = history(account.pk, today)
    context |= {
        "tone": TONES.get(row.shown_band, "muted"),
        "change": last_change(days),
        "trend": trend(days, today),
        "weeks": weekly(days, today),
    }
    if row.version:
        context["lines"] = lines_of(row, readable_of(row.version))
        context["worst"] = next((line for line in context["lines"] if line.is_worst), None)
        context["hand"] = _by_hand(row)
    return context


def lines_of(row: HealthScore, version: Readable) -> list[Shown]:
    """The measures of an account's score, as its version has them."""
    score = score_of(version.card, read_back(row.values))
    return [shown(line, version.facts.get(line.measure.reading), row.worst) for line in score.lines]


def shown(line: Line, fact: Fact | None, worst: str = "") -> Shown:
    """A line of a score in words."""
    measure, hand = line.measure, line.measure.reading.startswith(f"{HAND}:")
    low, high = float(measure.worst), float(measure.best)
    return Shown(
        label=measure.label,
        value=_value(line, fact, hand),
        points=None if line.points is None else round(line.points),
        weight=measure.weight,
        share=round(100 * line.share),
        age=line.seen.age,
        state=line.state,
        what=fact.label if fact else "set by hand",
        scale=f"0 points at {low:g}, 100 at {high:g}",
        source=fact.source if fact else "set by hand",
        by_hand=measure.key if hand else "",
        is_worst=measure.key == worst,
    )


def _value(line: Line, fact: Fact | None, hand: bool) -> str:
    value = line.seen.value
    if value is None:
        return "not known"
    number = int(value) if value == int(value) else round(float(value), 1)
    return f"{number} of 100" if hand or fact is None else show(fact, number)


def _by_hand(row: HealthScore) -> list[tuple[str, str, HealthInput | None]]:
    """Measures of the version that people set: key, label, the latest value."""
    measures = [m for m in row.version.measures if m["fact"] == HAND] if row.version else []
    if not measures:
        return []
    latest = HealthInput.objects.select_related("set_by").filter(
        account_id=row.account_id, measure__in=[m["key"] for m in measures]
    )
    found = {given.measure: given for given in latest.order_by("set_at")}
    return [(m["key"], m["label"], found.get(m["key"])) for m in measures]


def standing_override(account_id: UUID) -> HealthOverride | None:
    found: HealthOverride | None = (
        HealthOverride.objects.select_related("set_by").filter(account_id=account_id, ended_at__isnull=True).first()
    )
    return found


# --- The trend ----------------------------------------------------------------------------------------------------


def history(account_id: UUID, today: date) -> list[HealthDay]:
    """The days on which the score changed in the last 26 weeks, oldest first, after the last one before them."""
    days = HealthDay.objects.select_related("version__scorecard").filter(account_id=account_id)
    since = today - timedelta(weeks=WEEKS)
    before = days.filter(day__lte=since).order_by("-day").first()
    found = list(days.filter(day__gt=since, day__lte=today).order_by("day"))
    return [before, *found] if before else found


@dataclass(frozen=True, slots=True)
class Trend:
    """The score at the end of each week, and the weeks in which another version began to count."""

    chart: XYChart
    versions: Sequence[str]


def weekly(days: Sequence[HealthDay], today: date) -> list[int]:
    """The scores at the ends of the last 26 weeks, without those before there was any."""
    ends = [today - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    return [score for end in ends if (score := _at(days, end)) is not None] if days else []


def trend(days: Sequence[HealthDay], today: date) -> Trend | None:
    """The score of 26 weeks; None while there is less than two days of it."""
    if not days:
        return None
    ends = [today - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    scores = [_at(days, end) for end in ends]
    if sum(score is not None for score in scores) < 2:
        return None
    starts = _versions(days)
    marks = [score if any(end - timedelta(weeks=1) < day <= end for day, _ in starts) else None
             for end, score in zip(ends, scores, strict=True)]  # fmt: skip
    series = [Series("Score", scores)]
    if any(mark is not None for mark in marks):
        series.append(Series("New version of the scorecard", marks))
    green = days[-1].version.green_from if days[-1].version else 70
    chart = XYChart(
        "line", "Health score, 26 weeks", Unit("number", "points, 0 to 100"), [f"{end:%b} {end.day}" for end in ends],
        series, x_name="Week to", mark=Mark(green, "green"),
    )  # fmt: skip
    return Trend(chart, [words for _, words in starts])


def _at(days: Sequence[HealthDay], end: date) -> int | None:
    return next((row.score for row in reversed(days) if row.day <= end), None)


def _versions(days: Sequence[HealthDay]) -> list[tuple[date, str]]:
    """When another version began to count, newest first."""
    found = []
    for row, following in pairwise(days):
        if following.version and following.version_id != row.version_id:
            version = following.version
            found.append((following.day, f"{following.day:%b} {following.day.day}: {version.scorecard.name}, version"
                          f" {version.number}: {version.note}"))  # fmt: skip
    return found[::-1]


@dataclass(frozen=True, slots=True)
class Told:
    """The latest change in words, with its parts that are not nothing."""

    day: date
    words: str
    parts: Sequence[str]


def last_change(days: Sequence[HealthDay]) -> Told | None:
    """The latest day on which the score changed; None when it never did."""
    found = ((row, row.score, row.before) for row in reversed(days))
    for row, score, before in found:
        if score is not None and before is not None and score != before:
            return _told(row, score, score - before)
    return None


def _told(row: HealthDay, score: int, points: int) -> Told:
    words = f"{'Up' if points > 0 else 'Down'} {abs(points)} point{'' if abs(points) == 1 else 's'} to {score}"
    named = (("behaviour", row.behaviour), ("missing or stale data", row.data), ("change of the model", row.model))
    parts = [f"{part:+d} from {name}".replace("-", "−") for name, part in named if part]
    return Told(row.day, words, parts)
