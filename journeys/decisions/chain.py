"""The chain behind a message, whoever asked for it: from the signal over the decision and the steps to delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.outbox.models import Message
from hub.outbox.reasons import reason_words
from journeys.decisions.models import Choice
from journeys.decisions.selectors import ROW, Log, logs_of
from journeys.models import Cause, Decision, Enrollment, StepRun
from journeys.node_kinds import node_kinds
from journeys.selectors import journey_candidates
from signals.models import Signal, TriggerVersion


@dataclass(frozen=True, slots=True)
class Began:
    """How an account came into a journey: the journeys that came into question, and what spoke against each."""

    decision: Decision
    words: str
    candidates: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Taken:
    """A step on the way to the message."""

    run: StepRun
    title: str
    why: str
    is_it: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Every link that there is; the ones that a message does not have are None or empty."""

    message: Message
    signal: Signal | None
    rule: TriggerVersion | None
    choice: Log | None
    began: Began | None
    enrollment: Enrollment | None
    steps: Sequence[Taken]
    deliveries: Sequence[Any]
    words: str


def chain_of(message: Message) -> Chain:
    """Nine queries at most."""
    enrollment = Enrollment.objects.select_related("journey").filter(pk=message.cause_id).first()
    decision = _decision(enrollment) if enrollment else None
    choice = _choice(decision, message)
    signal_id = message.signal_id or (enrollment and enrollment.signal_id) or (choice and choice.signal_id)
    signal = Signal.objects.select_related("trigger").filter(pk=signal_id).first() if signal_id else None
    rule = None
    if signal is not None:
        versions = TriggerVersion.objects.filter(trigger_id=signal.trigger_id, version=signal.trigger_version)
        rule = versions.first()
    return Chain(
        message=message,
        signal=signal,
        rule=rule,
        choice=logs_of([choice])[0] if choice else None,
        began=Began(decision, reason_words(decision.outcome), journey_candidates(decision)) if decision else None,
        enrollment=enrollment,
        steps=_steps(enrollment, message),
        deliveries=list(message.deliveries.order_by("started_at")),
        words=reason_words(message.reason) if message.reason else "",
    )


def _decision(enrollment: Enrollment) -> Decision | None:
    rows = Decision.objects.filter(account_id=enrollment.account_id, enrollment=enrollment, outcome="entered")
    found: Decision | None = rows.first()
    return found


def _choice(decision: Decision | None, message: Message) -> Choice | None:
    """The choice that a journey began with: its id is in the key that it was decided under."""
    if decision is None or decision.cause != Cause.CHOICE:
        return None
    try:
        pk = UUID(decision.key.rpartition(":")[2])
    except ValueError:
        return None
    found: Choice | None = Choice.objects.select_related(*ROW).filter(pk=pk, account_id=message.account_id).first()
    return found


def _steps(enrollment: Enrollment | None, message: Message) -> list[Taken]:
    """The steps up to the message; those after it did not lead to it."""
    found: list[Taken] = []
    if enrollment is None:
        return found
    for run in StepRun.objects.filter(enrollment=enrollment).order_by("visit"):
        title = node_kinds.get(run.kind).title if run.kind in node_kinds else run.kind
        found.append(Taken(run, title, reason_words(run.reason) if run.reason else "", run.pk == message.step_run_id))
        if run.pk == message.step_run_id:
            break
    return found
