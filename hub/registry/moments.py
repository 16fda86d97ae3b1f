"""Times that people and programs send in addresses: read once, in the same way, and never beyond any calendar. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

# Zones and month arithmetic need room on both sides.
FIRST_YEAR: Final = 1000
LAST_YEAR: Final = 9000
# PostgreSQL takes offsets up to 15:59:59, Python up to a day; no zone is further away than this.
FURTHEST: Final = timedelta(hours=15)


def is_reachable(moment: datetime) -> bool:
    """Whether a time names an offset that a zone may have, and exists in every zone."""
    offset = moment.utcoffset()
    return offset is not None and abs(offset) <= FURTHEST and FIRST_YEAR <= moment.year <= LAST_YEAR


def read_moment(text: str) -> datetime:
    """A time with its offset, as ISO 8601. Raises ValueError for anything else, and for years out of reach."""
    found = datetime.fromisoformat(text)
    if not is_reachable(found):
        raise ValueError(f"expected a time with its offset, of a year from {FIRST_YEAR} to {LAST_YEAR}")
    return found
