"""What is easily got wrong: entry, waiting, editing while accounts are inside, pausing, arbitration, lateness."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.utils import timezone

from hub.accounts.models import Account, AccountState, Contact
from hub.accounts.services import facts_touch
from hub.feedback.models import Ticket
from hub.outbox import sending
from hub.outbox.gates import Purpose
from hub.outbox.models import Message
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys import engine, working
from journeys.graph import GraphError
from journeys.graph_changes import Fate
from journeys.handlers import on_signals_recorded
from journeys.models import Decision, Enrollment, Journey, JourneyVersion, StepRun
from journeys.services import (
    enrollment_remove,
    journey_pause,
    journey_publish,
    journey_resume,
    publish_impact,
)
from signals.models import Signal
from tests.journeys import stage
from tests.world import ACTOR, make_account, make_contact

MONDAY = "2026-03-02T10:00:00Z"
TO = {"roles": ["champion"], "fallback": "any_contact"}


def email(node_id: str, following: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": node_id,
        "kind": "email",
        "class": "service",
        "to": TO,
        "subject": node_id,
        "body": f"<p>{node_id}</p>",
        "next": following,
        **fields,
    }


def wait(node_id: str, following: str, **rule: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": "wait", "rule": rule, "next": following}


def graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A journey that begins with an expansion line and ends at `end`."""
    entry = {"trigger": "qbr-expansion", "reentry": {"rule": "after_finish"}} | more.pop("entry", {})
    return {
        "schema": 1,
        "entry": entry,
        "start": nodes[0]["id"],
        "nodes": [*nodes, {"id": "end", "kind": "exit"}],
        **more,
    }


TWO_MAILS = graph(email("first", "pause"), wait("pause", "second", days=3), email("second", "end"))


@pytest.fixture
def account(acme: Tenant) -> Account:
    account = stage.set_up(acme)
    with tenant_context(acme):
        Journey.objects.filter(key="upsell").update(status="draft")
    return account


def publish(tenant: Tenant, raw: dict[str, Any], key: str = "mine", purpose: str = Purpose.ADOPTION) -> Journey:
    with tenant_context(tenant):
        journey: Journey
        journey, _ = Journey.objects.get_or_create(key=key, defaults={"name": key.title(), "purpose": purpose})
        journey_publish(journey=journey, graph=raw, actor=ACTOR)
    return journey


def inside(tenant: Tenant) -> Enrollment:
    with tenant_context(tenant):
        found: Enrollment = Enrollment.objects.get(journey__key="mine")
        return found


def sent(tenant: Tenant) -> list[str]:
    with tenant_context(tenant):
        return list(Message.objects.filter(status="sent").order_by("created_at").values_list("subject", flat=True))


def last_decision(tenant: Tenant) -> Decision:
    with tenant_context(tenant):
        found: Decision = Decision.objects.latest("at", "pk")
        return found


# --- Entry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reentry", "second", "third"),
    [
        ({"rule": "once"}, "reentry", "reentry"),
        ({"rule": "after_finish"}, "already_inside", "entered"),
        ({"rule": "after_days", "days": 30}, "already_inside", "reentry"),
        ({"rule": "per_key"}, "entered", "entered"),
    ],
)
def test_reentry_is_what_the_journey_says(
    acme: Tenant, account: Account, reentry: dict[str, Any], second: str, third: str
) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, TWO_MAILS | {"entry": {"trigger": "qbr-expansion", "reentry": reentry}})
        outcomes = []
        for key, hours in (("a", 0), ("b", 24), ("c", 24 * 5)):
            clock.shift(timedelta(hours=hours))
            stage.run(acme)
            stage.tag_expansion(acme, account, key)
            stage.run(acme)
            outcomes.append(last_decision(acme).outcome)
    assert outcomes == ["entered", second, third]


def test_the_database_refuses_a_second_enrollment_in_the_same_slot(acme: Tenant, account: Account) -> None:
    publish(acme, TWO_MAILS)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    first = inside(acme)
    with tenant_context(acme), pytest.raises(DatabaseError, match="enrollment_slot"), transaction.atomic():
        Enrollment.objects.create(
            account=account, journey_id=first.journey_id, version=1, node_id="first", slot="running"
        )


def test_the_same_signal_again_changes_nothing(acme: Tenant, account: Account) -> None:
    publish(acme, TWO_MAILS)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        on_signals_recorded(acme.pk, list(Signal.objects.values_list("pk", flat=True)))
        assert (Decision.objects.count(), Enrollment.objects.count()) == (1, 1)


