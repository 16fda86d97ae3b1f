"""The definitions of NRR, GRR and their movements, over integers in minor units.

This module defines; SQL computes the same for pages, and a test holds both equal. Pure: days
and amounts in, dataclasses out, no rounding anywhere but in shares of one amount, which are
given out so that they add up.
"""

import calendar
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal

Overlap = Literal["sum", "latest"]
EndDay = Literal["exclusive", "inclusive"]


@dataclass(frozen=True, slots=True)
class Methodology:
    """The named switches that a figure was computed with; stored beside it.

    ``overlap``: lines of one account that run at once add up, or only the one with the latest
    start counts. ``end``: whether a line's end day is its first day off or its last day on.
    """

    overlap: Overlap = "sum"
    end: EndDay = "exclusive"
    include_trials: bool = False
    include_one_time: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A contract line. ``mrr`` is minor units a month, ≥ 0, all lines in one currency."""

    external_id: str
    account_id: str
    start: date
    end: date | None
    mrr: int
    is_trial: bool = False
    is_one_time: bool = False

    def __post_init__(self) -> None:
        if self.mrr < 0:
            raise ValueError(f"line {self.external_id}: MRR {self.mrr} is negative")

    def is_live(self, day: date, method: Methodology) -> bool:
        """Live when ``start ≤ day < end`` (``≤ end`` with the end inclusive)."""
        if day < self.start:
            return False
        return self.end is None or day < self.end or (method.end == "inclusive" and day == self.end)

    def counts(self, method: Methodology) -> bool:
        """Whether the line is recurring revenue under the methodology; free lines never are."""
        trial_out = self.is_trial and not method.include_trials
        one_time_out = self.is_one_time and not method.include_one_time
        return self.mrr > 0 and not trial_out and not one_time_out


def mrr_on(lines: Iterable[Line], day: date, method: Methodology) -> dict[str, int]:
    """MRR of every account that has any on ``day``; accounts without are left out."""
    live = [line for line in lines if line.counts(method) and line.is_live(day, method)]
    if method.overlap == "latest":
        return {account: line.mrr for account, line in _latest(live).items()}
    totals: dict[str, int] = defaultdict(int)
    for line in live:
        totals[line.account_id] += line.mrr
    return dict(totals)


def _latest(lines: Iterable[Line]) -> dict[str, Line]:
    """Per account the line with the latest start, ties by the greatest external id."""
    chosen: dict[str, Line] = {}
    for line in lines:
        held = chosen.get(line.account_id)
        if held is None or (line.start, line.external_id) > (held.start, held.external_id):
            chosen[line.account_id] = line
    return chosen


def ever_before(lines: Iterable[Line], day: date, method: Methodology) -> frozenset[str]:
    """Accounts that had MRR on at least one day before ``day``."""
    return frozenset(
        line.account_id
        for line in lines
        if line.counts(method) and line.start < day and line.is_live(line.start, method)
    )


def months_back(day: date, months: int) -> date:
    """The same day ``months`` earlier; twelve months before a month end is a month end."""
    is_month_end = (day + timedelta(days=1)).day == 1
    year, month0 = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, last if is_month_end else min(day.day, last))


# --- one window -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """Movements between two days, netted once per account; minor units.

    The cohort are the accounts with MRR at the opening; ``new`` and ``reactivation`` lie outside
    it. ``opening + new + reactivation + expansion − contraction − churn = closing`` always.
    """

    opening: int
    new: int
    expansion: int
    contraction: int
    churn: int
    reactivation: int
    closing: int
    cohort_size: int
    retained_logos: int

    @cached_property
    def nrr(self) -> Fraction | None:
        """Net revenue retention, exact; None without opening MRR."""
        return self._of_opening(self.opening + self.expansion - self.contraction - self.churn)

    @cached_property
    def grr(self) -> Fraction | None:
        """Gross revenue retention, exact, never above 1; None without opening MRR."""
        return self._of_opening(self.opening - self.contraction - self.churn)

    @cached_property
    def logo_retention(self) -> Fraction | None:
        """Accounts of the cohort that still have MRR ÷ cohort; None without a cohort."""
        return Fraction(self.retained_logos, self.cohort_size) if self.cohort_size else None

    def _of_opening(self, retained: int) -> Fraction | None:
        return Fraction(retained, self.opening) if self.opening else None


def net_window(
    opening: Mapping[str, int], closing: Mapping[str, int], had_before: Collection[str] = frozenset()
) -> Window:
    """Nets two MRR snapshots (account → minor units).

    ``had_before``: accounts that had MRR at any time before the opening day; it alone tells a
    reactivation from a new account.
    """
    kinds: dict[str, int] = dict.fromkeys(MovementKind, 0)
    for account in opening.keys() | closing.keys():
        kind, amount = _movement(opening.get(account, 0), closing.get(account, 0), account in had_before)
        if kind is not None:
            kinds[kind] += amount
    cohort = [account for account, mrr in opening.items() if mrr > 0]
    return Window(
        opening=sum(opening.values()),
        closing=sum(closing.values()),
        cohort_size=len(cohort),
        retained_logos=sum(1 for account in cohort if closing.get(account, 0) > 0),
        **kinds,
    )


def window(lines: Sequence[Line], *, as_of: date, months: int, method: Methodology) -> Window:
    """The window of ``months`` that ends on ``as_of``."""
    start = months_back(as_of, months)
    return net_window(mrr_on(lines, start, method), mrr_on(lines, as_of, method), ever_before(lines, start, method))


class MovementKind(StrEnum):
    """What a change of an account's MRR is called."""

    NEW = "new"
    REACTIVATION = "reactivation"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"


