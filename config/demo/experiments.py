"""Experiments of the demo on a journey that ran six weeks ago: one can be read, one is too small, one is a plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from hub.accounts.models import Contact
from hub.outbox.gates import Purpose
from hub.outbox.models import Message, MessageStatus
from hub.people.audit import Actor
from hub.people.models import User
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from journeys.drafts.publishing import draft_publish
from journeys.drafts.selectors import current_draft
from journeys.drafts.services import draft_change, journey_create
from journeys.experiments.assign import arm_at, place_of
from journeys.experiments.models import Assignment, Experiment, Phase
from journeys.experiments.phases import assignments_store
from journeys.experiments.services import Plan, experiment_create, experiment_launch, holdout_set
from journeys.models import Enrollment, Journey, StepRun

AGO = timedelta(days=42)
SUBJECT = "Who else should see this month's report?"
BODY = (
    "<p>Hello {{ contact.first_name }},</p><p>reports are read more where two people can open them. Whoever you invite"
    ' sees what you see.</p><h2><a href="{{ hub_url }}">Invite a colleague</a></h2><p>{{ csm.name }}</p>'
)
MAIL = {
    "id": "invite",
    "kind": "email",
    "class": "programme",
    "topic": "growth",
    "to": {"roles": ["champion"], "fallback": "any_contact"},
    "subject": SUBJECT,
    "body": BODY,
    "late": "skip",
    "arms": [
        {"label": "Asks a question", "weight": 50},
        {"label": "Names the account", "weight": 50, "subject": "{{ account.name }}: two readers, one report"},
    ],
    "next": "rest",
}
REST = {
    "id": "rest",
    "kind": "wait",
    "rule": {"days": 14},
    "arms": [{"label": "Two weeks", "weight": 50}, {"label": "One week", "weight": 50, "rule": {"days": 7}}],
    "next": "end",
}
GRAPH = {
    "schema": 1,
    "entry": {"by": "hand", "reentry": {"rule": "after_days", "days": 180}},
    "start": "invite",
    "nodes": [
        MAIL,
        REST,
        {"id": "end", "kind": "exit", "reason": "nobody was invited"},
        {
            "id": "second",
            "kind": "goal",
            "label": "A second person uses it",
            "when": {"fact": "active_users_30d", "op": "gte", "value": 2},
        },
    ],
}
HYPOTHESIS = {
    "input": "churn",
    "accounts": "accounts whose reports are read by one person",
    "baseline": "a fifth of them have a second reader within three weeks",
    "expected_change": "+25 points",
    "by_when": "this quarter",
    "measure": "goal of the journey within 21 days",
    "comparison": "arms of one experiment",
}
# Of each arm, how many in a hundred have reached the goal.
GOALS = (20, 57)
FEW = 18


def experiments_make(*, tenant: Tenant, marketer: User, actor: Actor) -> None:
    """A journey that ran, with the accounts that it had; the caller holds the locks of all accounts."""
    journey = journey_create(
        name="Invite a colleague",
        description="Asks champions who read alone to bring a second reader.",
        purpose=Purpose.ADOPTION.value,
        actor=actor,
        user=marketer,
    )
    Journey.objects.filter(pk=journey.pk).update(hypothesis=HYPOTHESIS)
    journey.refresh_from_db()
    begun = current_draft(journey).revision
    draft = draft_change(
        journey=journey, seen=begun, change=lambda _: GRAPH, words="built", actor=actor, user=marketer
    )  # fmt: skip
    draft_publish(
        journey=journey,
        seen=draft.revision,
        live=0,
        tenant=tenant,
        actor=actor,
        user=marketer,
        note="With two arms to test",
    )
    journey.refresh_from_db()
    subject = _launched(
        journey,
        MAIL["id"],
        Plan(
            "Subject that names the account",
            "A subject with the account's own name reads like something of theirs to its champion, so more of them"
            " invite a colleague.",
            window_days=21,
            horizon_days=28,
            baseline=0.2,
            change=0.25,
        ),
        actor,
    )
    timing = _launched(
        journey,
        REST["id"],
        Plan(
            "One week instead of two",
            "Who has not invited anybody within a week will not do so in the second.",
            window_days=21,
            reading="sequential",
            baseline=0.4,
            change=0.1,
        ),
        actor,
    )
    holdout_set(journey=journey, percent=10, actor=actor)
    question = "Does the journey as a whole keep more accounts than it would lose anyway?"
    whole = Plan(
        "The journey against its holdout",
        question,
        measure="retention",
        window_days=180,
        horizon_days=365,
        baseline=0.85,
        change=0.08,
    )
    experiment_create(journey=journey, node_id="", plan=whole, actor=actor)
    champions = list(
        Contact.objects.select_related("account")
        .filter(status="active", roles__contains=["champion"])
        .order_by("account_id", "pk")
        .distinct("account_id")
    )
    _ran(journey, subject, timing, champions)


def _launched(journey: Journey, node_id: object, plan: Plan, actor: Actor) -> Phase:
    """An experiment that was launched when the journey began."""
    made = experiment_create(journey=journey, node_id=str(node_id), plan=plan, actor=actor)
    phase = experiment_launch(experiment=made, planned=110, actor=actor)
    then = timezone.now() - AGO
    Experiment.objects.filter(pk=made.pk).update(created_at=then, started_at=then)
    Phase.objects.filter(pk=phase.pk).update(began_at=then)
    return phase


def _ran(journey: Journey, subject: Phase, timing: Phase, champions: Sequence[Contact]) -> None:
    """What the journey has done: enrollments with their steps, mails that were sent, and who is in which arm."""
    then = timezone.now() - AGO + timedelta(hours=2)
    seen = [0, 0]
    enrollments, runs, messages, assigned = [], [], [], []
    for number, contact in enumerate(champions):
        account_id = contact.account_id
        arm = arm_at(place_of(subject.salt, account_id), subject.weights)
        seen[arm] += 1
        # Spread evenly over each arm, so that the demo says the same whatever the hash deals.
        reached = seen[arm] * GOALS[arm] // 100 > (seen[arm] - 1) * GOALS[arm] // 100
        ended = then + timedelta(days=8 if reached else 14)
        reason = "goal_met" if reached else "nobody was invited"
        enrollment = Enrollment(
            pk=uuid7(), account_id=account_id, journey=journey, version=1, node_id="rest" if reached else "end",
            visit=3, status="finished" if reached else "exited", reason=reason, entered_at=then, ended_at=ended,
            cause="manual",
        )  # fmt: skip
        run = _step(enrollment, then, arm, subject)
        enrollments.append(enrollment)
        runs.append(run)
        messages.append(_mail(enrollment, run, contact, arm, then))
        assigned.append(_assigned(subject, enrollment, arm, then))
        if number < FEW:
            other = arm_at(place_of(timing.salt, account_id), timing.weights)
            assigned.append(_assigned(timing, enrollment, other, then))
    Enrollment.objects.bulk_create(enrollments, batch_size=500)
    StepRun.objects.bulk_create(runs, batch_size=500)
    Message.objects.bulk_create(messages, batch_size=500)
    assignments_store(assigned)


def _step(enrollment: Enrollment, at: datetime, arm: int, phase: Phase) -> StepRun:
    evidence = {"arm": arm, "experiment": str(phase.experiment_id), "phase": phase.number}
    return StepRun(
        pk=uuid7(), account_id=enrollment.account_id, enrollment=enrollment, journey_id=enrollment.journey_id,
        version=1, node_id="invite", visit=1, kind="email", outcome="done", evidence=evidence, started_at=at,
        finished_at=at,
    )  # fmt: skip


def _mail(enrollment: Enrollment, run: StepRun, contact: Contact, arm: int, at: datetime) -> Message:
    subject = SUBJECT if arm == 0 else f"{contact.account.name}: two readers, one report"
    text = f"Hello {contact.name.partition(' ')[0]}, reports are read more where two people can open them."
    return Message(
        pk=uuid7(), account_id=enrollment.account_id, contact=contact, key=f"demo:invite:{contact.pk}", channel="email",
        message_class="programme", purpose=Purpose.ADOPTION.value, topic="growth", subject=subject,
        body_html=f"<p>{text}</p>", body_text=text, status=MessageStatus.SENT, wanted_at=at, sent_at=at, finished_at=at,
        cause="journey", cause_id=enrollment.pk, cause_label="Invite a colleague", step_run_id=run.pk,
        group_id=enrollment.journey_id, created_at=at,
    )  # fmt: skip


def _assigned(phase: Phase, enrollment: Enrollment, arm: int, at: datetime) -> Assignment:
    return Assignment(
        phase=phase, account_id=enrollment.account_id, enrollment_id=enrollment.pk, arm=arm, assigned_at=at
    )
