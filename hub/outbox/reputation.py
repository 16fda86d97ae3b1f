"""When too much mail comes back or is reported as unwanted: limits as receivers set them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

WINDOW: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Limit:
    """Sending stops at this share of mails (in tenths of a percent), once so many came back of at least so many."""

    kind: str
    per_mille: int
    least: int
    least_mails: int

    def is_over(self, count: int, mails: int) -> bool:
        return count >= self.least and mails >= self.least_mails and count * 1000 >= self.per_mille * mails


COMPLAINTS: Final = Limit("complaints", per_mille=1, least=2, least_mails=500)
BOUNCES: Final = Limit("bounces", per_mille=20, least=5, least_mails=100)
"""0.1 % and 2 % of what was sent within the window; a single angry reader or a typo stops nothing."""
LIMITS: Final = {"complaint": COMPLAINTS, "bounce": BOUNCES}
