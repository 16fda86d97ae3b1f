from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.mapping import FieldSpec
from hub.people.audit import Actor
from hub.plans.models import Milestone, OnboardingPlan
from hub.plans.services import milestone_complete, milestones_complete_historical

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
    """Upsert milestones by (account, plan, key), making plans; completions go through the services that signal."""
    plans = _plans(batch.records)
    wanted = [plans[_plan_key(record)] for record in batch.records]
    known = {(m.plan_id, m.key): m for m in Milestone.objects.filter(plan__in={plan.pk for plan in wanted})}
    new: list[Milestone] = []
    changed: list[Milestone] = []
    completed: list[tuple[Record, Milestone]] = []
    for record, plan in zip(batch.records, wanted, strict=True):
        given = {name: record.values[name] for name in PLAIN if record.values.get(name) is not None}
        milestone = known.get((plan.pk, record.values["key"]))
        if milestone is None:
            milestone = Milestone(account_id=plan.account_id, plan=plan, key=record.values["key"], **given)
            known[plan.pk, milestone.key] = milestone
            new.append(milestone)
            record.outcome = "created"
        else:
            record.outcome = _compare(milestone, given, changed)
        if record.values.get("completed_at") is not None and milestone.completed_at is None:
            completed.append((record, milestone))
        if record.outcome != "unchanged":
            batch.touched.add(plan.account_id)
    Milestone.objects.bulk_create(new, batch_size=1000)
    Milestone.objects.bulk_update(changed, PLAIN, batch_size=500)
    _complete(batch, completed)


def _plan_key(record: Record) -> tuple[UUID, str]:
    assert record.account_id is not None  # references are resolved before a writer runs
    return record.account_id, record.values.get("plan") or "Onboarding"


def _plans(records: Sequence[Record]) -> dict[tuple[UUID, str], OnboardingPlan]:
    started = {_plan_key(record): record.values["plan_started_on"] for record in reversed(records)}
    OnboardingPlan.objects.bulk_create(
        [OnboardingPlan(account_id=key[0], name=key[1], started_on=day) for key, day in started.items()],
        ignore_conflicts=True,
    )
    found = OnboardingPlan.objects.filter(account_id__in={key[0] for key in started})
    return {(plan.account_id, plan.name): plan for plan in found}


def _compare(milestone: Milestone, given: dict[str, Any], changed: list[Milestone]) -> str:
    if all(getattr(milestone, name) == value for name, value in given.items()):
        return "unchanged"
    for name, value in given.items():
        setattr(milestone, name, value)
    changed.append(milestone)
    return "updated"


def _complete(batch: Batch, completed: Sequence[tuple[Record, Milestone]]) -> None:
    if batch.historical:
        milestones_complete_historical({m.pk: record.values["completed_at"] for record, m in completed})
    for record, milestone in completed:
        if not batch.historical:
            milestone_complete(
                milestone_id=milestone.pk,
                via="import",
                actor=Actor("command", label=f"import of {batch.source}"),
                at=record.values["completed_at"],
            )
        batch.touched.add(milestone.account_id)
        if record.outcome == "unchanged":
            record.outcome = "updated"


ENTITY = Entity("milestone", FIELDS, write, order=80)
