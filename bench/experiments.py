"""Whether experiments say what is true: a thousand in which nothing differs, some in which something does.

Real assignment, simulated outcomes, real reading, with a fixed seed. Ours is the rate that was found, its limit the one
that the method promises.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from bench.result import Result, result
from journeys.experiments import sizing
from journeys.experiments.assign import arm_at, place_of
from journeys.experiments.reading import Result as Reading
from journeys.experiments.reading import State
from tests.journeys.experiments.simulation import SEED, runs

ACCOUNTS, BASELINE, LIFT = 1000, 0.3, 0.06


def measure(scale: float) -> list[Result]:
    """1,000 runs of 1,000 accounts at scale 1."""
    number = max(200, round(1000 * scale))
    return [_false(number), _false(number, looks=10), *_planted(number), _dealt(max(20_000, round(200_000 * scale)))]


def _shown(looks: list[Reading]) -> bool:
    return any(look.comparisons[0].difference.excludes_zero for look in looks if look.state is State.READ)


def _false(number: int, *, looks: int = 1) -> Result:
    """Runs in which nothing differs and some look says that something does."""
    begun = time.perf_counter()
    found = list(runs(number, ACCOUNTS, BASELINE, 0.0, sequential=looks > 1))
    refused = sum(look[-1].state is State.RATIO for look in found)
    name = "experiments: false alarms" if looks == 1 else f"experiments: false alarms, {looks} looks, always valid"
    rate = 100 * sum(map(_shown, found)) / number
    took = round(time.perf_counter() - begun, 1)
    return result(
        name, "%", rate, limit=5.0, runs=number, accounts=ACCOUNTS, seed=SEED, deals_refused=refused, seconds=took
    )


def _planted(number: int) -> list[Result]:
    """A rise of six points in experiments of the size that the sample-size page asks for."""
    per_arm = sizing.accounts_for_share(BASELINE, LIFT, sizing.Plan())
    assert per_arm is not None
    read = [look.comparisons[0].difference for (look,) in runs(number, 2 * per_arm, BASELINE, LIFT) if look.comparisons]
    within = 100 * sum(each.low <= LIFT <= each.high for each in read) / len(read)
    power = 100 * sum(each.low > 0 for each in read) / len(read)
    told: dict[str, Any] = {"runs": number, "accounts": 2 * per_arm, "planted": LIFT, "seed": SEED}
    return [
        result("experiments: planted rise in its interval", "%", within, limit=95.0, **told),
        result("experiments: planted rise found", "%", power, limit=80.0, **told),
    ]


def _dealt(number: int) -> Result:
    """Accounts dealt a second, and whether a second run deals them alike."""
    accounts = [UUID(int=place) for place in range(number)]
    begun = time.perf_counter()
    first = [arm_at(place_of("bench", account), (50, 50)) for account in accounts]
    rate = number / (time.perf_counter() - begun)
    same = first == [arm_at(place_of("bench", account), (50, 50)) for account in accounts]
    return result("experiments: accounts dealt", "accounts/s", rate, identical=same, accounts=number)
