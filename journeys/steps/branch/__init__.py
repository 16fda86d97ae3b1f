"""A branch: the first case whose rule is true about the account, else the way of everybody else."""

from __future__ import annotations

from journeys.steps.base import Answer, Go, Stand, Step, steps


def run(stand: Stand) -> Answer:
    account_id, cases = stand.enrollment.account_id, stand.node.config["cases"]
    refused = []
    for index, case in enumerate(cases):
        if stand.world.holds(case["when"], account_id):
            return Go(f"case:{index}", evidence={"met": stand.world.evidence(case["when"], account_id)})
        refused.append(stand.world.reason(case["when"], account_id))
    return Go("else", reason=refused[-1][:200], evidence={"refused": refused})


steps.register(Step("branch", run))
