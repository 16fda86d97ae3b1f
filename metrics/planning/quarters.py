"""Quarters of the calendar, as ``2026Q4``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_TEXT: Final = re.compile(r"(\d{4})Q([1-4])\Z")
FIRST, LAST = 2000, 2199


@dataclass(frozen=True, order=True, slots=True)
class Quarter:
    """A quarter of a year; `number` is 1 to 4."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Quarter:
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def read(cls, text: str) -> Quarter | None:
        """The quarter of a text, None for anything else."""
        found = _TEXT.match(text) if text.isascii() else None
        return cls(int(found[1]), int(found[2])) if found and FIRST <= int(found[1]) <= LAST else None

    def after(self, quarters: int = 1) -> Quarter:
        """So many quarters later; earlier for a negative number."""
        whole = self.year * 4 + self.number - 1 + quarters
        return Quarter(whole // 4, whole % 4 + 1)

    @property
    def first_day(self) -> date:
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last_day(self) -> date:
        return self.after().first_day - timedelta(days=1)

    @property
    def words(self) -> str:
        return f"Q{self.number} {self.year}"

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"
