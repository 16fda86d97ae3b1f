"""One audit row for every change of state that a person, a program or a command makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from hub.people.models import AuditEvent


@dataclass(frozen=True)
class Actor:
    """Who acts: `kind` is user, contact, key, command or system; `label` is what people read later."""

    kind: str
    id: str = ""
    label: str = ""
    ip: str | None = None


SYSTEM = Actor("system", label="Tandem")


def command(name: str) -> Actor:
    return Actor("command", label=name)


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in user of a staff request."""
    user = request.user
    return Actor("user", str(user.pk), str(user), request.META.get("REMOTE_ADDR") or None)


def audit(actor: Actor, action: str, target: Any = None, **changes: Any) -> AuditEvent:
    """Write one audit row in the open tenant context; `changes` must be JSON (ids, not names of people)."""
    event = _event(actor, action, target, changes)
    event.save(force_insert=True)
    return event


def audit_many(actor: Actor, action: str, targets: Iterable[Any]) -> None:
    """Write an audit row for each of several targets of the same act, in one statement."""
    AuditEvent.objects.bulk_create(_event(actor, action, target, {}) for target in targets)


def _event(actor: Actor, action: str, target: Any, changes: dict[str, Any]) -> AuditEvent:
    return AuditEvent(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        ip=actor.ip,
        action=action,
        object_kind=target._meta.model_name if target is not None else "",
        object_id=str(target.pk) if target is not None else "",
        changes=changes,
    )
