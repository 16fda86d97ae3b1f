"""How often a source speaks, and when its silence is news. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

# Fewer deliveries than this show no rhythm: nobody is alarmed by a source that was tried out.
FEWEST: Final = 5
# Deliveries so close together are one.
TOGETHER: Final = timedelta(minutes=10)
SHORTEST: Final = timedelta(hours=24)
TIMES: Final = 3


def usual_gap(times: Iterable[datetime]) -> timedelta | None:
    """The usual time between two deliveries: the median gap; None where too few came to tell."""
    moments: list[datetime] = []
    for at in sorted(times):
        if not moments or at - moments[-1] >= TOGETHER:
            moments.append(at)
    if len(moments) < FEWEST:
        return None
    gaps = [(later - before).total_seconds() for before, later in pairwise(moments)]
    return timedelta(seconds=median(gaps))


def quiet_after(times: Iterable[datetime]) -> timedelta | None:
    """How long a silence must be to be one: three times the usual gap, a day at least; None without a rhythm."""
    usual = usual_gap(times)
    return None if usual is None else max(SHORTEST, TIMES * usual)


def is_quiet(times: Iterable[datetime], now: datetime) -> bool:
    """Whether the silence since the last delivery is longer than the source's rhythm explains."""
    known = list(times)
    limit = quiet_after(known)
    return limit is not None and now - max(known) > limit
