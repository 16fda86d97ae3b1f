"""A trigger in words, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q

from signals.models import Signal, SignalStatus, Trigger, TriggerState, TriggerVersion

# What a change is called in a sentence; an app's own kind reads as its name.
CHANGE_WORDS: Final = {
    "milestone.completed": "a milestone of the onboarding plan is completed",
    "qbr.line_tagged": "somebody tags a line of a QBR",
    "contact.left": "a contact leaves the company",
    "payment.failed": "a payment fails",
    "payment.disputed": "a payment is disputed",
    "signal.reported": "another system reports something",
}
NO_CONDITION: Final = "always"


def trigger_sentence(trigger: Trigger, condition: str) -> str:
    """When the trigger makes a signal, as one sentence; ``condition`` is its rule in words."""
    if trigger.kind == Trigger.Kind.COMPUTED:
        return f"When {condition}."
    told = CHANGE_WORDS.get(trigger.change_kind, f"“{trigger.change_kind}” happens")
    match = "".join(
        f", {name.replace('_', ' ')} “{str(value).replace('_', ' ')}”" for name, value in trigger.match.items()
    )
    further = "" if condition in ("", NO_CONDITION) else f", and {condition}"
    return f"When {told}{match}{further}."


@dataclass(frozen=True, slots=True)
class TriggerCounts:
    """What a trigger has led to: signals by what became of them, accounts for which its rule is true now."""

    total: int
    open: int
    resolved: int
    dismissed: int
    true_now: int
    true_at_first_sight: int


def trigger_counts(trigger: Trigger) -> TriggerCounts:
    """Two queries."""
    signals = Signal.objects.filter(trigger=trigger).aggregate(
        total=Count("pk"), **{status: Count("pk", filter=Q(status=status)) for status in SignalStatus.values}
    )
    states = TriggerState.objects.filter(trigger=trigger, is_true=True).aggregate(
        true_now=Count("pk"), true_at_first_sight=Count("pk", filter=Q(baseline=True))
    )
    return TriggerCounts(**signals, **states)


@dataclass(frozen=True, slots=True)
class TriggerLine:
    """A trigger of the list, with its sentence and its signals."""

    trigger: Trigger
    sentence: str
    signals: int
    open: int


def trigger_lines() -> list[TriggerLine]:
    """Every trigger by name. Two queries."""
    triggers = Trigger.objects.annotate(
        n=Count("signals"), n_open=Count("signals", filter=Q(signals__status=SignalStatus.OPEN))
    ).order_by("name")
    words = {(v.trigger_id, v.version): v.sentence for v in TriggerVersion.objects.all()}
    return [
        TriggerLine(
            trigger, trigger_sentence(trigger, words.get((trigger.pk, trigger.version), "")), trigger.n, trigger.n_open
        )
        for trigger in triggers
    ]
