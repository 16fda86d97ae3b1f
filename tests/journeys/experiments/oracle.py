"""Makes oracle.json: what gbstats (0.8.0) says about fixed data.

Run it in an environment of its own, for it needs older versions of numpy and pandas than the product:
`pip install gbstats==0.8.0 && python oracle.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
    compute_theta,
)
from gbstats.utils import check_srm

PLAIN = FrequentistConfig(difference_type="absolute")


def told(a: Any, b: Any, tuning: float) -> dict[str, Any]:
    fixed = TwoSidedTTest(a, b, PLAIN).compute_result()
    always = SequentialTwoSidedTTest(
        a, b, SequentialConfig(difference_type="absolute", sequential_tuning_parameter=tuning)
    ).compute_result()
    return {
        "estimate": fixed.expected,
        "fixed": fixed.ci,
        "p": fixed.p_value,
        "sequential": always.ci,
        "sequential_p": always.p_value,
        "tuning": tuning,
    }


def mean(values: Any) -> SampleMeanStatistic:
    return SampleMeanStatistic(n=len(values), sum=float(values.sum()), sum_squares=float((values**2).sum()))


def sums(values: Any, bases: Any) -> dict[str, Any]:
    return {
        "m_statistic": mean(values),
        "d_statistic": mean(bases),
        "m_d_sum_of_products": float((values * bases).sum()),
        "n": len(values),
    }


def main() -> None:
    rng = np.random.default_rng(20261123)
    shares = []
    for a, b, tuning in (
        ((300, 1000), (360, 1000), 2000),
        ((50, 800), (52, 790), 1000),
        ((900, 5000), (1000, 5100), 9000),
    ):
        sides = [ProportionStatistic(sum=hits, n=n) for hits, n in (a, b)]
        shares.append({"name": f"{a} {b}", "a": a, "b": b, **told(sides[0], sides[1], tuning)})
    amounts = []
    for size, spread in ((200, 5.0), (350, 40.0)):
        one, two = (np.round(rng.gamma(2.0, spread, size + 30 * side), 3) for side in (0, 1))
        amounts.append({"name": f"{size}", "a": one.tolist(), "b": two.tolist(), **told(mean(one), mean(two), 500)})
    ratios, cuped = [], []
    for size in (150, 400):
        sides, rows = [], {}
        for side in "ab":
            bases = np.round(rng.gamma(2.0, 100.0, size), 2)
            values = np.round(bases * rng.uniform(0.5, 1.1, size), 2)
            sides.append(RatioStatistic(**sums(values, bases)))
            rows[side] = {"values": values.tolist(), "bases": bases.tolist()}
        test = TwoSidedTTest(sides[0], sides[1], PLAIN)
        ratios.append(
            {"name": f"{size}", **rows, "estimate": test.compute_result().expected, "error": test.variance**0.5}
        )
    for size in (600, 1500):
        before = {side: np.round(rng.normal(100, 20, size), 3) for side in "ab"}
        after = {side: np.round(0.8 * before[side] + rng.normal(3 * (side == "b"), 8, size), 3) for side in "ab"}
        made = [
            RegressionAdjustedStatistic(
                post_statistic=mean(after[side]),
                pre_statistic=mean(before[side]),
                post_pre_sum_of_products=float((after[side] * before[side]).sum()),
                n=size,
                theta=0.0,
            )
            for side in "ab"
        ]
        theta = compute_theta(made[0], made[1])
        for statistic in made:
            statistic.theta = theta
        test = TwoSidedTTest(made[0], made[1], PLAIN)
        cuped.append(
            {
                "name": f"{size}",
                "after": {side: after[side].tolist() for side in "ab"},
                "before": {side: before[side].tolist() for side in "ab"},
                "estimate": test.compute_result().expected,
                "error": test.variance**0.5,
            }
        )
    checks = [
        {"counts": counts, "weights": weights, "p": check_srm(counts, weights)}
        for counts, weights in (
            ([500, 530], [0.5, 0.5]),
            ([1000, 1200], [0.5, 0.5]),
            ([480, 270, 250], [0.5, 0.25, 0.25]),
        )
    ]
    oracle = {"shares": shares, "amounts": amounts, "ratios": ratios, "cuped": cuped, "ratio_check": checks}
    Path(__file__).with_name("oracle.json").write_text(json.dumps(oracle) + "\n")


if __name__ == "__main__":
    main()
