"""What a retention page is asked for: a month end, a window, the switches of the methodology, a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, cast
from urllib.parse import urlencode

from metrics.methodology import EndDay, Methodology, Overlap
from metrics.selectors import SEGMENTS

WINDOWS: Final = {"12m": 12, "1m": 1}
OVERLAPS: Final = {"sum": "Added up", "latest": "Latest only"}
ENDS: Final = {"exclusive": "Not counted", "inclusive": "Counted"}
SPLITS: Final = {
    "industry": "Industry",
    "country": "Country",
    "segment": "Segment",
    "tier": "Plan tier",
    "stage": "Lifecycle stage",
}
assert SPLITS.keys() == SEGMENTS.keys()


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """A question about retention; every value is one that the pages offer."""

    as_of: date
    window: str = "12m"
    overlap: str = "sum"
    end: str = "exclusive"
    segment_by: str = "industry"

    @classmethod
    def read(cls, params: Mapping[str, str], months: Sequence[date], default: date) -> MetricsQuery:
        """Read a query string; what nobody offers becomes the default, so that an old link still opens a page."""
        return cls(
            as_of=_month_end(params.get("as_of", ""), months, default),
            window=_one_of(params.get("window", ""), WINDOWS, "12m"),
            overlap=_one_of(params.get("overlap", ""), OVERLAPS, "sum"),
            end=_one_of(params.get("end", ""), ENDS, "exclusive"),
            segment_by=_one_of(params.get("segment_by", ""), SPLITS, "industry"),
        )

    @property
    def months(self) -> int:
        return WINDOWS[self.window]

    @property
    def method(self) -> Methodology:
        return Methodology(overlap=cast(Overlap, self.overlap), end=cast(EndDay, self.end))

    @property
    def methodology_words(self) -> str:
        """The switches in words, to be shown beside every figure."""
        overlap = "overlapping lines add up" if self.overlap == "sum" else "only the line that started last counts"
        end = "the end day does not count" if self.end == "exclusive" else "the end day counts"
        return f"{overlap}, {end}, trials left out"

    @property
    def window_words(self) -> str:
        return "12 months" if self.window == "12m" else "one month"

    def at(self, as_of: date) -> MetricsQuery:
        return replace(self, as_of=as_of)

    def urlencode(self, **more: str) -> str:
        """The query string of this question, with more after it."""
        asked = {
            "as_of": self.as_of.isoformat(),
            "window": self.window,
            "overlap": self.overlap,
            "end": self.end,
            "segment_by": self.segment_by,
        }
        return urlencode(asked | more)


def _one_of(asked: str, offered: Mapping[str, object], default: str) -> str:
    return asked if asked in offered else default


def _month_end(text: str, months: Sequence[date], default: date) -> date:
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return default
    return asked if asked in months else default
