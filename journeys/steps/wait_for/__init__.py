"""A wait for a signal, with a time after which it goes another way."""

from __future__ import annotations

from journeys.steps.base import Answer, Go, Stand, Step, steps
from journeys.steps.wait import rest
from signals.models import UNTOLD, Signal


def run(stand: Stand) -> Answer:
    """Subscribe, then check: the account's lock is held, so no signal falls between the two."""
    wanted = stand.node.config["signal"]
    since = stand.enrollment.entered_at
    # What a storm holds is told when it is let out.
    told = Signal.objects.exclude(status__in=UNTOLD)
    seen = told.filter(account_id=stand.enrollment.account_id, trigger__key=wanted, recorded_at__gt=since).exclude(
        pk__in=_used(stand)
    )
    signal = seen.order_by("recorded_at", "id").first()
    if signal is not None:
        return Go("next", evidence={"signal": str(signal.pk)})
    return rest(stand, stand.node.config["timeout"], awaits=wanted)


def resume(stand: Stand) -> Answer:
    signal = stand.enrollment.wait.get("signal")
    if stand.enrollment.port == "next":
        return Go("next", evidence={"signal": signal})
    return Go("timeout", reason="timeout")


def _used(stand: Stand) -> list[str]:
    """Signals that this enrollment has gone on with already: coming round again it waits for another."""
    runs = [run for run in stand.effects.runs if run.enrollment_id == stand.enrollment.pk]
    stored = stand.enrollment.steps.filter(kind="wait_for").values_list("evidence", flat=True)
    used = [evidence.get("signal") for evidence in [*stored, *(run.evidence for run in runs)]]
    began = [str(stand.enrollment.signal_id)] if stand.enrollment.signal_id else []
    return [pk for pk in [*used, *began] if pk]


steps.register(Step("wait_for", run, resume))
