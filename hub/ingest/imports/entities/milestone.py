from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hub.ingest.imports.entities import Batch, Entity, Record
from hub.ingest.imports.journal import Trace
from hub.ingest.imports.mapping import FieldSpec
from hub.people.audit import Actor
from hub.plans.models import Milestone, OnboardingPlan
from hub.plans.services import milestone_complete, milestones_complete_historical

FIELDS = {
    "plan": FieldSpec("text", longest=200, also=("plan_name", "onboarding_plan")),
    "plan_started_on": FieldSpec("date", required=True, also=("plan_start", "started_on", "kick_off", "start_date")),
    "key": FieldSpec("text", required=True, longest=64, also=("milestone_key", "milestone", "step", "code")),
    "title": FieldSpec("text", required=True, longest=200, also=("milestone_title", "milestone_name", "name")),
    "description": FieldSpec("text"),
    "position": FieldSpec("integer", also=("order", "number", "rank")),
    "required": FieldSpec("boolean", also=("is_required", "mandatory")),
    "due_on": FieldSpec("date", also=("due", "due_date", "deadline")),
    "event_name": FieldSpec("text", longest=200, also=("event",)),
    "completed_at": FieldSpec("datetime", also=("completed", "done", "done_at", "completed_on", "completion_date")),
}
PLAIN = ("title", "description", "position", "required", "due_on", "event_name")
MILESTONES = Trace(Milestone, ("key", *PLAIN, "completed_at", "account_id"), timeline=("milestone", "completed:{}"))
PLANS = Trace(OnboardingPlan, ("name", "started_on", "account_id"))


def write(batch: Batch) -> None:
    """Upsert milestones by (account, plan, key), making plans; completions go through the services that signal."""
    plans = _plans(batch)
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
            record.outcome = _compare(batch, milestone, given, changed)
        if record.values.get("completed_at") is not None and milestone.completed_at is None:
            completed.append((record, milestone))
        if record.outcome != "unchanged":
            batch.touched.add(plan.account_id)
    Milestone.objects.bulk_create(new, batch_size=1000)
    with batch.released():
        Milestone.objects.bulk_update(changed, PLAIN, batch_size=500)
    _complete(batch, completed, {milestone.pk for milestone in new})
    batch.journal.created(MILESTONES, new)


def _plan_key(record: Record) -> tuple[UUID, str]:
    assert record.account_id is not None  # references are resolved before a writer runs
    return record.account_id, record.values.get("plan") or "Onboarding"


def _plans(batch: Batch) -> dict[tuple[UUID, str], OnboardingPlan]:
    started = {_plan_key(record): record.values["plan_started_on"] for record in reversed(batch.records)}
    made = [OnboardingPlan(account_id=key[0], name=key[1], started_on=day) for key, day in started.items()]
    OnboardingPlan.objects.bulk_create(made, ignore_conflicts=True)
    found = list(OnboardingPlan.objects.filter(account_id__in={key[0] for key in started}))
    ours = {plan.pk for plan in made}
    batch.journal.created(PLANS, [plan for plan in found if plan.pk in ours])
    return {(plan.account_id, plan.name): plan for plan in found}


def _compare(batch: Batch, milestone: Milestone, given: dict[str, Any], changed: list[Milestone]) -> str:
    before = {name: getattr(milestone, name) for name, value in given.items() if getattr(milestone, name) != value}
    if not before:
        return "unchanged"
    for name in before:
        setattr(milestone, name, given[name])
    if milestone._state.adding is False:
        batch.journal.changed(MILESTONES, milestone, before)
    changed.append(milestone)
    return "updated"


def _complete(batch: Batch, completed: Sequence[tuple[Record, Milestone]], new: set[UUID]) -> None:
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
        before = {name: getattr(milestone, name) for name in ("completed_at", "completed_via", "historical")}
        milestone.completed_at, milestone.completed_via = record.values["completed_at"], "import"
        milestone.historical = batch.historical
        if milestone.pk not in new:
            batch.journal.changed(MILESTONES, milestone, before)
        batch.touched.add(milestone.account_id)
        if record.outcome == "unchanged":
            record.outcome = "updated"


ENTITY = Entity(
    "milestone",
    FIELDS,
    write,
    title="Onboarding milestones",
    names=("milestone", "onboarding", "plan"),
    traces=(MILESTONES, PLANS),
    ids=("milestone_id", "id"),
    order=80,
)
