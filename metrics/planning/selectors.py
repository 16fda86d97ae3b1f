"""Reads of the plan: a quarter with its figures then and now, and the quarters there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from hub.registry.facts import known_facts
from hub.rules.explain import stored_sentence
from metrics.planning.figures import Figures, figures_of
from metrics.planning.models import Commitment, Focus, PlanQuarter
from metrics.planning.quarters import Quarter
from signals.segments.selectors import member_rule


@dataclass(frozen=True, slots=True)
class FocusLine:
    """A focus with its figures when it was planned and now (or when its quarter was closed), and its commitments."""

    focus: Focus
    sentence: str
    rule: str
    start: Figures
    now: Figures
    commitments: Sequence[Commitment]

    @property
    def done(self) -> int:
        return sum(commitment.done_at is not None for commitment in self.commitments)


@dataclass(frozen=True, slots=True)
class QuarterPlan:
    """The plan of a quarter; `closed_at` is None while it goes on."""

    quarter: Quarter
    closed_at: datetime | None
    lines: Sequence[FocusLine]


def plan_of(quarter: Quarter, today: date) -> QuarterPlan:
    """A quarter's plan, priorities in their order. Five queries at most."""
    closed = PlanQuarter.objects.filter(quarter=str(quarter), closed_at__isnull=False).first()
    focuses = list(
        Focus.objects.select_related("segment", "cs_owner", "marketing_owner")
        .filter(quarter=str(quarter), dropped_at__isnull=True)
        .order_by("priority", "segment__name", "id")
    )
    open_ones = [focus.segment_id for focus in focuses if focus.ended is None]
    now = figures_of(open_ones, today)
    kept: dict[object, list[Commitment]] = {}
    commitments = Commitment.objects.select_related("done_by").filter(focus__in=[focus.pk for focus in focuses])
    for commitment in commitments.order_by("side", "created_at", "id") if focuses else ():
        kept.setdefault(commitment.focus_id, []).append(commitment)
    known = known_facts()
    lines = [
        FocusLine(
            focus, stored_sentence(focus.segment.rule, known), member_rule(focus.segment.key),
            Figures.read(focus.start), Figures.read(focus.ended) if focus.ended else now[focus.segment_id],
            kept.get(focus.pk, []),
        )
        for focus in focuses
    ]  # fmt: skip
    return QuarterPlan(quarter, closed.closed_at if closed else None, lines)


def quarters_known(today: date) -> list[Quarter]:
    """The quarters that have a plan, with this one and the next, newest first. One query."""
    now = Quarter.of(today)
    found = {Quarter.read(text) for text in Focus.objects.order_by().values_list("quarter", flat=True).distinct()}
    return sorted({now, now.after(), *(quarter for quarter in found if quarter)}, reverse=True)
