"""A goal on the account's way: the journey is over, with or without it. Goals are also checked from anywhere else."""

from __future__ import annotations

from journeys.steps.base import Answer, End, Stand, Step, steps


def run(stand: Stand) -> Answer:
    when, account_id = stand.node.config["when"], stand.enrollment.account_id
    if stand.world.holds_since(when, account_id, stand.enrollment.entered_at):
        return End("goal_met", {"goal": stand.node.config["label"], "met": stand.world.evidence(when, account_id)})
    return End("completed", {"goal": stand.node.config["label"], "missed": stand.world.reason(when, account_id)})


steps.register(Step("goal", run))