SIGN: Final[Mapping[MovementKind, int]] = {
    MovementKind.NEW: 1,
    MovementKind.REACTIVATION: 1,
    MovementKind.EXPANSION: 1,
    MovementKind.CONTRACTION: -1,
    MovementKind.CHURN: -1,
}
"""The direction in which a movement's (positive) amount moves MRR."""


def _movement(then: int, now: int, had_before: bool) -> tuple[MovementKind | None, int]:
    if min(then, now) < 0:
        raise ValueError(f"an account's MRR is never negative, got {then} → {now}")
    if then == now:
        return None, 0
    if then == 0:
        return (MovementKind.REACTIVATION if had_before else MovementKind.NEW), now
    if now == 0:
        return MovementKind.CHURN, then
    return (MovementKind.EXPANSION if now > then else MovementKind.CONTRACTION), abs(now - then)


# --- monthly movements ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Movement:
    """One account's net change in the month that ends on ``month_end``; ``amount`` > 0."""

    account_id: str
    month_end: date
    kind: MovementKind
    amount: int

    @property
    def signed(self) -> int:
        """The amount in its direction."""
        return SIGN[self.kind] * self.amount


def month_ends(first: date, last: date) -> tuple[date, ...]:
    """The month ends from ``first`` to ``last``, both of which must be month ends."""
    if any((day + timedelta(days=1)).day != 1 for day in (first, last)):
        raise ValueError(f"{first} and {last} must be the last day of a month")
    count = (last.year - first.year) * 12 + last.month - first.month
    return tuple(months_back(last, back) for back in range(count, -1, -1))


def monthly_movements(
    lines: Sequence[Line], *, opening: date, closing: date, method: Methodology
) -> tuple[Movement, ...]:
    """Each account's movements of each month after ``opening`` up to ``closing`` (month ends)."""
    ends = month_ends(opening, closing)
    found: list[Movement] = []
    then = mrr_on(lines, opening, method)
    for before, end in pairwise(ends):
        now = mrr_on(lines, end, method)
        # "Had MRR before" counts every day up to the month's start, not only month ends.
        had = ever_before(lines, before + timedelta(days=1), method)
        found.extend(_month(then, now, had, end))
        then = now
    return tuple(found)


def _month(then: Mapping[str, int], now: Mapping[str, int], had: Collection[str], end: date) -> Iterable[Movement]:
    for account in sorted(then.keys() | now.keys()):
        kind, amount = _movement(then.get(account, 0), now.get(account, 0), account in had)
        if kind is not None:
            yield Movement(account, end, kind, amount)


# --- the bridge between the two -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BridgeStep:
    """One kind under both methods: ``monthly = window + outside_cohort + within_cohort``.

    ``outside_cohort``: later months of accounts that had no MRR at the opening.
    ``within_cohort``: ups and downs of cohort accounts that cancel over the window.
    """

    kind: MovementKind
    window: int
    outside_cohort: int
    within_cohort: int
    monthly: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """Window netting against summed monthly movements; ties out to the minor unit."""

    opening: int
    closing: int
    steps: tuple[BridgeStep, ...]
    nrr_window: Fraction | None
    nrr_monthly: Fraction | None


def bridge(lines: Sequence[Line], *, opening: date, closing: date, method: Methodology) -> Bridge:
    """Both methods over the same month ends, and what lies between them, kind by kind.

    ``nrr_monthly`` sums every account's movements over the opening, as the named method does.
    """
    start, end = mrr_on(lines, opening, method), mrr_on(lines, closing, method)
    netted = _by_kind(_month(start, end, ever_before(lines, opening, method), closing), start)
    summed = _by_kind(monthly_movements(lines, opening=opening, closing=closing, method=method), start)
    steps = tuple(_step(kind, netted, summed) for kind in MovementKind)
    return Bridge(
        opening=sum(start.values()),
        closing=sum(end.values()),
        steps=steps,
        nrr_window=_retained(sum(start.values()), {step.kind: step.window for step in steps}),
        nrr_monthly=_retained(sum(start.values()), {step.kind: step.monthly for step in steps}),
    )


_Totals = Mapping[tuple[MovementKind, bool], int]


def _by_kind(movements: Iterable[Movement], cohort: Collection[str]) -> _Totals:
    """Totals by kind and by whether the account was in the cohort."""
    totals: dict[tuple[MovementKind, bool], int] = defaultdict(int)
    for movement in movements:
        totals[movement.kind, movement.account_id in cohort] += movement.amount
    return totals


def _step(kind: MovementKind, netted: _Totals, summed: _Totals) -> BridgeStep:
    def total(totals: _Totals, inside: bool) -> int:
        return totals.get((kind, inside), 0)

    return BridgeStep(
        kind=kind,
        window=total(netted, True) + total(netted, False),
        outside_cohort=total(summed, False) - total(netted, False),
        within_cohort=total(summed, True) - total(netted, True),
        monthly=total(summed, True) + total(summed, False),
    )


def _retained(opening: int, amounts: Mapping[MovementKind, int]) -> Fraction | None:
    kinds = (MovementKind.EXPANSION, MovementKind.CONTRACTION, MovementKind.CHURN)
    change = sum(SIGN[kind] * amounts[kind] for kind in kinds)
    return Fraction(opening + change, opening) if opening else None


def compounded(rate: Fraction, periods: int) -> Fraction:
    """What one unit becomes after ``periods`` of the same retention rate."""
    return rate**periods


def net_promoter_score(promoters: int, passives: int, detractors: int) -> Fraction | None:
    """NPS, −100 … 100, from counts of answers 9–10, 7–8 and 0–6; None without answers."""
    answers = promoters + passives + detractors
    return Fraction(100 * (promoters - detractors), answers) if answers else None
