"""What the tenant has promised itself about tasks: how fast they are answered, how many are completed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from hub.people.audit import Actor, audit
from hub.rules.workdays import calendar_of
from hub.tenancy.models import Tenant
from hub.work.models import Clock
from hub.work.sla import respond_by

MOST_HOURS: Final = 24 * 90
DEFAULT_HOURS: Final = 48
DEFAULT_COMPLETION: Final = 80


@dataclass(frozen=True, slots=True)
class Targets:
    """``respond_hours`` by ``clock`` until the first action; ``completion``: percent of settled tasks that are done."""

    respond_hours: int = DEFAULT_HOURS
    clock: str = Clock.CALENDAR
    completion: int = DEFAULT_COMPLETION


def targets_of(settings: Mapping[str, Any]) -> Targets:
    """The targets of a tenant's settings (``tasks``); what cannot be read is as if nobody had said it."""
    raw = settings.get("tasks") or {}
    clock = raw.get("clock")
    return Targets(
        _whole(raw.get("respond_hours"), 1, MOST_HOURS, DEFAULT_HOURS),
        clock if clock in Clock.values else Clock.CALENDAR,
        _whole(raw.get("completion"), 1, 100, DEFAULT_COMPLETION),
    )


def _whole(raw: object, least: int, most: int, default: int) -> int:
    return raw if type(raw) is int and least <= raw <= most else default


@transaction.atomic
def targets_set(*, tenant_id: UUID, targets: Targets, actor: Actor) -> None:
    """Change the targets; tasks that are open keep the time they were opened with."""
    row = Tenant.objects.select_for_update().get(pk=tenant_id)
    before = targets_of(row.settings)
    told = {"respond_hours": targets.respond_hours, "clock": str(targets.clock), "completion": targets.completion}
    row.settings = {**row.settings, "tasks": told}
    row.save(update_fields=["settings"])
    audit(
        actor,
        "tasks.targets",
        None,
        respond_hours=[before.respond_hours, targets.respond_hours],
        clock=[before.clock, str(targets.clock)],
        completion=[before.completion, targets.completion],
    )


def answer_until(tenant: Tenant, start: datetime, *, hours: int | None = None, clock: str = "") -> datetime:
    """Until when a task that begins at ``start`` has to be answered; None and "" mean the tenant's own."""
    targets = targets_of(tenant.settings)
    return respond_by(
        start,
        hours or targets.respond_hours,
        business=(clock or targets.clock) == Clock.BUSINESS,
        zone=tenant.zone,
        calendar=calendar_of(tenant.settings),
    )
