"""A wait for one of several signals or events, with a time after which it goes another way."""

from __future__ import annotations

from itertools import takewhile

from hub.usage.store import events_since
from journeys.awaiting import Wish, since_of, wishes_of
from journeys.steps.base import Answer, Go, Stand, Step, steps
from journeys.steps.wait import rest
from signals.models import UNTOLD, Signal


def run(stand: Stand) -> Answer:
    """Subscribe, then check: the account's lock is held, so nothing falls between the two."""
    wishes = wishes_of(stand.node.config)
    came = _came(stand, wishes)
    if came is not None:
        return came
    arms = [wish.as_json() for wish in wishes]
    return rest(stand, stand.node.config["timeout"], awaits=wishes[0].key[:64], arms=arms)


def resume(stand: Stand) -> Answer:
    """Either something came and has chosen the way out, or the time is over; the fence of the visit lets one win."""
    wait = stand.enrollment.wait
    came = {name: wait[name] for name in ("signal", "event") if wait.get(name)}
    if stand.enrollment.port in {port.name for port in stand.node.ports}:
        late = wait.get("until") and wait["until"] <= stand.world.now.isoformat()
        return Go(stand.enrollment.port, evidence={**came, **({"superseded": "timeout"} if late else {})})
    awaited = [arm.get("signal") or arm.get("event") for arm in wait.get("arms", ())]
    return Go("timeout", reason="timeout", evidence={"awaited": awaited or [stand.enrollment.awaits]})


def _came(stand: Stand, wishes: list[Wish]) -> Go | None:
    """The first that has come already, within the scope."""
    since = since_of(stand.node.config, stand.enrollment.entered_at, stand.world.now)
    ports = {wish.key: wish.port for wish in wishes if wish.what == "signal"}
    # What a storm holds is told when it is let out.
    told = Signal.objects.exclude(status__in=UNTOLD).exclude(pk__in=_used(stand))
    seen = told.filter(account_id=stand.enrollment.account_id, trigger__key__in=ports).select_related("trigger")
    signal = (seen.filter(recorded_at__gt=since) if since else seen).order_by("recorded_at", "id").first()
    if signal is not None:
        return Go(ports[signal.trigger.key], evidence={"signal": str(signal.pk)})
    names = {wish.key: wish.port for wish in wishes if wish.what == "event"}
    events = events_since([stand.enrollment.account_id], sorted(names), since) if names else []
    if not events:
        return None
    _, name, at = events[0]
    return Go(names[name], evidence={"event": name, "at": at.isoformat()})


def _used(stand: Stand) -> list[str]:
    """Signals that this enrollment has gone on with already: coming round again it waits for another."""
    # An account takes all its steps before the next one takes any.
    runs = takewhile(lambda run: run.enrollment_id == stand.enrollment.pk, reversed(stand.effects.runs))
    stored = stand.enrollment.steps.filter(kind__in=("wait_for", "wait_any")).values_list("evidence", flat=True)
    used = [evidence.get("signal") for evidence in [*stored, *(run.evidence for run in runs)]]
    began = [str(stand.enrollment.signal_id)] if stand.enrollment.signal_id else []
    return [pk for pk in [*used, *began] if pk]


steps.register(Step("wait_for", run, resume))
