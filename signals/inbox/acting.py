"""What people do with signals: assign, snooze, acknowledge, resolve, dismiss, reopen; one of them or many at once.

An act takes hold of the signals whose state it fits and leaves the others: of two people who close a signal at once the
second changes nothing. The accounts are locked first, as by the evaluation, which clears signals.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hub.accounts.models import TimelineEntry
from hub.accounts.services import states_lock, timeline_record_many
from hub.people.audit import Actor, audit
from hub.people.models import Membership, User
from hub.tenancy.context import current_tenant_id
from hub.tenancy.live import announce
from hub.tenancy.wake import wake
from signals.inbox.mailing import assignments_tell
from signals.inbox.returning import QUEUE
from signals.models import DismissReason, Signal, SignalStatus

LONGEST_SNOOZE: Final = timedelta(days=366)
LONGEST_NOTE: Final = 200


class Action(StrEnum):
    """What can be done with a signal."""

    ASSIGN = "assign"
    SNOOZE = "snooze"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    DISMISS = "dismiss"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Act:
    """An action with what it needs: ``assignee`` (None: nobody), ``until`` of a snooze, ``reason`` and ``note`` of a
    dismissal; resolving may have a note too."""

    action: Action
    assignee: UUID | None = None
    until: datetime | None = None
    reason: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The values beside the action; `act_of` reads them back."""
        return {
            "assignee": str(self.assignee) if self.assignee else None,
            "until": self.until.isoformat() if self.until else None,
            "reason": self.reason,
            "note": self.note,
        }


def act_of(action: str, values: dict[str, Any]) -> Act:
    """An act from what `Act.as_json` wrote."""
    assignee, until = values.get("assignee"), values.get("until")
    return Act(
        Action(action),
        UUID(assignee) if assignee else None,
        datetime.fromisoformat(until) if until else None,
        values.get("reason", ""),
        values.get("note", ""),
    )


def act_check(act: Act, now: datetime | None = None) -> None:
    """Raise ValidationError, by field, for an act that cannot be done."""
    problems = {name: [words] for name, words in _problems(act, now or timezone.now())}
    if problems:
        raise ValidationError(problems)


def _problems(act: Act, now: datetime) -> list[tuple[str, str]]:
    found = []
    if act.action == Action.SNOOZE and (act.until is None or not now < act.until <= now + LONGEST_SNOOZE):
        found.append(("until", "choose a time from now on, within a year"))
    if act.action == Action.DISMISS and act.reason not in DismissReason.values:
        found.append(("reason", "Say why the signal is dismissed: it teaches the trigger."))
    if act.action == Action.DISMISS and act.reason == DismissReason.OTHER and not act.note.strip():
        found.append(("note", "Say in a few words why: “other” alone teaches nobody."))
    if len(act.note.strip()) > LONGEST_NOTE:
        found.append(("note", f"at most {LONGEST_NOTE} characters"))
    if act.action == Action.ASSIGN and act.assignee and not _is_member(act.assignee):
        found.append(("assignee", "nobody of this tenant"))
    return found


def _is_member(user_id: UUID) -> bool:
    members = Membership.objects.filter(tenant_id=current_tenant_id(), user_id=user_id, is_active=True)
    return members.filter(user__is_active=True).exists()


@transaction.atomic
def signals_act(*, ids: Collection[UUID], act: Act, actor: Actor, user: User | None = None) -> list[UUID]:
    """Do something with these signals; returns the ids of those that it changed. Raises ValidationError.

    ``user`` is the person who acts, None for a program.
    """
    now = timezone.now()
    act_check(act, now)
    states_lock(Signal.objects.filter(pk__in=ids).values_list("account_id", flat=True))
    found = list(_fitting(act).select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
    changed = [signal.pk for signal in found]
    if not changed:
        return []
    Signal.objects.filter(pk__in=changed).update(**_changes(act, user, now))
    if act.action == Action.SNOOZE:
        wake(QUEUE, due_at=act.until)
    if act.action == Action.ASSIGN:
        assignments_tell(changed, assignee=act.assignee, by=user, label=actor.label, queue=QUEUE)
    announce("signals")
    _write_down(act, found, actor, now)
    return changed


def _fitting(act: Act) -> QuerySet[Signal]:
    """The signals in whose state the act means something."""
    closed = (SignalStatus.RESOLVED, SignalStatus.DISMISSED)
    wanted = closed if act.action == Action.REOPEN else (SignalStatus.OPEN,)
    found: QuerySet[Signal] = Signal.objects.filter(status__in=wanted)
    if act.action == Action.ASSIGN:
        another = Q(assignee__isnull=False)
        return found.filter(another if act.assignee is None else Q(assignee__isnull=True) | ~Q(assignee=act.assignee))
    if act.action == Action.RETURN:
        return found.filter(snoozed_until__isnull=False)
    if act.action == Action.ACKNOWLEDGE:
        return found.filter(acknowledged_at__isnull=True)
    return found


def _changes(act: Act, user: User | None, now: datetime) -> dict[str, Any]:
    if act.action == Action.ASSIGN:
        return {"assignee_id": act.assignee, "assigned_at": now if act.assignee else None}
    if act.action == Action.SNOOZE:
        return {"snoozed_until": act.until}
    if act.action == Action.RETURN:
        return {"snoozed_until": None}
    if act.action == Action.ACKNOWLEDGE:
        return {"acknowledged_at": now, "acknowledged_by": user}
    if act.action == Action.REOPEN:
        empty = {"closed_at": None, "closed_by": None, "closed_as": "", "closed_reason": ""}
        return {"status": SignalStatus.OPEN, **empty}
    status = SignalStatus.RESOLVED if act.action == Action.RESOLVE else SignalStatus.DISMISSED
    why = {"closed_as": act.reason if act.action == Action.DISMISS else "", "closed_reason": act.note.strip()}
    return {"status": status, "closed_at": now, "closed_by": user, "snoozed_until": None, **why}


WORDS: Final = {Action.RESOLVE: "resolved", Action.DISMISS: "dismissed", Action.REOPEN: "reopened"}


def _write_down(act: Act, signals: Sequence[Signal], actor: Actor, now: datetime) -> None:
    """The audit row, and a line in each account's timeline for what closes or reopens."""
    told = {name: value for name, value in act.as_json().items() if value}
    if len(signals) == 1:
        audit(actor, f"signal.{act.action}", signals[0], **told)
    else:
        audit(actor, f"signals.{act.action}", None, **told, signals=[str(signal.pk) for signal in signals])
    if act.action not in WORDS:
        return
    entries = [
        TimelineEntry(
            account_id=signal.account_id,
            kind="signal",
            key=f"{act.action}:{signal.pk}:{now.isoformat()}",
            title=f"Signal {WORDS[act.action]}: {signal.sentence}"[:300],
            body=reason_words(act.reason, act.note.strip()),
            source=actor.label,
            occurred_at=now,
        )
        for signal in signals
    ]
    timeline_record_many(entries)


def reason_words(reason: str, note: str) -> str:
    """Why a signal was closed, in words: the reason of the list and the note, "" without either."""
    label = DismissReason(reason).label if reason in DismissReason.values else ""
    return ": ".join(part for part in (label, note) if part)
