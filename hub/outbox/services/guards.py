"""Writes of the guards: sending rules, stops by people and by themselves, and what is held for too many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.outbox.models import FELT, Message, MessageStatus, Stop, StopKind, Suppression
from hub.outbox.policy import PolicyError, sending_rules
from hub.outbox.reputation import LIMITS, WINDOW, Limit
from hub.outbox.services.messages import SEND, messages_recall
from hub.people.audit import SYSTEM, Actor, audit
from hub.tenancy.context import current_tenant_id
from hub.tenancy.live import announce
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake

LIFTED, WITHDRAWN = "lifted", "withdrawn"


@transaction.atomic
def sending_rules_set(*, tenant: Tenant, rules: Mapping[str, Any], actor: Actor) -> None:
    """Change sending rules of a tenant; those not named stay. Messages that wait are asked anew. Raises PolicyError."""
    row = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = dict(row.settings.get("outbox") or {})
    after = {**before, **rules}
    sending_rules({"outbox": after})
    if after == before:
        return
    row.settings = {**row.settings, "outbox": after}
    row.save(update_fields=["settings"])
    tenant.settings = row.settings
    changed = {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}
    audit(actor, "sending.rules", tenant, changed=changed)
    _look_again(Message.objects.filter(status=MessageStatus.HELD))


@transaction.atomic
def sending_stop(*, actor: Actor, why: str, group_id: UUID | None = None, label: str = "") -> Stop:
    """The kill switch: nothing leaves any more, of everything or of one group; what is being handed over does."""
    stop, made = Stop.objects.get_or_create(
        kind=StopKind.PERSON,
        group_id=group_id,
        ended_at=None,
        defaults={"label": label[:200], "why": why[:300], "began_by": actor.label[:200]},
    )
    if made:
        stops_told()
        messages_recall(group_id=group_id)
        audit(actor, "sending.stop", stop, group=str(group_id or ""), why=why[:300])
        announce("messages")
    found: Stop = stop
    return found


@transaction.atomic
def stop_end(*, stop: Stop, outcome: str, actor: Actor) -> bool:
    """Lift a stop, or withdraw what it holds. False when somebody was faster. The caller knows who may."""
    if outcome not in (LIFTED, WITHDRAWN):
        raise ValueError(f"a stop is {LIFTED} or {WITHDRAWN}, not {outcome!r}")
    now = timezone.now()
    ended = Stop.objects.filter(pk=stop.pk, ended_at__isnull=True).update(
        ended_at=now, ended_by=actor.label[:200], outcome=outcome
    )
    if not ended:
        return False
    stops_told()
    held = Message.objects.filter(status=MessageStatus.HELD, reason=reason_of(stop))
    if stop.group_id is not None:
        held = held.filter(group_id=stop.group_id)
    if outcome == LIFTED:
        count = _look_again(held)
    else:
        count = held.update(status=MessageStatus.WITHDRAWN, reason=reason_of(stop), due_at=None, finished_at=now)
    audit(actor, f"sending.{outcome}", stop, kind=stop.kind, group=str(stop.group_id or ""), messages=count)
    announce("messages")
    return True


def stops_told() -> None:
    """Keep with the tenant whether anything is stopped. Whoever stops and whoever lifts wait for one another."""
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=current_tenant_id())
    stopped = Stop.objects.filter(ended_at__isnull=True).exists()
    if tenant.sending_stopped != stopped:
        Tenant.objects.filter(pk=tenant.pk).update(sending_stopped=stopped)


def reason_of(stop: Stop) -> str:
    """The code under which a stop holds messages."""
    if stop.kind == StopKind.PERSON:
        return "stopped:journey" if stop.group_id else "stopped"
    return "blast" if stop.kind == StopKind.BLAST else f"stopped:{stop.kind}"


def _look_again(held: Any) -> int:
    count: int = held.update(due_at=timezone.now())
    if count:
        wake(SEND)
    return count


def blast_hold(*, group_id: UUID, label: str, contacts: int, total: int, limit: int) -> None:
    """Hold a group that is about to write to too many contacts at once, until a person decides."""
    figures = {"contacts": contacts, "total": total, "limit": limit}
    stop, made = Stop.objects.get_or_create(
        kind=StopKind.BLAST,
        group_id=group_id,
        ended_at=None,
        defaults={"label": label[:200], "figures": figures, "began_by": SYSTEM.label},
    )
    if made:
        stops_told()
        messages_recall(group_id=group_id, claimed=False)
        audit(SYSTEM, "sending.blast", stop, group=str(group_id), **figures)
        announce("messages")


def reputation_watch(*, reason: str, now: datetime) -> None:
    """Stop programme and relationship mail when too much of it came back or was reported; called after each."""
    limit = LIMITS.get(reason)
    if limit is None or Stop.objects.filter(kind=limit.kind, ended_at__isnull=True).exists():
        return
    since = _since(limit, now)
    count = Suppression.objects.filter(channel="email", reason=reason, created_at__gt=since).count()
    if count < limit.least:
        return
    mails = Message.objects.filter(
        channel="email", sent_at__gt=since, status__in=[*FELT, MessageStatus.FAILED], created_at__gt=since - WINDOW
    ).count()
    if not limit.is_over(count, mails):
        return
    figures = {"count": count, "mails": mails, "days": WINDOW.days, "per_mille": limit.per_mille}
    stop, made = Stop.objects.get_or_create(
        kind=limit.kind, group_id=None, ended_at=None, defaults={"figures": figures, "began_by": SYSTEM.label}
    )
    if made:
        stops_told()
        messages_recall()
        audit(SYSTEM, f"sending.{limit.kind}", stop, **figures)
        announce("messages")


def _since(limit: Limit, now: datetime) -> datetime:
    """What an admin has looked at and lifted does not count again."""
    lifted = Stop.objects.filter(kind=limit.kind, ended_at__isnull=False).order_by("-ended_at").first()
    return max(now - WINDOW, lifted.ended_at) if lifted and lifted.ended_at else now - WINDOW


__all__ = [
    "LIFTED",
    "WITHDRAWN",
    "PolicyError",
    "blast_hold",
    "reason_of",
    "reputation_watch",
    "sending_rules_set",
    "sending_stop",
    "stop_end",
    "stops_told",
]
