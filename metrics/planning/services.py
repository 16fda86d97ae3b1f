"""Writes of the plan of a quarter. A closed quarter never changes."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.people.audit import Actor, audit
from hub.people.models import Membership, User
from hub.tenancy.context import current_tenant_id
from hub.tenancy.remembering import current_tenant
from metrics.planning.figures import figures_of
from metrics.planning.models import Commitment, Focus, PlanQuarter, Priority, Side
from metrics.planning.quarters import Quarter
from signals.models import Segment
from signals.segments.services import being_counted

MOST_FOCUSES: Final = 20
MOST_COMMITMENTS: Final = 50
# How far ahead a quarter may be planned.
AHEAD: Final = 4


class PlanError(ValueError):
    """A change of the plan that cannot be made; the message says why."""


def _today() -> date:
    return today_of(current_tenant())


def quarter_open(quarter: Quarter) -> None:
    """Raise PlanError for a quarter that is closed, over for long, or too far ahead."""
    now = Quarter.of(_today())
    if not now.after(-1) <= quarter <= now.after(AHEAD):
        raise PlanError(f"a plan is made for {now.after(-1).words} to {now.after(AHEAD).words}")
    if PlanQuarter.objects.filter(quarter=str(quarter), closed_at__isnull=False).exists():
        raise PlanError(f"{quarter.words} is closed; what it was stands")


@transaction.atomic
def focus_add(
    *, quarter: Quarter, segment: Segment, priority: str, cs_owner: UUID | None, marketing_owner: UUID | None,
    target: str, note: str = "", actor: Actor,
) -> Focus:  # fmt: skip
    """Plan a segment for a quarter, with its figures as they are now. Raises PlanError."""
    _lock(quarter)
    quarter_open(quarter)
    if not segment.is_active:
        raise PlanError("the segment is put away")
    if being_counted(segment):
        raise PlanError("the accounts of the segment are being counted for the first time; try again in a minute")
    if Focus.objects.filter(quarter=str(quarter), dropped_at__isnull=True).count() >= MOST_FOCUSES:
        raise PlanError(f"a quarter has at most {MOST_FOCUSES} segments; what has twenty priorities has none")
    kept = _settings(priority, cs_owner, marketing_owner, target, note)
    focus = _begin(quarter, segment.pk, kept)
    audit(actor, "plan.add", focus, quarter=str(quarter), segment=segment.key, after=_told(kept))
    return focus


def _begin(quarter: Quarter, segment_id: UUID, kept: dict[str, Any], carried_from: Focus | None = None) -> Focus:
    figures = figures_of([segment_id], _today())[segment_id]
    try:
        with transaction.atomic():
            focus: Focus = Focus.objects.create(
                quarter=str(quarter), segment_id=segment_id, start=figures.stored(), carried_from=carried_from, **kept
            )
    except IntegrityError:
        raise PlanError("the segment is in the plan of this quarter already") from None
    return focus


@transaction.atomic
def focus_change(
    *, focus: Focus, priority: str, cs_owner: UUID | None, marketing_owner: UUID | None, target: str, note: str,
    actor: Actor,
) -> Focus:  # fmt: skip
    """Change a focus's priority, owners, target and note. Raises PlanError."""
    locked = _locked(focus)
    kept = _settings(priority, cs_owner, marketing_owner, target, note)
    before = {name: getattr(locked, name) for name in kept}
    if before != kept:
        for name, value in kept.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(kept))
        audit(actor, "plan.change", locked, before=_told(before), after=_told(kept))
    return locked


@transaction.atomic
def focus_drop(*, focus: Focus, actor: Actor) -> None:
    """Take a segment out of the plan of its quarter; what was there stays in the audit log. Raises PlanError."""
    locked = _locked(focus)
    Focus.objects.filter(pk=locked.pk).update(dropped_at=timezone.now())
    audit(actor, "plan.drop", locked)


@transaction.atomic
def commitment_add(*, focus: Focus, side: str, text: str, due_on: date | None, actor: Actor) -> Commitment:
    """Promise something for a focus. Raises PlanError."""
    locked = _locked(focus)
    words = _words(text, 300)
    if side not in Side.values:
        raise PlanError("say which side promises it: customer success or customer marketing")
    if not words:
        raise PlanError("say what is promised")
    if locked.commitments.count() >= MOST_COMMITMENTS:
        raise PlanError(f"a segment has at most {MOST_COMMITMENTS} commitments a quarter")
    commitment: Commitment = Commitment.objects.create(focus=locked, side=side, text=words, due_on=due_on)
    audit(actor, "plan.commit", commitment, focus=str(locked.pk), side=side)
    return commitment


