"""Questions about retention whose answers are kept, as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from metrics.methodology import EndDay, Methodology, MovementKind, Overlap, Window
from metrics.selectors import Contradictions, MonthMovements, NrrReport


class Kind(StrEnum):
    NRR = "nrr"
    LEDGER = "ledger"
    CONTRADICTIONS = "contradictions"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a kind, the day (of a ledger the first of its last month), and what else the kind needs.

    `months` is how many the window or the ledger has.
    """

    kind: Kind
    day: date
    months: int = 0
    overlap: str = ""
    end: str = ""
    segment_by: str = ""

    @property
    def key(self) -> str:
        return "/".join([self.kind, self.day.isoformat(), str(self.months), self.overlap, self.end, self.segment_by])

    @classmethod
    def read(cls, key: str) -> Question:
        kind, day, months, overlap, end, segment_by = key.split("/")
        return cls(Kind(kind), date.fromisoformat(day), int(months), overlap, end, segment_by)

    @property
    def method(self) -> Methodology:
        return Methodology(overlap=cast(Overlap, self.overlap), end=cast(EndDay, self.end))


Answer = NrrReport | Contradictions | list[MonthMovements]


def plain(answer: Answer) -> Any:
    """An answer as JSON has it; integers stay integers."""
    if isinstance(answer, NrrReport):
        segments = [[name, list(astuple(part))] for name, part in answer.segments.items()]
        return {
            "start": answer.start.isoformat(),
            "currency": answer.currency,
            "total": list(astuple(answer.total)),
            "segments": segments,
        }
    if isinstance(answer, Contradictions):
        return asdict(answer)
    return [[month.month.isoformat(), [month.amounts[kind] for kind in MovementKind]] for month in answer]


def report_of(question: Question, value: Any) -> NrrReport:
    """The report that was kept."""
    return NrrReport(
        start=date.fromisoformat(value["start"]),
        as_of=question.day,
        method=question.method,
        currency=value["currency"],
        total=Window(*value["total"]),
        segments={name: Window(*part) for name, part in value["segments"]},
        segment_by=question.segment_by,
    )


def ledger_of(value: Sequence[tuple[str, Sequence[int]]]) -> list[MonthMovements]:
    """The ledger that was kept."""
    return [
        MonthMovements(date.fromisoformat(month), dict(zip(MovementKind, amounts, strict=True)))
        for month, amounts in value
    ]
