"""The end of a way through the journey."""

from __future__ import annotations

from journeys.steps.base import Answer, End, Stand, Step, steps


def run(stand: Stand) -> Answer:
    reason = stand.node.config.get("reason")
    return End("completed", {"reason": reason} if reason else {})


steps.register(Step("exit", run))
