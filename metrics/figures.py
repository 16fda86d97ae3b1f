"""The figures of the dashboard: counted while the page is made, or, of many accounts, as a worker has kept them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from metrics.methodology import months_back
from metrics.query import MetricsQuery
from metrics.questions import Kind, Question, ledger_of, plain, report_of
from metrics.readings import Kept, answer, is_large, kept
from metrics.selectors import Contradictions, MonthMovements, NrrReport

LEDGER_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Figures:
    """What the dashboard shows. `counted_at`: as of when, None for now; `behind`: something has changed since."""

    year: NrrReport
    year_before: NrrReport
    month: NrrReport
    ledger: list[MonthMovements]
    contradictions: Contradictions
    counted_at: datetime | None
    behind: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is kept yet of what was asked; a worker counts it."""


def figures_of(query: MetricsQuery) -> Figures | Waiting:
    """The figures that answer a query. Few queries that cost the same for any number of accounts."""
    questions = _questions(query)
    if not is_large():
        values = {question: plain(answer(question)) for question in questions.values()}
        return _figures(questions, Kept(values, None, behind=False))
    held = kept(list(questions.values()))
    return _figures(questions, held) if held.is_whole(list(questions.values())) else Waiting()


def _questions(query: MetricsQuery) -> dict[str, Question]:
    """By name of the figure. The window of a month earlier is split by nothing, so that another split asks once."""
    switches: dict[str, Any] = {"overlap": query.overlap, "end": query.end}
    return {
        "year": Question(Kind.NRR, query.as_of, 12, **switches, segment_by=query.segment_by),
        "year_before": Question(Kind.NRR, months_back(query.as_of, 1), 12, **switches),
        "month": Question(Kind.NRR, query.as_of, 1, **switches),
        "ledger": Question(Kind.LEDGER, query.as_of.replace(day=1), LEDGER_MONTHS, overlap=query.overlap),
        "contradictions": Question(Kind.CONTRADICTIONS, query.as_of),
    }


def _figures(questions: Mapping[str, Question], held: Kept) -> Figures:
    def report(name: str) -> NrrReport:
        return report_of(questions[name], held.values[questions[name]])

    return Figures(
        year=report("year"),
        year_before=report("year_before"),
        month=report("month"),
        ledger=ledger_of(held.values[questions["ledger"]]),
        contradictions=Contradictions(**held.values[questions["contradictions"]]),
        counted_at=held.computed_at,
        behind=held.behind,
    )
