"""Experiments that never were: real assignment, simulated outcomes, real reading; the same at every run."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import numpy as np

from journeys.experiments.assign import arm_at, place_of
from journeys.experiments.kinds import Kind
from journeys.experiments.reading import Design, Result, Sample, read
from tests.journeys.experiments.samples import DAY

SEED = 20261123


def arms_of(salt: str, accounts: int) -> np.ndarray:
    """The arms of so many accounts under one salt."""
    return np.array([arm_at(place_of(salt, UUID(int=number)), (50, 50)) for number in range(accounts)])


def runs(
    number: int, accounts: int, baseline: float, lift: float, *, sequential: bool = False
) -> Iterator[list[Result]]:
    """Each run's results: one look at all accounts, or ten on the way there."""
    rng = np.random.default_rng(SEED)
    design = Design(Kind.SHARE, (50, 50), sequential=sequential, planned=accounts)
    for run in range(number):
        arms = arms_of(f"run-{run}", accounts)
        came = (rng.random(accounts) < baseline + lift * arms).astype(float)
        looks = range(accounts // 10, accounts + 1, accounts // 10) if sequential else (accounts,)
        yield [_read(design, arms[:seen], came[:seen]) for seen in looks]


def _read(design: Design, arms: np.ndarray, came: np.ndarray) -> Result:
    samples = [Sample(came[arms == arm], np.ones(int(np.sum(arms == arm)))) for arm in (0, 1)]
    return read(design, [sample.n for sample in samples], samples, DAY)
