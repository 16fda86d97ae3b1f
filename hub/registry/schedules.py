"""Schedules: what an app wants done at every slot of time, fired once per slot by the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.registry.base import Registry


@dataclass(frozen=True, slots=True)
class Schedule:
    """``run(slot)`` is called once per slot of length ``every`` (from the epoch); it should only queue work."""

    key: str
    every: timedelta
    run: Callable[[datetime], None]
    order: int = 100


schedules: Registry[Schedule] = Registry("schedule")
