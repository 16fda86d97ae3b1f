"""Samples of arms from plain counts."""

from __future__ import annotations

from datetime import date

import numpy as np

from journeys.experiments.reading import Sample

DAY = date(2026, 6, 1)


def shares(*arms: tuple[int, int]) -> list[Sample]:
    """An arm for each (hits, accounts)."""
    return [Sample(np.repeat([1.0, 0.0], [hits, n - hits]), np.ones(n)) for hits, n in arms]