def test_an_entry_rule_that_is_false_is_refused_with_the_values_seen(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("a", "end"), entry={"when": {"fact": "seats", "op": "gt", "value": 50}}))
    with tenant_context(acme):
        Account.objects.update(seats=12)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    decision = last_decision(acme)
    assert decision.outcome == "rule_false: seats = 12 ≤ 50"
    assert decision.candidates[0]["verdict"] == "refused"


def test_a_goal_that_is_met_already_needs_no_journey(acme: Tenant, account: Account) -> None:
    goal = {"id": "g", "kind": "goal", "label": "Small", "when": {"fact": "seats", "op": "lt", "value": 50}}
    raw = graph(email("a", "end"))
    raw["nodes"].append(goal)
    publish(acme, raw)
    with tenant_context(acme):
        Account.objects.update(seats=12)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    assert last_decision(acme).outcome == "not_needed"


def test_of_two_journeys_that_want_the_account_the_more_important_one_gets_it(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("a", "end")), key="less", purpose=Purpose.NEWSLETTER)
    publish(acme, graph(email("b", "end")), key="more", purpose=Purpose.RENEWAL)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    verdicts = {c["journey"]: c["reason"] for c in last_decision(acme).candidates}
    assert verdicts == {"more": "", "less": "arbitration:renewal"}
    assert sent(acme) == ["b"]


def test_an_account_that_is_being_saved_is_not_sold_to(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("offer", "end")), purpose=Purpose.EXPANSION)
    stage.decline(acme, account)
    stage.run(acme)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    assert last_decision(acme).outcome == "arbitration:save"
    assert "offer" not in sent(acme)


def test_a_signal_that_nobody_listens_to_leaves_a_reason_too(acme: Tenant, account: Account) -> None:
    stage.tag_expansion(acme, account)
    stage.run(acme)
    assert last_decision(acme).outcome == "no_journey"


# --- Waiting ------------------------------------------------------------------------------------------------------


def test_three_days_are_calendar_days_of_the_account(acme: Tenant, account: Account) -> None:
    # New York puts its clocks forward on 8 March 2026: the wall time stays, the instant moves.
    with tenant_context(acme):
        Account.objects.update(timezone="America/New_York")
    with time_machine.travel("2026-03-06T15:00:00Z", tick=False):
        publish(acme, TWO_MAILS)
        stage.tag_expansion(acme, account)
        stage.run(acme)
    assert str(inside(acme).due_at) == "2026-03-09 14:00:00+00:00"


def test_a_wait_is_timed_anew_when_the_account_moves_to_another_zone(acme: Tenant, account: Account) -> None:
    with time_machine.travel(MONDAY, tick=False):
        publish(acme, graph(wait("w", "end", until="09:00")))
        stage.tag_expansion(acme, account)
        stage.run(acme)
        assert str(inside(acme).due_at) == "2026-03-03 09:00:00+00:00"
        with tenant_context(acme):
            Account.objects.update(timezone="Australia/Lord_Howe")
            facts_touch([account.pk])
        stage.run(acme)
    assert str(inside(acme).due_at) == "2026-03-02 22:00:00+00:00"


def test_a_signal_that_came_before_the_account_rested_is_not_missed(acme: Tenant, account: Account) -> None:
    awaits = {
        "id": "w",
        "kind": "wait_for",
        "signal": "milestone-reached",
        "timeout": {"days": 9},
        "on_timeout": "late",
        "next": "thanks",
    }
    with tenant_context(acme):
        Journey.objects.filter(key="activation").update(status="draft")
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, graph(wait("first", "w", days=1), awaits, email("thanks", "end"), email("late", "end")))
        stage.plan(acme, account)
        stage.tag_expansion(acme, account)
        stage.run(acme)
        clock.shift(timedelta(hours=1))
        stage.reach(acme, "kick-off")
        stage.run(acme)
        clock.shift(timedelta(days=1))
        stage.run(acme)
    assert sent(acme) == ["thanks"]


@pytest.mark.parametrize(("late", "expected"), [("run_now", ["a", "b"]), ("skip", []), ("run_latest", ["b"])])
def test_what_comes_far_too_late_follows_its_late_policy(
    acme: Tenant, account: Account, late: str, expected: list[str]
) -> None:
    raw = graph(
        wait("w1", "a", days=1), email("a", "w2", late=late), wait("w2", "b", days=1), email("b", "end", late=late)
    )
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, raw)
        stage.tag_expansion(acme, account)
        stage.run(acme)
        clock.shift(timedelta(days=3))  # nothing ran for three days
        stage.run(acme)
        clock.shift(timedelta(days=1, minutes=1))
        stage.run(acme)
    assert sent(acme) == expected
    with tenant_context(acme):
        assert StepRun.objects.filter(reason="late").count() == 2 - len(expected)


