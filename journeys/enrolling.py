"""Accounts put into journeys and taken out of them by people, programs and other journeys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.services import states_lock
from hub.people.audit import Actor, audit
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.prepared import Places, Prepared
from hub.tenancy.remembering import current_tenant, remembering
from hub.tenancy.wake import wake
from journeys.engine import JOURNEYS
from journeys.entries import Arrival, Entering, known_keys
from journeys.models import Cause, Decision, Intake, Journey
from journeys.settle import settle
from journeys.world import World
from signals.segments.models import Segment, SegmentMember

BATCH: Final = 200
# So many are put in while somebody waits; a segment is a worker's.
MOST_CHOSEN: Final = 200


class IntakeError(ValueError):
    """Accounts that cannot be taken in; the message says why."""


@transaction.atomic
def account_enroll(
    *, journey: Journey, account: Account, actor: Actor, cause: str = Cause.MANUAL, key: str = ""
) -> tuple[Decision, bool]:
    """Put an account into a journey, unless something speaks against it; returns the decision, and whether it is new.

    The same `key` of the same cause and journey is decided once; what came of it then is given back.
    """
    states_lock([account.pk])
    tenant = current_tenant()
    name = f"{journey.key}:{key}"[:200] if key else ""
    before = Decision.objects.filter(account=account, cause=cause, key=name).first() if name else None
    if before is not None:
        return before, False
    settle(tenant, [account.pk])
    entering = Entering(World(tenant, [account.pk], timezone.now()))
    label = f"Put into “{journey.name}” by {actor.label}"
    decision = entering.decide(Arrival(account.pk, cause, timezone.now(), key=name, label=label), [journey])
    entering.store()
    audit(actor, "enrollment.add", journey, account=str(account.pk), outcome=decision.outcome)
    wake(JOURNEYS)
    return decision, True


# --- Those that somebody has ticked ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """Whether an account comes in: the reason code and the sentence of what speaks against it, both "" when nothing."""

    account: Account
    reason: str
    text: str


def entries_foreseen(*, journey: Journey, account_ids: Collection[UUID]) -> list[Entry]:
    """What would come of putting these accounts into a journey now, by name. Changes nothing."""
    tenant, accounts = current_tenant(), _there(account_ids)
    now = timezone.now()
    entering = Entering(World(tenant, sorted(account.pk for account in accounts), now))
    return [Entry(each, *entering.refusal(journey, Arrival(each.pk, Cause.MANUAL, now))) for each in accounts]


@transaction.atomic
def accounts_enroll(
    *, journey: Journey, account_ids: Collection[UUID], actor: Actor, cause: str = Cause.MANUAL, key: str = ""
) -> list[Decision]:
    """Put up to `MOST_CHOSEN` accounts into a journey, unless something speaks against one; returns the new decisions.

    The same ``key`` of the same cause and journey is decided once for each account.
    """
    ids = sorted(account.pk for account in _there(account_ids))
    states_lock(ids)
    tenant = current_tenant()
    settle(tenant, ids)
    entering = Entering(World(tenant, ids, timezone.now()))
    name, label = f"{journey.key}:{key}"[:200] if key else "", f"Put into “{journey.name}” by {actor.label}"
    arrivals = [Arrival(pk, cause, timezone.now(), key=name, label=label) for pk in ids]
    known = known_keys(cause, arrivals) if name else set()
    for arrival in arrivals:
        if (arrival.account_id, name) not in known:
            entering.decide(arrival, [journey])
    entered = entering.store()
    if entering.decisions:
        audit(actor, "enrollment.add_many", journey, accounts=len(entering.decisions), entered=len(entered))
        wake(JOURNEYS)
    return entering.decisions


def _there(account_ids: Collection[UUID]) -> list[Account]:
    return list(Account.objects.filter(pk__in=list(account_ids)[:MOST_CHOSEN]).order_by("name", "pk"))


# --- Many at once -------------------------------------------------------------------------------------------------


def existing_count(segment_key: str) -> int:
    """How many accounts lie in a segment now: those that *also the existing ones* would take in."""
    found: int = _members_of(segment_key).count()
    return found


def _members_of(segment_key: str) -> QuerySet[SegmentMember]:
    found: QuerySet[SegmentMember] = SegmentMember.objects.filter(
        segment__key=segment_key, segment__is_active=True, left_on__isnull=True
    )
    return found


@transaction.atomic
def segment_enroll(*, journey: Journey, segment_key: str, actor: Actor, cause: str = Cause.MANUAL) -> Intake:
    """Have all members of a segment put into a journey by a worker; each leaves a decision. Raises IntakeError."""
    if not Segment.objects.filter(key=segment_key, is_active=True).exists():
        raise IntakeError("there is no such segment")
    if not journey.live:
        raise IntakeError("the journey is not published")
    if Intake.objects.filter(journey=journey, segment_key=segment_key, due_at__isnull=False).exists():
        raise IntakeError("this segment is being taken in already")
    intake: Intake = Intake.objects.create(
        journey=journey, segment_key=segment_key, cause=cause, asked_label=actor.label[:200], due_at=timezone.now()
    )
    audit(actor, "journey.intake", journey, segment=segment_key)
    wake(JOURNEYS)
    return intake


def backlog() -> datetime | None:
    """When an intake is due that is not through; None when all are."""
    return next(iter(_earliest()), None)


@Prepared[datetime | None]
def _earliest(the: Places) -> Any:
    return Intake.objects.filter(due_at__isnull=False).order_by("due_at").values_list("due_at", flat=True)[:1]


def take_in(tenant_id: UUID) -> bool:
    """Take in the next accounts of one intake, in a transaction; False when none is due."""
    with tenant_context(tenant_id), remembering():
        intake = next(iter(_due(now=timezone.now())), None)
        if intake is None:
            return False
        ids = _members(intake)
        if ids:
            _take_in(current_tenant(), intake, ids)
        else:
            Intake.objects.filter(pk=intake.pk).update(due_at=None, done_at=timezone.now())
        return True


@Prepared[Intake]
def _due(the: Places) -> Any:
    free = Intake.objects.select_for_update(skip_locked=True, of=("self",)).select_related("journey")
    return free.filter(due_at__lte=the.moment("now")).order_by("due_at", "id")[:1]


def _members(intake: Intake) -> list[UUID]:
    members = _members_of(intake.segment_key)
    if intake.after:
        members = members.filter(account_id__gt=intake.after)
    return list(members.order_by("account_id").values_list("account_id", flat=True)[:BATCH])


def _take_in(tenant: Tenant, intake: Intake, ids: list[UUID]) -> None:
    states_lock(ids)
    entering = Entering(World(tenant, ids, timezone.now()))
    label = f"In the segment “{intake.segment_key}”, taken in by {intake.asked_label or 'publishing'}"
    arrivals = [Arrival(pk, intake.cause, intake.made_at, key=f"intake:{intake.pk}", label=label) for pk in ids]
    known = known_keys(intake.cause, arrivals)
    for arrival in arrivals:
        if (arrival.account_id, arrival.key) not in known:
            entering.decide(arrival, [intake.journey])
    entered = len(entering.store())
    Intake.objects.filter(pk=intake.pk).update(
        after=ids[-1], entered=F("entered") + entered, refused=F("refused") + len(entering.decisions) - entered
    )
