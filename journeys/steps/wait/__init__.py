"""A wait by the clock: a row with the time at which it is over and the rule that says so."""

from __future__ import annotations

from journeys.steps.base import Answer, Go, Rest, Stand, Step, steps
from journeys.waits import due_at, parse_wait


def rest(stand: Stand, raw: object, *, awaits: str = "") -> Rest:
    """A rest by a wait rule; what `due_at` came from is kept, so that it can be computed again."""
    zone = stand.world.zone(stand.enrollment.account_id)
    until = due_at(parse_wait(raw), stand.moment, zone, stand.world.calendar)
    return Rest(until, {"rule": raw, "zone": zone.key, "since": stand.moment.isoformat()}, awaits)


def run(stand: Stand) -> Answer:
    return rest(stand, stand.node.config["rule"])


def resume(stand: Stand) -> Answer:
    return Go()


steps.register(Step("wait", run, resume))