# --- Goals and exits ----------------------------------------------------------------------------------------------

SEATS = {"fact": "seats", "op": "gte", "value": 100}


def test_a_goal_met_after_the_message_was_queued_stops_it_at_the_gate(acme: Tenant, account: Account) -> None:
    raw = graph(email("offer", "rest"), wait("rest", "end", days=9))
    raw["nodes"].append({"id": "g", "kind": "goal", "label": "Bigger", "when": SEATS})
    publish(acme, raw)
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    working.drain(acme.pk)
    with tenant_context(acme):
        Account.objects.update(seats=200)
        facts_touch([account.pk])  # the evaluation has not run yet when the message comes up
    sending.drain(acme.pk)
    with tenant_context(acme):
        message = Message.objects.get()
        assert (message.status, message.reason) == ("withdrawn", "goal_met")
        assert AccountState.objects.get().dirty_at is None


def test_an_exit_rule_takes_the_account_out_and_its_messages_back(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("a", "rest"), wait("rest", "end", days=9), exit_when=SEATS))
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    working.drain(acme.pk)
    with tenant_context(acme):
        Account.objects.update(seats=200)
        facts_touch([account.pk])
    stage.run(acme)
    assert (inside(acme).status, inside(acme).reason, sent(acme)) == ("exited", "exit_rule", [])


def test_messages_of_a_journey_that_has_run_its_course_still_go(acme: Tenant, account: Account) -> None:
    publish(acme, graph(email("a", "end")))
    stage.tag_expansion(acme, account)
    stage.run(acme)
    assert (inside(acme).reason, sent(acme)) == ("completed", ["a"])


