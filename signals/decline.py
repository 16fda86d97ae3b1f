"""Usage decline: two weeks in a row well under what was usual before.

Definition: of the complete weeks of the tenant's calendar, each of the last two lies under
(1 − drop) × the mean of up to eight complete weeks before both; with fewer than four such weeks
nothing can be said. A day without events counts as zero use; a day on which nothing could be
known (a stopped connector, before the account's first day) makes its week incomplete.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeAlias

Amount: TypeAlias = int | Decimal
WEEK: Final = timedelta(days=7)


class Verdict(StrEnum):
    """What the definition says about one account."""

    FIRES = "fires"
    NOT = "not"
    NOT_ENOUGH_HISTORY = "not_enough_history"


@dataclass(frozen=True, slots=True)
class DeclineRule:
    """The editable numbers of the definition. ``drop_percent`` is 0 … 100, exclusive."""

    drop_percent: int = 20
    recent_weeks: int = 2
    baseline_weeks: int = 8
    least_baseline_weeks: int = 4
    week_start: int = 0
    """First day of the tenant's week, 0 = Monday as in ``date.weekday()``."""


@dataclass(frozen=True, slots=True)
class Week:
    """A complete week: its first day and its use in the measure's unit."""

    start: date
    total: Amount


@dataclass(frozen=True, slots=True)
class Decline:
    """The verdict with the values it saw; ``as_evidence`` is what a signal stores."""

    verdict: Verdict
    recent: tuple[Week, ...]
    baseline: tuple[Week, ...]
    rule: DeclineRule

    @property
    def mean(self) -> Fraction | None:
        """Mean weekly use of the baseline, exact; None without a baseline."""
        if not self.baseline:
            return None
        return sum((Fraction(week.total) for week in self.baseline), Fraction(0)) / len(self.baseline)

    @property
    def drop_percent(self) -> Fraction | None:
        """How far the *better* of the recent weeks lies under the mean, percent; < 0 above it."""
        if not self.recent or not self.mean:
            return None
        return 100 * (1 - Fraction(max(week.total for week in self.recent)) / self.mean)

    def as_evidence(self) -> dict[str, object]:
        """JSON: weeks as [first day, total], mean and drop as floats, and the thresholds."""
        mean, drop = self.mean, self.drop_percent
        return {
            "verdict": str(self.verdict),
            "recent": [[week.start.isoformat(), float(week.total)] for week in self.recent],
            "baseline": [[week.start.isoformat(), float(week.total)] for week in self.baseline],
            "baseline_mean": None if mean is None else float(mean),
            "drop_percent": None if drop is None else round(float(drop), 2),
            "threshold_percent": self.rule.drop_percent,
        }


def usage_decline(
    daily: Mapping[date, Amount],
    *,
    first_day: date,
    today: date,
    unknown_days: Collection[date] = frozenset(),
    rule: DeclineRule | None = None,
) -> Decline:
    """Judge one account.

    ``daily``: use per day of the tenant's zone, days without use may be absent. ``first_day``:
    first day on which use could have been seen. ``today``: the tenant's day, not yet complete.
    ``unknown_days``: days for which absence means *not known* instead of zero.
    """
    rule = rule or DeclineRule()
    wanted = rule.recent_weeks + rule.baseline_weeks
    weeks = complete_weeks(daily, first_day, today, unknown_days, rule.week_start)[-wanted:]
    recent, baseline = tuple(weeks[-rule.recent_weeks :]), tuple(weeks[: -rule.recent_weeks])
    return Decline(_verdict(recent, baseline, rule), recent, baseline, rule)


def complete_weeks(
    daily: Mapping[date, Amount],
    first_day: date,
    today: date,
    unknown_days: Collection[date],
    week_start: int = 0,
) -> list[Week]:
    """Every week from ``first_day`` to yesterday that has all its seven days known, in order."""
    start = first_day + timedelta(days=(week_start - first_day.weekday()) % 7)
    weeks: list[Week] = []
    while start + WEEK <= today:
        days = [start + timedelta(days=n) for n in range(7)]
        if not any(day in unknown_days for day in days):
            weeks.append(Week(start, sum(daily.get(day, 0) for day in days)))
        start += WEEK
    return weeks


def _verdict(recent: Sequence[Week], baseline: Sequence[Week], rule: DeclineRule) -> Verdict:
    if len(recent) < rule.recent_weeks or len(baseline) < rule.least_baseline_weeks:
        return Verdict.NOT_ENOUGH_HISTORY
    # Cross-multiplied, so that an exact boundary is never lost to rounding.
    limit = sum((Fraction(week.total) for week in baseline), Fraction(0)) * (100 - rule.drop_percent)
    low = all(Fraction(week.total) * 100 * len(baseline) < limit for week in recent)
    return Verdict.FIRES if low else Verdict.NOT
