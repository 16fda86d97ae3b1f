"""What other systems are told about signals and lifecycle stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from hub.accounts.models import Account
from hub.registry.handlers import signal_recorded
from hub.registry.outgoing import Happening, OutgoingKind, outgoing_kinds, tell
from signals.models import Signal, Storm

RECORDED, CLEARED, STAGE = "signal.recorded", "signal.cleared", "account.stage_changed"
STORM = "signal.storm_began"
SIGNAL = (
    "id",
    "account_id",
    "account_name",
    "trigger",
    "severity",
    "sentence",
    "evidence",
    "occurred_at",
    "cleared_at",
)


def register() -> None:
    outgoing_kinds.register(OutgoingKind(RECORDED, "A signal was recorded about an account.", SIGNAL, 10))
    outgoing_kinds.register(OutgoingKind(CLEARED, "What a signal said is true no more.", SIGNAL, 20))
    storm = ("id", "trigger", "limit", "window_minutes", "began_at")
    outgoing_kinds.register(
        OutgoingKind(STORM, "Signals of a trigger came in a storm; further ones are held.", storm, 25)
    )
    stage = ("account_id", "account_name", "stage")
    outgoing_kinds.register(OutgoingKind(STAGE, "An account's lifecycle stage changed.", stage, 40))
    signal_recorded.connect("outgoing", _recorded, order=900)


def _recorded(tenant_id: UUID, ids: Sequence[UUID]) -> None:
    tell(RECORDED, lambda: [_happening(signal, signal.recorded_at) for signal in _signals(ids)])


def cleared(ids: Sequence[UUID], moment: datetime) -> None:
    if ids:
        tell(CLEARED, lambda: [_happening(signal, moment) for signal in _signals(ids)])


def _signals(ids: Sequence[UUID]) -> list[Signal]:
    return list(Signal.objects.select_related("account", "trigger").filter(pk__in=ids).order_by("pk"))


def _happening(signal: Signal, moment: datetime) -> Happening:
    data = {
        "id": str(signal.pk),
        "account_id": str(signal.account_id),
        "account_name": signal.account.name,
        "trigger": signal.trigger.key,
        "severity": signal.severity,
        "sentence": signal.sentence,
        "evidence": signal.evidence,
        "occurred_at": signal.occurred_at.isoformat(),
        "cleared_at": signal.cleared_at and signal.cleared_at.isoformat(),
    }
    return Happening(str(signal.pk), data, moment, signal.account_id)


def storm_began(storm: Storm) -> None:
    """Tell that a trigger's further signals are held."""
    tell(STORM, lambda: [_storm(storm)])


def _storm(storm: Storm) -> Happening:
    data = {
        "id": str(storm.pk),
        "trigger": storm.trigger.key,
        "limit": storm.limit,
        "window_minutes": storm.window_minutes,
        "began_at": storm.began_at.isoformat(),
    }
    return Happening(str(storm.pk), data, storm.began_at)


def stages_changed(ids: Sequence[UUID], moment: datetime) -> None:
    """Tell the new stages of these accounts."""
    if ids:
        tell(STAGE, lambda: [_stage(account, moment) for account in Account.objects.filter(pk__in=ids).order_by("pk")])


def _stage(account: Account, moment: datetime) -> Happening:
    data = {"account_id": str(account.pk), "account_name": account.name, "stage": account.stage}
    return Happening(f"{account.pk}:{moment.isoformat()}", data, moment, account.pk)
