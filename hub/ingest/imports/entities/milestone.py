from __future__ import annotations

from datetime import date
from uuid import UUID

from hub.ingest.imports.entities import Batch, Entity
from hub.ingest.imports.mapping import FieldSpec
from hub.people.audit import Actor
from hub.plans.models import Milestone, OnboardingPlan
from hub.plans.services import milestone_complete

FIELDS = {
    "plan": FieldSpec("text"),
    "plan_started_on": FieldSpec("date", required=True),
    "key": FieldSpec("text", required=True),
    "title": FieldSpec("text", required=True),
    "description": FieldSpec("text"),
    "position": FieldSpec("integer"),
    "required": FieldSpec("boolean"),
    "due_on": FieldSpec("date"),
    "event_name": FieldSpec("text"),
    "completed_at": FieldSpec("datetime"),
}
PLAIN = ("title", "description", "position", "required", "due_on", "event_name")


def write(batch: Batch) -> None:
    """Upsert milestones by (account, plan, key), making plans; completions go through the one service that signals."""
    for record in batch.records:
        assert record.account_id is not None  # references are resolved before a writer runs
        values = record.values
        plan = _plan(record.account_id, values.get("plan") or "Onboarding", values["plan_started_on"])
        given = {name: values[name] for name in PLAIN if values.get(name) is not None}
        milestone, made = Milestone.objects.get_or_create(
            plan=plan, key=values["key"], defaults={"account_id": record.account_id, **given}
        )
        differing = [name for name, value in given.items() if getattr(milestone, name) != value]
        for name in differing:
            setattr(milestone, name, given[name])
        if differing:
            milestone.save(update_fields=differing)
        completed = values.get("completed_at") is not None and milestone_complete(
            milestone_id=milestone.pk,
            via="import",
            actor=Actor("command", label=f"import of {batch.source}"),
            at=values["completed_at"],
            historical=batch.historical,
        )
        record.outcome = "created" if made else "updated" if differing or completed else "unchanged"
        if record.outcome != "unchanged":
            batch.touched.add(record.account_id)


def _plan(account_id: UUID, name: str, started_on: date) -> OnboardingPlan:
    plan, _ = OnboardingPlan.objects.get_or_create(
        account_id=account_id, name=name, defaults={"started_on": started_on}
    )
    found: OnboardingPlan = plan
    return found


ENTITY = Entity("milestone", FIELDS, write, order=80)
