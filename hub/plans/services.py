"""Writes of plans: the onboarding plan of an account and the completion of its milestones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from hub.accounts.models import Account, Contact, TimelineEntry
from hub.accounts.services import change_record, facts_touch, states_lock, timeline_record, timeline_record_many
from hub.people.audit import Actor, audit
from hub.plans.models import Milestone, OnboardingPlan
from hub.plans.outgoing import completed
from hub.tenancy.live import announce

MILESTONE_COMPLETED = "milestone.completed"


@dataclass(frozen=True)
class MilestoneSpec:
    """A milestone of a plan template: due `due_days` after the plan's start."""

    key: str
    title: str
    description: str = ""
    required: bool = True
    due_days: int | None = None
    event_name: str = ""


STANDARD_PLAN: tuple[MilestoneSpec, ...] = (
    MilestoneSpec("kick-off", "Hold the kick-off", "Agree on goals, people and dates with your CSM.", due_days=7),
    MilestoneSpec("invite-team", "Invite your team", "Everybody who will work in the product.", due_days=14),
    MilestoneSpec("connect-data", "Connect your data", "Bring in the systems you already use.", due_days=21),
    MilestoneSpec(
        "first-report",
        "Share the first report",
        "Send a result to somebody who asked for it: this is where value begins.",
        due_days=30,
        event_name="Report Shared",
    ),
    MilestoneSpec("automate", "Automate one weekly task", required=False, due_days=60),
)


@transaction.atomic
def plan_create(
    *,
    account: Account,
    started_on: date,
    actor: Actor,
    name: str = "Onboarding",
    milestones: Sequence[MilestoneSpec] = STANDARD_PLAN,
) -> OnboardingPlan:
    """Give the account an onboarding plan; the same name again returns the plan there is."""
    plan, made = OnboardingPlan.objects.get_or_create(account=account, name=name, defaults={"started_on": started_on})
    if made:
        Milestone.objects.bulk_create(
            [
                Milestone(
                    account=account,
                    plan=plan,
                    key=spec.key,
                    title=spec.title,
                    description=spec.description,
                    position=position,
                    required=spec.required,
                    due_on=None if spec.due_days is None else started_on + timedelta(days=spec.due_days),
                    event_name=spec.event_name,
                )
                for position, spec in enumerate(milestones)
            ]
        )
        audit(actor, "plan.create", plan, account=str(account.id))
        facts_touch([account.id])
    created: OnboardingPlan = plan
    return created


@transaction.atomic
def milestone_complete(
    *,
    milestone_id: UUID,
    via: str,
    actor: Actor,
    contact: Contact | None = None,
    at: datetime | None = None,
    historical: bool = False,
) -> bool:
    """Complete a milestone once; False when it was complete before. Two callers at once: one wins.

    `via` is hub, staff, event, import or api. The completion is stored as a change, from which signals follow, unless
    `historical`. The last required milestone activates the plan.
    """
    at = at or timezone.now()
    states_lock(Milestone.objects.filter(pk=milestone_id).values_list("account_id", flat=True))
    changed = Milestone.objects.filter(pk=milestone_id, completed_at__isnull=True).update(
        completed_at=at, completed_via=via, completed_by=contact, historical=historical
    )
    if not changed:
        return False
    milestone = Milestone.objects.select_related("plan", "account").get(pk=milestone_id)
    timeline_record(
        account_id=milestone.account_id,
        kind="milestone",
        key=f"completed:{milestone.id}",
        title=f"Milestone reached: {milestone.title}",
        occurred_at=at,
        contact_id=contact.id if contact else None,
        source={"hub": "customer's hub", "event": "product usage"}.get(via, via),
        customer_visible=True,
    )
    activated = _activate(milestone.plan, at)
    announce("milestones")
    audit(actor, "milestone.complete", milestone, via=via)
    change_record(
        account_id=milestone.account_id,
        kind=MILESTONE_COMPLETED,
        key=str(milestone.id),
        object_id=milestone.id,
        occurred_at=at,
        data={
            "milestone": milestone.key,
            "title": milestone.title,
            "required": milestone.required,
            "via": via,
            "activated": activated,
            "contact_id": str(contact.id) if contact else None,
        },
        historical=historical,
    )
    if not historical:
        completed(milestone)
    return True


MILESTONE_FIELDS = frozenset({"title", "description", "position", "required", "due_on", "event_name"})


@transaction.atomic
def milestone_upsert(
    *, account: Account, key: str, plan: str, started_on: date, fields: Mapping[str, Any], actor: Actor
) -> tuple[Milestone, str]:
    """Create or change the milestone `key` of the account's plan, making the plan; say "created", "updated" or
    "unchanged". Completing it is `milestone_complete`'s. Raises ValueError for unknown fields.
    """
    if unknown := set(fields) - MILESTONE_FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}: any of {', '.join(sorted(MILESTONE_FIELDS))}")
    states_lock([account.pk])
    home, _ = OnboardingPlan.objects.get_or_create(account=account, name=plan, defaults={"started_on": started_on})
    milestone, made = Milestone.objects.get_or_create(
        plan=home, key=key, defaults={"account": account, "title": key, **fields}
    )
    changed = [name for name, value in fields.items() if getattr(milestone, name) != value]
    if changed:
        for name in changed:
            setattr(milestone, name, fields[name])
        milestone.save(update_fields=changed)
    outcome = "created" if made else "updated" if changed else "unchanged"
    if outcome != "unchanged":
        audit(actor, f"milestone.{outcome}", milestone)
        facts_touch([account.pk])
    return milestone, outcome


@transaction.atomic
def milestones_complete_historical(done: Mapping[UUID, datetime]) -> None:
    """Complete milestones that were reached before Tandem knew of them: set-based, and nothing follows from it."""
    milestones = list(Milestone.objects.filter(pk__in=list(done), completed_at__isnull=True))
    for milestone in milestones:
        milestone.completed_at, milestone.completed_via, milestone.historical = done[milestone.pk], "import", True
    Milestone.objects.bulk_update(milestones, ["completed_at", "completed_via", "historical"], batch_size=500)
    timeline_record_many(
        [
            TimelineEntry(
                account_id=milestone.account_id,
                kind="milestone",
                key=f"completed:{milestone.pk}",
                title=f"Milestone reached: {milestone.title}",
                occurred_at=done[milestone.pk],
                source="import",
                customer_visible=True,
            )
            for milestone in milestones
        ]
    )
    finished = (
        OnboardingPlan.objects.filter(pk__in={milestone.plan_id for milestone in milestones}, activated_at__isnull=True)
        .exclude(milestones__in=Milestone.objects.filter(required=True, completed_at__isnull=True))
        .annotate(last_at=Max("milestones__completed_at", filter=Q(milestones__required=True)))
    )
    for plan in finished:
        plan.activated_at = plan.last_at
    OnboardingPlan.objects.bulk_update(finished, ["activated_at"], batch_size=500)


def _activate(plan: OnboardingPlan, at: datetime) -> bool:
    # The plan's row is the lock: two last milestones at once must not both see the other as open.
    plan = OnboardingPlan.objects.select_for_update().get(pk=plan.pk)
    if plan.activated_at or plan.milestones.filter(required=True, completed_at__isnull=True).exists():
        return False
    plan.activated_at = at
    plan.save(update_fields=["activated_at"])
    timeline_record(
        account_id=plan.account_id,
        kind="milestone",
        key=f"activated:{plan.id}",
        title="Activated: every required milestone is done",
        occurred_at=at,
        customer_visible=True,
    )
    return True
