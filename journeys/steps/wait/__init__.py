"""A wait by the clock: a row with the time at which it is over and the rule that says so."""

from __future__ import annotations

from typing import Any

from journeys.experiments.dealing import armed
from journeys.steps.base import Answer, End, Go, Rest, Stand, Step, steps
from journeys.waits import date_of


def rest(stand: Stand, raw: object, *, awaits: str = "", **more: Any) -> Rest:
    """A rest by a wait rule; what `due_at` came from is kept, so that it can be computed again."""
    world, account_id = stand.world, stand.enrollment.account_id
    until = world.until(account_id, raw, stand.moment)
    wait = {"rule": raw, "zone": world.zone(account_id).key, "since": stand.moment.isoformat(), **more}
    if until is not None:
        wait["until"] = until.isoformat()
    if fact := date_of(raw):
        wait["day"] = str(world.day_of(account_id, fact) or "")
    return Rest(until, wait, awaits)


def run(stand: Stand) -> Answer:
    config, told = armed(stand)
    fact = date_of(config["rule"])
    if fact and stand.world.day_of(stand.enrollment.account_id, fact) is None:
        if config.get("on_missing"):
            return Go("missing", reason="date_missing", evidence={"date": fact})
        return End("date_missing", {"date": fact})
    return rest(stand, config["rule"], **told)


def resume(stand: Stand) -> Answer:
    """A zone that nobody knows was taken as the tenant's: said where people look for the reason."""
    named = stand.account.timezone
    if named and named != stand.world.zone(stand.enrollment.account_id).key:
        return Go(reason=f"zone_unknown:{named}", evidence={"zone": stand.enrollment.wait.get("zone", "")})
    return Go()


steps.register(Step("wait", run, resume))
