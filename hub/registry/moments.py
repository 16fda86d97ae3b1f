"""Times that people and programs send in addresses: read once, in the same way, and never beyond any calendar. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

# Zones and month arithmetic need room on both sides.
FIRST_YEAR: Final = 1000
LAST_YEAR: Final = 9000


def is_reachable(moment: datetime) -> bool:
    """Whether a time names its offset and exists in every zone."""
    return moment.tzinfo is not None and FIRST_YEAR <= moment.year <= LAST_YEAR


def read_moment(text: str) -> datetime:
    """A time with its offset, as ISO 8601. Raises ValueError for anything else, and for years out of reach."""
    found = datetime.fromisoformat(text)
    if not is_reachable(found):
        raise ValueError(f"expected a time with its offset, of a year from {FIRST_YEAR} to {LAST_YEAR}")
    return found
