"""The three journeys that ship, from the signal to the message and the task."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone

from hub.accounts.models import Account, TimelineEntry
from hub.accounts.services import facts_touch
from hub.outbox.models import Message, MessageStatus
from hub.outbox.rendering import check
from hub.outbox.services import consent_set
from hub.plans.models import Objective
from hub.registry.facts import facts
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys.library import SHIPPED
from journeys.models import Decision, Enrollment, Journey, JourneyVersion
from journeys.services import graph_problems, journeys_install
from journeys.words import SAMPLE
from journeys.world import World
from tests.journeys import stage
from tests.world import ACTOR

REQUIRED = ("kick-off", "invite-team", "connect-data", "first-report")


@pytest.fixture
def account(acme: Tenant) -> Account:
    return stage.set_up(acme)


def test_every_ready_journey_can_be_published(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        assert [graph_problems(shipped.graph) for shipped in SHIPPED] == [(), (), ()]
        assert Journey.objects.filter(status="active", live=1).count() == JourneyVersion.objects.count() == 3
        assert journeys_install(actor=ACTOR) == 0


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.key)
def test_every_ready_journey_is_registered_with_its_hypothesis(shipped: object) -> None:
    names = {"input", "accounts", "baseline", "expected_change", "by_when", "measure", "comparison"}
    assert set(shipped.hypothesis) == names  # type: ignore[attr-defined]  # parametrised by the library


def test_the_vocabulary_of_templates_is_what_they_get(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        Objective.objects.create(account=account, title="Faster close")
        world = World(acme, [account.pk], timezone.now())
        values = world.values(account.pk, stage.champion(acme), None)
    assert values.keys() == SAMPLE.keys()
    for name in SAMPLE.keys() - {"facts", "objectives", "hub_url", "plan_url"}:
        assert values[name].keys() == SAMPLE[name].keys(), name
    assert values["objectives"][0].keys() == SAMPLE["objectives"][0].keys()
    assert values["facts"].keys() == facts.as_mapping().keys()
    assert check("{{ facts.nonsense }}", SAMPLE, part="body")
    assert not check("{{ facts.mrr_minor }}", SAMPLE, part="body")


def test_a_milestone_is_congratulated_and_the_next_one_shown(acme: Tenant, account: Account) -> None:
    stage.plan(acme, account)
    kim = stage.champion(acme)
    stage.reach(acme, "kick-off", contact=kim)
    stage.run(acme)
    with tenant_context(acme):
        message = Message.objects.get()
        assert (message.status, message.channel, message.message_class) == ("sent", "email", "service")
        assert message.contact_id == kim.pk
        assert message.subject == "Done: Hold the kick-off. Next: Invite your team"
        assert "/hub/acme/plan/" in message.body_html
        enrollment = Enrollment.objects.get()
        assert (enrollment.node_id, enrollment.awaits) == ("next-step", "milestone-reached")
        assert [run.node_id for run in enrollment.steps.order_by("visit")] == ["where", "reached"]
        assert TimelineEntry.objects.filter(kind="message").count() == 1


def test_a_waiting_account_goes_on_with_the_next_milestone(acme: Tenant, account: Account) -> None:
    stage.plan(acme, account)
    stage.reach(acme, "kick-off")
    stage.run(acme)
    stage.reach(acme, "invite-team")
    stage.run(acme)
    with tenant_context(acme):
        assert [m.subject for m in Message.objects.order_by("created_at")] == [
            "Done: Hold the kick-off. Next: Invite your team",
            "Done: Invite your team. Next: Connect your data",
        ]
        assert Enrollment.objects.count() == 1
        assert [d.outcome for d in Decision.objects.order_by("at")] == ["entered", "resumed"]


def test_the_last_milestone_converts_and_is_celebrated_with_a_task_for_the_csm(acme: Tenant, account: Account) -> None:
    stage.plan(acme, account)
    stage.reach(acme, *REQUIRED[:3])
    stage.run(acme)
    stage.reach(acme, REQUIRED[3])
    stage.run(acme)
    with tenant_context(acme):
        first, second = Enrollment.objects.order_by("entered_at")
        assert (first.reason, first.goal_before) == ("goal_met", False)
        assert (second.reason, second.goal_before) == ("completed", True)
        assert "Northwind is live" in Message.objects.values_list("subject", flat=True)
        task = Task.objects.get()
        assert task.title == "Northwind is activated: agree on goals for the first quarter"
        assert task.assignee_id == account.owner_id


def test_a_silent_account_is_nudged_in_the_hub_and_then_its_csm_is(acme: Tenant, account: Account) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:  # a Monday
        stage.plan(acme, account)
        stage.reach(acme, "kick-off")
        stage.run(acme)
        clock.move_to("2026-03-09T10:00:00Z")
        stage.run(acme)
        with tenant_context(acme):
            nudge = Message.objects.get(channel="in_hub")
            assert (nudge.status, nudge.subject) == ("sent", "Next up: Invite your team")
            assert not Task.objects.exists()
        clock.move_to("2026-03-19T10:00:00Z")
        stage.run(acme)
        with tenant_context(acme):
            assert Task.objects.get().title == "Onboarding at Northwind stands still at “Invite your team”"
            assert Enrollment.objects.get().reason == "completed"


def test_expansion_is_taught_first_and_talked_about_three_business_days_later(acme: Tenant, account: Account) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        with tenant_context(acme):
            consent_set(contact=stage.champion(acme), status="granted", source="form", actor=ACTOR)
        stage.tag_expansion(acme, account)
        stage.run(acme)
        with tenant_context(acme):
            message = Message.objects.get()
            assert (message.status, message.message_class, message.topic) == ("sent", "programme", "growth")
            assert not Task.objects.exists()
        clock.move_to("2026-03-05T09:01:00Z")
        stage.run(acme)
        with tenant_context(acme):
            task = Task.objects.get()
            assert task.title == "Talk with Northwind about growing"
            assert "20 more seats" in task.playbook


def test_more_mrr_is_the_goal_of_upsell(acme: Tenant, account: Account) -> None:
    today = timezone.localdate()

    def line(key: str, mrr: int, start: date, end: date | None = None) -> None:
        ContractLine.objects.create(
            account=account, source="t", external_id=key, mrr_minor=mrr, currency="USD", starts_on=start, ends_on=end
        )

    with tenant_context(acme):
        line("a", 1000, today - timedelta(days=400))
        line("b", 500, today - timedelta(days=200))  # an expansion before the journey is none of its goals
    stage.tag_expansion(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        assert (Enrollment.objects.get().status, Enrollment.objects.get().goal_before) == ("active", False)
        line("c", 700, today)
        facts_touch([account.pk])
    stage.run(acme)
    with tenant_context(acme):
        enrollment = Enrollment.objects.get()
        assert (enrollment.status, enrollment.reason) == ("finished", "goal_met")
        assert TimelineEntry.objects.filter(kind="journey", key=f"goal:{enrollment.pk}").exists()


def test_a_renewal_at_the_same_price_is_no_expansion(acme: Tenant, account: Account) -> None:
    today = timezone.localdate()
    with tenant_context(acme):
        for key, start, end in (("a", today - timedelta(days=365), today), ("b", today, None)):
            ContractLine.objects.create(
                account=account, source="t", external_id=key, mrr_minor=9, currency="USD", starts_on=start, ends_on=end
            )
        facts_touch([account.pk])
    stage.evaluate(acme)
    with tenant_context(acme):
        assert World(acme, [account.pk], timezone.now()).facts[account.pk]["expanded_on"] is None


def test_save_helps_with_goals_and_never_mentions_the_drop(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        Objective.objects.create(account=account, title="Close the month in 3 days")
    stage.decline(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        message = Message.objects.get()
        assert (message.status, message.message_class, message.purpose) == ("sent", "relationship", "save")
        assert "Close the month in 3 days" in message.body_text
        for word in ("usage", "drop", "declin", "less", "fell", "inactive", "noticed"):
            assert word not in f"{message.subject} {message.body_text}".lower()
        assert Task.objects.get().title == "Find out what has changed at Northwind"


def test_usage_that_comes_back_ends_save_as_reached(acme: Tenant, account: Account) -> None:
    stage.decline(acme, account)
    stage.run(acme)
    stage.use_weekly(acme, account, [100] * 10)
    stage.run(acme)
    with tenant_context(acme):
        assert Enrollment.objects.get().reason == "goal_met"
        assert Message.objects.exclude(status=MessageStatus.SENT).count() == 0
