"""What lets accounts into journeys besides signals, what speaks against it, and how they leave."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from hub.accounts.models import Account, AttributeDefinition
from hub.accounts.services import attribute_define, attributes_set, facts_touch
from hub.outbox.gates import Purpose
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys import engine, working
from journeys.enrolling import IntakeError, account_enroll, existing_count, segment_enroll
from journeys.models import Cause, Decision, Enrollment, EnrollmentStatus, Intake, Journey, StepRun
from journeys.selectors import account_why
from journeys.services import graph_problems
from signals.models import Trigger
from signals.segments.models import Segment
from signals.segments.services import segment_archive, segment_change, segment_create
from tests.journeys import stage
from tests.journeys.graphs import decision, email, go, graph, inside, node, publish, step, world
from tests.world import ACTOR, make_account, make_member

MONDAY = "2026-03-02T10:00:00Z"
BIG = {"fact": "seats", "op": "gte", "value": 100}


@pytest.fixture
def account(acme: Tenant) -> Account:
    return world(acme)


def resting(**entry: Any) -> dict[str, Any]:
    """A journey with such an entry, in which accounts rest for a week before they get a mail."""
    begins = {"reentry": {"rule": "after_finish"}, **entry}
    return graph(node("wait", following="mail", rule={"days": 7}), email("mail"), entry=begins)


def segment(tenant: Tenant) -> Segment:
    """Accounts with a hundred seats, as a segment that is older than this day."""
    with tenant_context(tenant):
        made = segment_create(name="Big", rule=BIG, user=None, actor=ACTOR)
        Segment.objects.update(since=timezone.localdate() - timedelta(days=9))
    return made


def seats(tenant: Tenant, account: Account, number: int) -> None:
    with tenant_context(tenant):
        Account.objects.filter(pk=account.pk).update(seats=number)
        facts_touch([account.pk])
    stage.run(tenant)


# --- Segments -----------------------------------------------------------------------------------------------------


def test_an_account_that_joins_a_segment_enters(acme: Tenant, account: Account) -> None:
    segment(acme)
    publish(acme, resting(segment="big"))
    stage.run(acme)
    with tenant_context(acme):
        assert not Enrollment.objects.exists()
    seats(acme, account, 200)
    assert (inside(acme).cause, inside(acme).node_id) == (Cause.SEGMENT, "step")
    assert decision(acme).label == "Joined the segment “Big”"
    # Nothing moves twice.
    seats(acme, account, 201)
    with tenant_context(acme):
        assert Decision.objects.count() == 1


def test_an_account_that_leaves_a_segment_enters_where_that_is_asked(acme: Tenant, account: Account) -> None:
    segment(acme)
    publish(acme, resting(segment="big", on="left"))
    seats(acme, account, 200)
    with tenant_context(acme):
        assert not Enrollment.objects.exists()
    seats(acme, account, 1)
    assert inside(acme).cause == Cause.SEGMENT


def test_the_first_day_of_another_rule_is_a_baseline(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        big = segment_create(name="Big", rule=BIG, user=None, actor=ACTOR)
    publish(acme, resting(segment="big"))
    with tenant_context(acme):
        middling = make_account("Southwind", seats=50)
        rule = BIG | {"value": 40}
        segment_change(segment=big, name="Big", description="", rule=rule, seen=1, actor=ACTOR)
    seats(acme, middling, 50)
    assert (decision(acme).outcome, decision(acme).enrollment_id) == ("baseline", None)


def test_an_account_that_joins_a_new_segment_on_its_first_day_enters(acme: Tenant, account: Account) -> None:
    stage.run(acme)
    with tenant_context(acme):
        segment_create(name="Big", rule=BIG, user=None, actor=ACTOR)
    publish(acme, resting(segment="big"))
    seats(acme, account, 200)
    assert inside(acme).cause == Cause.SEGMENT


def test_segment_entry_offers_new_members_only_or_also_the_existing_ones(acme: Tenant, account: Account) -> None:
    segment(acme)
    seats(acme, account, 200)
    with tenant_context(acme):
        assert existing_count("big") == 1
    publish(acme, resting(segment="big"))
    working.drain(acme.pk)
    with tenant_context(acme):
        assert not Enrollment.objects.exists()
    publish(acme, resting(segment="big", existing=True))
    working.drain(acme.pk)
    assert inside(acme).cause == Cause.EXISTING
    # Another version of the same entry takes nobody in again.
    publish(acme, resting(segment="big", existing=True) | {"exit_when": {"fact": "seats", "op": "gte", "value": 999}})
    with tenant_context(acme):
        [intake] = Intake.objects.all()
        assert (intake.entered, intake.refused, intake.due_at) == (1, 0, None)


def test_leaving_the_segment_does_not_end_a_journey_unless_it_says_so(acme: Tenant, account: Account) -> None:
    segment(acme)
    publish(acme, resting(segment="big"))
    publish(acme, resting(segment="big", leave=True), key="members")
    seats(acme, account, 200)
    with tenant_context(acme):
        assert Enrollment.objects.count() == 1
        other = Journey.objects.exclude(pk=Enrollment.objects.get().journey_id).get()
        account_enroll(journey=other, account=account, actor=ACTOR, cause=Cause.EXISTING)
    seats(acme, account, 1)
    assert inside(acme, "mine").status == EnrollmentStatus.ACTIVE
    assert inside(acme, "members").reason == "left_segment"


def test_a_journey_whose_segment_is_put_away_lets_its_members_go_with_a_reason(
    acme: Tenant, account: Account, client: Client
) -> None:
    big = segment(acme)
    publish(acme, resting(segment="big", leave=True))
    seats(acme, account, 200)
    with tenant_context(acme):
        segment_archive(segment=big, actor=ACTOR)
        assert {p.pointer for p in graph_problems(resting(segment="big"))} == {"/entry/segment"}
    seats(acme, account, 200)
    assert inside(acme).reason == "segment_gone"
    client.force_login(make_member(acme, "marketer", password=None).user)
    page = client.get(f"/t/acme/journeys/{inside(acme).journey_id}/").content.decode()
    assert "Nobody can come in" in page
    assert "The segment was put away" in page


# --- Dates --------------------------------------------------------------------------------------------------------

NEAR = {"date": "attribute.launch", "offset_days": -30, "at": "09:00"}


def launch_on(tenant: Tenant, account: Account, day: date) -> None:
    with tenant_context(tenant):
        if not AttributeDefinition.objects.exists():
            attribute_define(entity="account", key="launch", label="Launch", kind="date", actor=ACTOR)
        attributes_set(account=account, values={"launch": day.isoformat()}, actor=ACTOR)


def test_an_entry_by_date_begins_at_its_moment_and_once_for_a_day(acme: Tenant, account: Account) -> None:
    with time_machine.travel("2026-03-31T12:00:00Z", tick=False) as clock:
        launch_on(acme, account, date(2026, 5, 1))
        publish(acme, graph(email("mail"), entry={**NEAR, "reentry": {"rule": "after_finish"}}))
        stage.run(acme)
        assert inside(acme).due_at == datetime(2026, 4, 1, 9, tzinfo=UTC)
        clock.shift(timedelta(hours=22))
        stage.run(acme)
        assert inside(acme).reason == "completed"
        seats(acme, account, 3)
        with tenant_context(acme):
            assert Enrollment.objects.count() == 1


def test_a_date_that_moves_moves_who_waits_for_it(acme: Tenant, account: Account) -> None:
    with time_machine.travel("2026-03-31T12:00:00Z", tick=False):
        launch_on(acme, account, date(2026, 5, 1))
        publish(acme, graph(email("mail"), entry=NEAR))
        stage.run(acme)
        launch_on(acme, account, date(2026, 6, 1))
        stage.run(acme)
        assert inside(acme).due_at == datetime(2026, 5, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(2026, 4, 15), date(2026, 7, 1)])
def test_days_long_past_or_far_off_begin_nothing(acme: Tenant, account: Account, day: date) -> None:
    with time_machine.travel("2026-03-31T12:00:00Z", tick=False):
        launch_on(acme, account, day)
        publish(acme, graph(email("mail"), entry=NEAR))
        stage.run(acme)
        with tenant_context(acme):
            assert not Decision.objects.exists()


# --- By hand, by programs, by journeys ----------------------------------------------------------------------------

BY_HAND = resting(by="hand")


def test_a_person_puts_an_account_in_and_takes_it_out(acme: Tenant, account: Account, client: Client) -> None:
    journey = publish(acme, BY_HAND)
    client.force_login(make_member(acme, "marketer", password=None).user)
    page = f"/t/acme/journeys/enter/{account.pk}/"
    said = client.post(page, {"journey": str(journey.pk)}, follow=True).content.decode()
    assert "Northwind is in “Mine”" in said
    assert "Take out" in said
    assert inside(acme).cause == Cause.MANUAL
    said = client.post(page, {"journey": str(journey.pk)}, follow=True).content.decode()
    assert "the account is inside" in said
    with tenant_context(acme):
        assert {d.outcome for d in Decision.objects.all()} == {"entered", "already_inside"}
    client.post(f"/t/acme/journeys/enrollments/{inside(acme).pk}/remove/")
    assert inside(acme).reason == "removed"
    why = client.get(f"/t/acme/journeys/why/{account.pk}/").content.decode()
    assert "Put into “Mine” by" in why


def test_a_segment_is_put_in_at_once(acme: Tenant, account: Account) -> None:
    journey = publish(acme, BY_HAND)
    segment(acme)
    seats(acme, account, 200)
    with tenant_context(acme):
        segment_enroll(journey=journey, segment_key="big", actor=ACTOR)
        with pytest.raises(IntakeError, match="already"):
            segment_enroll(journey=journey, segment_key="big", actor=ACTOR)
        with pytest.raises(IntakeError, match="no such segment"):
            segment_enroll(journey=journey, segment_key="small", actor=ACTOR)
    working.drain(acme.pk)
    assert inside(acme).cause == Cause.MANUAL
    with tenant_context(acme):
        assert Intake.objects.get().entered == 1


def test_a_program_puts_an_account_in_once_for_a_key(acme: Tenant, account: Account, client: Client) -> None:
    publish(acme, BY_HAND)
    with tenant_context(acme):
        token = credential_create(tenant=acme, name="crm", actor=ACTOR)[1]

    def put(**body: Any) -> tuple[int, dict[str, Any]]:
        answer = client.post(
            "/api/v1/journeys/mine/enrollments",
            json.dumps({"account": str(account.pk), **body}),
            content_type="application/json",
            headers={"authorization": f"Bearer {token}"},
        )
        return answer.status_code, answer.json()

    first, again, other = put(key="renewal-1"), put(key="renewal-1"), put(key="renewal-2")
    assert (first[0], again[0], other[0]) == (201, 200, 409)
    assert first[1]["id"] == again[1]["id"]
    assert other[1]["outcome"] == "already_inside"
    with tenant_context(acme):
        assert Enrollment.objects.count() == 1


def test_a_journey_that_is_not_published_is_not_entered(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        journey = Journey.objects.create(key="new", name="New", purpose=Purpose.ADOPTION)
        made, _ = account_enroll(journey=journey, account=account, actor=ACTOR)
    assert made.outcome == "not_published"


def test_a_journey_starts_another_one_deeper_until_the_chain_is_cut(acme: Tenant, account: Account) -> None:
    names = ["one", "two", "three", "four", "five"]
    for name, following in pairwise(names):
        publish(acme, graph(node("start_journey", name, journey=following), entry={"by": "hand"}), key=name)
    journey = publish(acme, graph(email("mail"), entry={"by": "hand"}), key="five")
    with tenant_context(acme):
        account_enroll(journey=Journey.objects.get(key="one"), account=account, actor=ACTOR)
    for _ in names:
        working.drain(acme.pk)
    with tenant_context(acme):
        depths = dict(Enrollment.objects.values_list("journey__key", "depth"))
        assert depths == {"one": 0, "two": 1, "three": 2, "four": 3}
        assert not journey.enrollments.exists()
    assert (step(acme, "four").outcome, step(acme, "four").reason) == ("skipped", "too_deep")


def test_a_journey_stops_another_one(acme: Tenant, account: Account) -> None:
    publish(acme, BY_HAND, key="other")
    publish(acme, graph(node("stop_journey", journey="other")))
    with tenant_context(acme):
        account_enroll(journey=Journey.objects.get(key="other"), account=account, actor=ACTOR)
    working.drain(acme.pk)
    go(acme, account)
    assert (inside(acme, "other").status, inside(acme, "other").reason) == (EnrollmentStatus.EXITED, "stopped:mine")
    assert len(step(acme).evidence["stopped"]) == 1
    go(acme, account, "line-2")
    assert step(acme).reason == "not_inside"


def test_what_is_stopped_in_the_very_batch_in_which_it_is_due_does_nothing_more(acme: Tenant, account: Account) -> None:
    publish(acme, graph(node("stop_journey", journey="other"), entry={"by": "hand"}))
    publish(acme, graph(node("task", title="Call them", owner="account_owner"), entry={"by": "hand"}), key="other")
    with tenant_context(acme):
        for key in ("mine", "other"):
            account_enroll(journey=Journey.objects.get(key=key), account=account, actor=ACTOR)
    working.drain(acme.pk)
    assert inside(acme, "other").reason == "stopped:mine"
    with tenant_context(acme):
        assert not Task.objects.filter(title="Call them").exists()
        assert not StepRun.objects.filter(journey__key="other").exists()


def test_a_journey_that_is_not_there_is_a_reason(acme: Tenant, account: Account) -> None:
    publish(acme, graph(node("start_journey", journey="nowhere")))
    go(acme, account)
    assert (step(acme).outcome, step(acme).reason) == ("failed", "no_such_journey")


def test_a_held_out_account_starts_no_other_journey(acme: Tenant, account: Account) -> None:
    publish(acme, BY_HAND, key="other")
    publish(acme, graph(node("start_journey", journey="other")))
    stage.tag_expansion(acme, account)
    stage.evaluate(acme)
    with tenant_context(acme):
        Enrollment.objects.update(held_out=True)
    working.drain(acme.pk)
    assert step(acme).reason == "holdout"


# --- What speaks against it ---------------------------------------------------------------------------------------


def test_a_journey_ignores_the_signal_that_its_own_field_brought_about(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="motion", label="Motion", kind="text", actor=ACTOR)
        rule = {"fact": "attribute.motion", "op": "eq", "value": "guided"}
        Trigger.objects.create(key="guided", name="Guided", family="usage", kind="computed", rule=rule)
    guided = node("set_field", field="attribute.motion", value="guided")
    begins = {"trigger": "guided", "reentry": {"rule": "after_finish"}}
    publish(acme, graph(guided, entry=begins))
    publish(acme, graph(email("mail"), entry=begins), key="other", purpose=Purpose.NEWSLETTER)
    stage.run(acme)
    with tenant_context(acme):
        account_enroll(journey=Journey.objects.get(key="mine"), account=account, actor=ACTOR)
    stage.run(acme)
    stage.run(acme)
    with tenant_context(acme):
        told = Decision.objects.get(signal__trigger__key="guided")
    refused = {candidate["journey"]: candidate["reason"] for candidate in told.candidates}
    assert refused == {"mine": "own_origin", "other": ""}


def test_priority_decides_between_journeys_that_begin_with_the_same_segment(acme: Tenant, account: Account) -> None:
    segment(acme)
    publish(acme, resting(segment="big"), key="sell", purpose=Purpose.EXPANSION)
    publish(acme, resting(segment="big"), key="rescue", purpose=Purpose.SAVE)
    seats(acme, account, 200)
    refused = {candidate["journey"]: candidate["reason"] for candidate in decision(acme).candidates}
    assert refused == {"rescue": "", "sell": "arbitration:save"}


def test_a_rule_that_reads_what_is_gone_is_true_of_nobody_and_stops_nothing(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="motion", label="Motion", kind="text", actor=ACTOR)
    rule = {"fact": "attribute.motion", "op": "eq", "value": "guided"}
    branch = {"id": "step", "kind": "branch", "cases": [{"when": rule, "next": "mail"}], "else": "end"}
    publish(acme, graph(branch, email("mail")))
    with tenant_context(acme):
        AttributeDefinition.objects.all().delete()
    go(acme, account)
    assert (step(acme).port, step(acme).reason) == ("else", "rule_gone")


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        ({"max_age_hours": 24}, "/entry/trigger"),
        ({"trigger": "qbr-expansion", "segment": "big"}, "/entry/trigger"),
        ({"segment": "nowhere"}, "/entry/segment"),
        ({"segment": "big", "on": "sometimes"}, "/entry/on"),
        ({"date": "seats"}, "/entry/date"),
        ({"date": "renews_on", "at": "25:00"}, "/entry"),
        ({"by": "magic"}, "/entry/by"),
    ],
)
def test_an_entry_that_cannot_be_is_named(acme: Tenant, entry: dict[str, Any], pointer: str) -> None:
    segment(acme)
    with tenant_context(acme):
        assert [p.pointer for p in graph_problems(graph(email("mail"), entry=entry))] == [pointer]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("wait", rule={"days": 1}, following="step")], "no exit can be reached"),
        ([email("step", "step")], "comes round again without a wait"),
        ([email("step", "nowhere")], "unknown node"),
        ([node("start_journey", journey="")], "journey is empty"),
    ],
)
def test_cyclic_and_dangling_graphs_are_refused(acme: Tenant, nodes: list[dict[str, Any]], message: str) -> None:
    with tenant_context(acme):
        assert any(message in problem.message for problem in graph_problems(graph(*nodes)))


def test_contacts_that_are_gone_mid_journey_are_a_reason(acme: Tenant, account: Account) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, BY_HAND)
        with tenant_context(acme):
            account_enroll(journey=Journey.objects.get(), account=account, actor=ACTOR)
        working.drain(acme.pk)
        with tenant_context(acme):
            account.contacts.all().delete()
        clock.shift(timedelta(days=8))
        stage.run(acme)
    assert (step(acme, "mail").outcome, step(acme, "mail").reason) == ("skipped", "no_contact_for_role")


def test_why_tells_of_every_way_in_within_five_queries(
    acme: Tenant, account: Account, django_assert_num_queries: Any
) -> None:
    publish(acme, BY_HAND)
    go(acme, account)
    with tenant_context(acme):
        account_enroll(journey=Journey.objects.get(), account=account, actor=ACTOR)
        engine.walk_all(acme, [account.pk])
        with django_assert_num_queries(5):
            stories = account_why(account.pk)
    assert {story.signal is None for story in stories} == {True, False}