# --- Recipients ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fallback", "reason"), [("skip", "no_contact_for_role"), ("task", "no_contact_for_role")])
def test_nobody_with_the_role_leaves_a_reason(acme: Tenant, account: Account, fallback: str, reason: str) -> None:
    publish(acme, graph(email("a", "end", to={"roles": ["decision_maker"], "fallback": fallback})))
    stage.tag_expansion(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        assert StepRun.objects.get(node_id="a").reason == reason
        assert Task.objects.count() == (fallback == "task")
        assert not Message.objects.exists()


def test_everybody_with_the_role_gets_one_message(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        make_contact(account, "sam@northwind.example", roles=["champion"])
        make_contact(account, "left@northwind.example", roles=["champion"], status="left")
        make_contact(account, "user@northwind.example", roles=["user"])
    publish(acme, graph(email("a", "end")))
    stage.tag_expansion(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        got = set(Message.objects.values_list("contact__email", flat=True))
    assert got == {"kim@northwind.example", "sam@northwind.example"}


# --- Editing while accounts are inside ----------------------------------------------------------------------------


@pytest.fixture
def resting(acme: Tenant, account: Account) -> Account:
    """The account has had the first mail and rests on the node `pause`."""
    publish(acme, TWO_MAILS)
    stage.tag_expansion(acme, account)
    stage.run(acme)
    return account


def edited(change: Any) -> dict[str, Any]:
    raw = copy.deepcopy(TWO_MAILS)
    change({node["id"]: node for node in raw["nodes"]}, raw)
    return raw


def test_published_versions_cannot_be_changed(acme: Tenant, resting: Account) -> None:
    with tenant_context(acme), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        JourneyVersion.objects.update(note="other")


def test_a_changed_wait_is_timed_anew_from_its_beginning(acme: Tenant, resting: Account) -> None:
    before = inside(acme).due_at
    assert before is not None
    publish(acme, edited(lambda nodes, raw: nodes["pause"].update(rule={"days": 5})))
    assert inside(acme).version == 2
    assert inside(acme).due_at == before + timedelta(days=2)


def test_accounts_on_a_deleted_node_go_to_the_first_survivor(acme: Tenant, resting: Account) -> None:
    def drop_pause(nodes: dict[str, Any], raw: dict[str, Any]) -> None:
        nodes["first"]["next"] = "second"
        raw["nodes"] = [node for node in raw["nodes"] if node["id"] != "pause"]

    raw = edited(drop_pause)
    with tenant_context(acme):
        impact = publish_impact(journey=Journey.objects.get(key="mine"), graph=raw)
    assert (impact.inside, impact.fates) == (1, {Fate.REDIRECTED: 1})
    publish(acme, raw)
    stage.run(acme)
    assert sent(acme) == ["first", "second"]


def test_accounts_whose_way_is_gone_leave(acme: Tenant, resting: Account) -> None:
    publish(acme, graph(email("other", "quit"), {"id": "quit", "kind": "exit"}) | {"nodes": NEW_NODES})
    assert (inside(acme).status, inside(acme).reason) == ("exited", "journey_changed")


NEW_NODES = [email("other", "quit"), {"id": "quit", "kind": "exit"}]


def test_a_step_keeps_the_version_that_it_ran_under(acme: Tenant, resting: Account) -> None:
    publish(acme, edited(lambda nodes, raw: nodes["second"].update(subject="Second", body="<p>x</p>")))
    with time_machine.travel(timezone.now() + timedelta(days=4), tick=False):
        stage.run(acme)
    with tenant_context(acme):
        runs = dict(StepRun.objects.values_list("node_id", "version"))
    assert runs == {"first": 1, "pause": 2, "second": 2, "end": 2}


def test_a_graph_with_a_template_that_cannot_work_is_refused_whole(acme: Tenant, account: Account) -> None:
    with pytest.raises(GraphError, match=r"a/body: body, line 2: unknown variable 'nonsense'"):
        publish(acme, graph(email("a", "end", body="<p>Hi</p>\n{{ nonsense }}")))
    with tenant_context(acme):
        assert not JourneyVersion.objects.filter(journey__key="mine").exists()


# --- Pausing and removing -----------------------------------------------------------------------------------------


def test_pause_stops_steps_and_messages_and_resume_goes_on(acme: Tenant, account: Account) -> None:
    journey = publish(acme, TWO_MAILS)
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    working.drain(acme.pk)
    with tenant_context(acme):
        assert journey_pause(journey=journey, actor=ACTOR)
        assert not journey_pause(journey=journey, actor=ACTOR)
    sending.drain(acme.pk)
    with tenant_context(acme):
        assert Message.objects.get().reason == "paused"
    later = timezone.now() + timedelta(days=3, minutes=1)
    with time_machine.travel(later, tick=False):
        assert working.drain(acme.pk) is None
        with tenant_context(acme):
            assert journey_resume(journey=journey, actor=ACTOR)
        stage.run(acme)
    assert sent(acme) == ["first", "second"]
    with tenant_context(acme):
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"journey.pause", "journey.resume", "journey.publish"} <= actions


def test_resume_may_take_everybody_out(acme: Tenant, resting: Account) -> None:
    with tenant_context(acme):
        journey = Journey.objects.get(key="mine")
        journey_pause(journey=journey, actor=ACTOR)
        journey_resume(journey=journey, actor=ACTOR, exit_all=True)
    assert (inside(acme).status, inside(acme).reason) == ("exited", "removed")


def test_removing_an_account_clears_its_time_and_its_messages_at_once(acme: Tenant, account: Account) -> None:
    publish(acme, TWO_MAILS)
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    working.drain(acme.pk)
    with tenant_context(acme):
        assert enrollment_remove(enrollment=inside(acme), actor=ACTOR)
        assert Message.objects.get().reason == "removed"
    assert inside(acme).due_at is None
    sending.drain(acme.pk)
    assert sent(acme) == []


# --- Poison -------------------------------------------------------------------------------------------------------


def test_an_account_that_cannot_walk_is_set_aside_and_the_others_walk(
    acme: Tenant, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    publish(acme, graph(wait("w", "end", hours=1)))
    with tenant_context(acme):
        other = make_account("Fabrikam")
    with time_machine.travel(MONDAY, tick=False) as clock:
        stage.tag_expansion(acme, account, "a")
        stage.tag_expansion(acme, other, "b")
        stage.run(acme)
        with tenant_context(acme):
            Enrollment.objects.filter(account=account).update(node_id="nowhere")
        for _ in range(engine.MAX_ATTEMPTS):
            clock.shift(timedelta(hours=2))
            working.drain(acme.pk)
    with tenant_context(acme):
        bad, good = Enrollment.objects.get(account=account), Enrollment.objects.get(account=other)
    assert (bad.status, bad.reason, good.reason) == ("failed", "error", "completed")
    assert "nowhere" in bad.error


def test_an_open_urgent_ticket_is_seen_by_a_branch(acme: Tenant, account: Account) -> None:
    branch = {
        "id": "b",
        "kind": "branch",
        "cases": [{"when": {"fact": "open_urgent_tickets", "op": "gt", "value": 0}, "next": "calm"}],
        "else": "push",
    }
    publish(acme, graph(branch, email("calm", "end"), email("push", "end")))
    with tenant_context(acme):
        Ticket.objects.create(account=account, source="t", external_id="1", priority="urgent", opened_at=timezone.now())
    stage.tag_expansion(acme, account)
    stage.run(acme)
    assert sent(acme) == ["calm"]
    with tenant_context(acme):
        assert StepRun.objects.get(node_id="b").evidence == {"met": ["open urgent tickets 1 tickets > 0 tickets"]}
        assert Contact.objects.count() == 1