@transaction.atomic
def commitment_tick(*, commitment: Commitment, done: bool, user: User | None, actor: Actor) -> bool:
    """Say that a commitment is done, or that it is not after all; False when it was so. Raises PlanError."""
    focus = _locked(commitment.focus)
    changed = Commitment.objects.filter(pk=commitment.pk, done_at__isnull=done).update(
        done_at=timezone.now() if done else None, done_by=user if done else None
    )
    if changed:
        audit(actor, "plan.done" if done else "plan.reopen", commitment, focus=str(focus.pk))
    return bool(changed)


@transaction.atomic
def quarter_close(*, quarter: Quarter, user: User | None, actor: Actor) -> int:
    """Close a quarter: its figures stand as they are now, and every focus goes on in the next quarter with the
    commitments that are not done. Returns how many commitments were carried over. Raises PlanError."""
    _lock(quarter)
    quarter_open(quarter)
    if quarter > Quarter.of(_today()):
        raise PlanError(f"{quarter.words} has not begun")
    focuses = list(Focus.objects.filter(quarter=str(quarter), dropped_at__isnull=True))
    if not focuses:
        raise PlanError(f"nothing is planned for {quarter.words}")
    PlanQuarter.objects.filter(quarter=str(quarter)).update(closed_at=timezone.now(), closed_by=user)
    _lock(quarter.after())
    figures, carried = figures_of([focus.segment_id for focus in focuses], _today()), 0
    there = {f.segment_id: f for f in Focus.objects.filter(quarter=str(quarter.after()), dropped_at__isnull=True)}
    for focus in focuses:
        Focus.objects.filter(pk=focus.pk).update(ended=figures[focus.segment_id].stored())
        carried += _carry(focus, there.get(focus.segment_id), quarter.after())
    audit(actor, "plan.close", None, quarter=str(quarter), focuses=len(focuses), carried=carried)
    return carried


def _carry(focus: Focus, there: Focus | None, quarter: Quarter) -> int:
    left = list(focus.commitments.filter(done_at__isnull=True).order_by("created_at", "id"))
    if there is None:
        if not Segment.objects.filter(pk=focus.segment_id, is_active=True).exists():
            return 0
        names = ("priority", "cs_owner", "marketing_owner", "target", "note")
        there = _begin(quarter, focus.segment_id, {name: getattr(focus, name) for name in names}, focus)
    Commitment.objects.bulk_create(
        [
            Commitment(focus=there, side=each.side, text=each.text, due_on=each.due_on, carried_from=each)
            for each in left
        ]
    )
    return len(left)


# --- What is checked ----------------------------------------------------------------------------------------------


def _lock(quarter: Quarter) -> None:
    # Who adds and who closes wait for one another: what comes while its quarter is closed would be in neither.
    PlanQuarter.objects.bulk_create([PlanQuarter(quarter=str(quarter))], ignore_conflicts=True)
    PlanQuarter.objects.select_for_update().get(quarter=str(quarter))


def _locked(focus: Focus) -> Focus:
    quarter = Quarter.read(focus.quarter)
    assert quarter is not None, "stored by services alone"
    _lock(quarter)
    locked: Focus = Focus.objects.select_for_update().get(pk=focus.pk)
    if locked.dropped_at:
        raise PlanError("the segment is not in the plan any more")
    quarter_open(quarter)
    return locked


def _settings(
    priority: str, cs_owner: UUID | None, marketing_owner: UUID | None, target: str, note: str
) -> dict[str, Any]:
    if priority not in Priority.values:
        raise PlanError("choose a priority")
    words = _words(target, 300)
    if not words:
        raise PlanError("say what is to be reached by the end of the quarter")
    return {
        "priority": priority,
        "cs_owner": _member(cs_owner),
        "marketing_owner": _member(marketing_owner),
        "target": words,
        "note": _words(note, 1000),
    }


def _member(user_id: UUID | None) -> User | None:
    if user_id is None:
        return None
    found = Membership.objects.select_related("user").filter(
        user_id=user_id, tenant_id=current_tenant_id(), is_active=True
    )
    member = found.first()
    if member is None:
        raise PlanError("an owner is somebody who works here")
    user: User = member.user
    return user


def _told(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value.pk) if isinstance(value, User) else value for name, value in kept.items()}


def _words(text: str, longest: int) -> str:
    return text.replace("\x00", "").strip()[:longest]
