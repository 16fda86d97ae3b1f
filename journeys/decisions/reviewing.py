"""What people say to choices: approve, veto, undo; one of them or many. Of two at once the first wins.

The account's lock is held meanwhile, as it is while an effect is written: what was undone never begins, and what has
begun cannot be undone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from hub.accounts.services import states_lock
from hub.people.audit import Actor, audit
from hub.people.models import Membership, User
from hub.tenancy.context import current_tenant_id
from hub.tenancy.live import announce
from hub.tenancy.remembering import current_tenant
from hub.tenancy.wake import wake
from journeys.decisions.models import TO_REVIEW, Choice, ChoiceStatus, VetoReason
from journeys.decisions.queue import QUEUE, undo_window

LONGEST_NOTE: Final = 300
FURTHEST: Final = timedelta(days=90)
MOST_AT_ONCE: Final = 500


@transaction.atomic
def choices_approve(
    *,
    ids: Collection[UUID],
    actor: Actor,
    user: User | None = None,
    assignee: UUID | None = None,
    begins_at: datetime | None = None,
) -> list[UUID]:
    """Have choices carried out after the time to undo them, or at ``begins_at`` if that is later.

    ``assignee`` gets the task instead of the account's owner. Returns the ids of those that were still open.
    Raises ValidationError.
    """
    now = timezone.now()
    _check(assignee, begins_at, now)
    found = _locked(ids, TO_REVIEW)
    window = undo_window(current_tenant().settings)
    due = max(now + window, begins_at) if begins_at else now + window
    changes: dict[str, Any] = {"status": ChoiceStatus.SCHEDULED, "due_at": due, "expires_at": None, "reason": ""}
    changes |= {"edits": {"assignee": str(assignee)}} if assignee else {}
    told = {"due_at": due.isoformat(), **({"assignee": str(assignee)} if assignee else {})}
    return _reviewed(found, "approve", changes, actor, user, told, wake_at=due)


@transaction.atomic
def choices_veto(
    *, ids: Collection[UUID], reason: str, note: str = "", actor: Actor, user: User | None = None
) -> list[UUID]:
    """Say no to choices; returns the ids of those that were still open. Raises ValidationError without a reason."""
    words = note.replace("\0", "").strip()
    if reason not in VetoReason.values:
        raise ValidationError({"reason": ["Say why: it is kept beside the decision."]})
    if reason == VetoReason.OTHER and not words:
        raise ValidationError({"note": ["Say in a few words why: “other” alone teaches nobody."]})
    if len(words) > LONGEST_NOTE:
        raise ValidationError({"note": [f"at most {LONGEST_NOTE} characters"]})
    found = _locked(ids, TO_REVIEW)
    changes = {"status": ChoiceStatus.VETOED, "reason": reason, "note": words, "expires_at": None}
    return _reviewed(found, "veto", changes, actor, user, {"reason": reason, "note": words})


@transaction.atomic
def choices_undo(*, ids: Collection[UUID], actor: Actor, user: User | None = None) -> list[UUID]:
    """Take back what has not begun; returns the ids of those of which nothing happened."""
    found = _locked(ids, (ChoiceStatus.SCHEDULED,))
    changes = {"status": ChoiceStatus.UNDONE, "reason": "undone", "due_at": None}
    return _reviewed(found, "undo", changes, actor, user, {})


def _check(assignee: UUID | None, begins_at: datetime | None, now: datetime) -> None:
    if begins_at is not None and not now - timedelta(days=1) <= begins_at <= now + FURTHEST:
        raise ValidationError({"begins_at": [f"choose a time within {FURTHEST.days} days"]})
    if assignee is not None:
        members = Membership.objects.filter(tenant_id=current_tenant_id(), user_id=assignee, is_active=True)
        if not members.filter(user__is_active=True).exists():
            raise ValidationError({"assignee": ["nobody of this tenant"]})


def _locked(ids: Collection[UUID], statuses: Collection[str]) -> list[Choice]:
    states_lock(Choice.objects.filter(pk__in=ids).values_list("account_id", flat=True))
    return list(Choice.objects.filter(pk__in=ids, status__in=statuses).order_by("pk"))


def _reviewed(
    found: list[Choice],
    verb: str,
    changes: dict[str, Any],
    actor: Actor,
    user: User | None,
    told: dict[str, Any],
    *,
    wake_at: datetime | None = None,
) -> list[UUID]:
    if not found:
        return []
    ids = [choice.pk for choice in found]
    signed = {"reviewed_at": timezone.now(), "reviewed_by": user, "reviewed_label": actor.label[:200]}
    Choice.objects.filter(pk__in=ids).update(**changes, **signed)
    if len(found) == 1:
        audit(actor, f"choice.{verb}", found[0], **told)
    else:
        audit(actor, f"choices.{verb}", None, **told, choices=[str(pk) for pk in ids])
    announce("journeys")
    if wake_at is not None:
        wake(QUEUE, due_at=wake_at)
    return ids
