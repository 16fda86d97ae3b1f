"""What a choice does, once; what it does not do; and what is learnt from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from advocacy.models import Ask
from hub.accounts.models import Account, AccountFacts
from hub.accounts.services import states_lock
from hub.outbox.policy import bucket_of
from hub.registry.actions import ActionRequest, actions
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from hub.work.models import Task
from hub.work.services import task_close
from journeys.decisions import carrying, working
from journeys.decisions.choosing import choose
from journeys.decisions.handlers import mark
from journeys.decisions.models import Choice, ChoiceStatus, DecisionTurn, Play
from journeys.decisions.selectors import compared
from journeys.decisions.situations import MOST_OPEN, learnt_of
from journeys.models import Cause, Decision, Enrollment
from journeys.services import journeys_install
from signals.models import Signal
from tests.journeys import graphs, stage
from tests.journeys.decisions import table
from tests.world import ACTOR, make_account, make_member

ACT: dict[str, Any] = {"autonomy": "act"}
SAVE: dict[str, Any] = {"action": "journey.start", "config": {"journey": "save"}, "purpose": "save"}


def only(tenant: Tenant) -> Choice:
    with tenant_context(tenant):
        found: Choice = Choice.objects.get()
        return found


def test_a_play_that_acts_does_so_after_the_time_to_undo_it(acme: Tenant) -> None:
    account = table.lay(acme, decisions={"undo_minutes": 30})
    table.play(acme, **ACT)
    table.signal(acme, account)
    [choice] = table.decide(acme)
    assert choice.status == ChoiceStatus.SCHEDULED
    assert choice.due_at is not None
    assert timedelta(minutes=29) < choice.due_at - timezone.now() <= timedelta(minutes=30)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Task.objects.get().origin_label == "Call"


def test_a_suggestion_waits_for_nobody(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme, autonomy="suggest")
    table.signal(acme, account)
    assert [choice.status for choice in table.decide(acme)] == [ChoiceStatus.SUGGESTED]


def test_a_journey_begins_and_knows_its_signal_and_its_choice(acme: Tenant) -> None:
    account = table.lay(acme)
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
    table.play(acme, triggers=["users-falling"], **ACT, **SAVE)
    signal = table.signal(acme, account, "users-falling")
    table.decide(acme)
    table.time_is_up(acme)
    choice = only(acme)
    with tenant_context(acme):
        inside = Enrollment.objects.get()
        decision = Decision.objects.get(cause=Cause.CHOICE)
    assert (inside.signal_id, decision.enrollment_id) == (signal.pk, inside.pk)
    assert decision.key == f"save:choice:{choice.pk}"
    assert choice.status == ChoiceStatus.DONE


def test_a_journey_that_is_put_away_is_not_started(acme: Tenant) -> None:
    account = table.lay(acme)
    journey = graphs.publish(acme, graphs.graph(graphs.node("wait", rule={"days": 1}), entry={"by": "hand"}))
    table.play(acme, **ACT, action="journey.start", config={"journey": "mine"})
    table.signal(acme, account)
    table.decide(acme)
    with tenant_context(acme):
        type(journey).objects.filter(pk=journey.pk).update(status="archived")
    table.time_is_up(acme)
    assert (only(acme).status, only(acme).reason) == (ChoiceStatus.REFUSED, "archived")
    with tenant_context(acme):
        assert not Enrollment.objects.exists()


def test_an_ask_is_made_and_its_answer_is_the_outcome(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme, **ACT, action="ask.create", config={"ask": "review", "role": "champion", "text": ""})
    table.signal(acme, account)
    table.decide(acme)
    table.time_is_up(acme)
    with tenant_context(acme):
        Ask.objects.update(status="accepted", answered_at=timezone.now())
    assert outcome(acme).success is True


def outcome(tenant: Tenant, *, over: bool = False) -> Choice:
    """Read the outcome as the daily look would."""
    with tenant_context(tenant):
        now = timezone.now()
        Choice.objects.filter(checks_at__isnull=False).update(checks_at=now, **({"settles_at": now} if over else {}))
    working.drain(tenant.pk)
    with tenant_context(tenant):
        found: Choice = Choice.objects.latest("at")
        return found


# --- Once ---------------------------------------------------------------------------------------------------------


def test_the_same_choice_asked_twice_acts_once(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    with tenant_context(acme):
        asked = ActionRequest(acme.pk, account.pk, "choice:1", {"title": "Call", "origin": "choice"})
        actions.get("task.open").run(asked)
        actions.get("task.open").run(asked)
        assert Task.objects.count() == 1


def test_a_worker_that_dies_has_done_all_or_nothing(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    account = table.lay(acme)
    table.play(acme, **ACT)
    table.signal(acme, account)
    table.decide(acme)
    told = carrying._close

    def dies(*args: Any) -> None:
        told(*args)
        raise RuntimeError("the worker is gone")

    monkeypatch.setattr(carrying, "_close", dies)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert not Task.objects.exists()
    left = only(acme)
    assert (left.status, left.attempts) == (ChoiceStatus.SCHEDULED, 1)
    monkeypatch.setattr(carrying, "_close", told)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Task.objects.count() == 1
    assert only(acme).status == ChoiceStatus.DONE


def test_what_cannot_be_done_five_times_is_given_up_and_says_why(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    account = table.lay(acme)
    table.play(acme, **ACT)
    table.signal(acme, account)
    table.decide(acme)

    def breaks(*args: Any) -> None:
        raise RuntimeError("no such table")

    monkeypatch.setattr(carrying, "_carry", breaks)
    for _ in range(5):
        table.time_is_up(acme)
    left = only(acme)
    assert (left.status, left.reason) == (ChoiceStatus.REFUSED, "error")
    assert "no such table" in left.result


def test_the_same_signal_is_decided_about_once(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    signal = table.signal(acme, account)
    table.decide(acme)
    with tenant_context(acme):
        mark(acme.pk, {account.pk: f"signal:{signal.pk}"}, at_once=True)
    assert len(table.decide(acme)) == 1


# --- Not done -----------------------------------------------------------------------------------------------------


def account_of(play: Play, *, held_out: bool) -> Account:
    """An account whose place in the holdout of a play, half of all accounts, is known."""
    ids = iter(uuid7, None)
    pk = next(pk for pk in ids if (bucket_of(f"play:{play.pk}", pk) < 5_000) is held_out)
    made: Account = Account.objects.create(pk=pk, name="Held" if held_out else "Treated")
    states_lock([made.pk])
    return made


def test_a_held_out_account_gets_nothing_and_is_watched(acme: Tenant) -> None:
    table.lay(acme)
    play = table.play(acme, **ACT, holdout_percent=50)
    with tenant_context(acme):
        held, treated = account_of(play, held_out=True), account_of(play, held_out=False)
    for each in (held, treated):
        table.signal(acme, each)
    table.decide(acme)
    table.time_is_up(acme)
    with tenant_context(acme):
        assert Choice.objects.get(account=held).status == ChoiceStatus.HELD_OUT
        assert Task.objects.get().account_id == treated.pk
        Signal.objects.filter(account=held).update(cleared_at=timezone.now())
    outcome(acme)
    with tenant_context(acme):
        watched = Choice.objects.get(account=held)
        assert (watched.met, watched.success) == (True, None)
        assert learnt_of(play.pk) == {}


def test_a_signal_that_is_over_takes_its_choice_with_it(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    signal = table.signal(acme, account)
    table.decide(acme)
    with tenant_context(acme):
        Signal.objects.filter(pk=signal.pk).update(cleared_at=timezone.now())
    table.signal(acme, account, "pays-in-time")
    table.play(acme, "Thank", triggers=["pays-in-time"])
    with tenant_context(acme):
        mark(acme.pk, {account.pk: "day"}, at_once=True)
    table.decide(acme)
    with tenant_context(acme):
        told = dict(Choice.objects.filter(play__isnull=False).values_list("play__name", "status"))
    assert told == {"Call": ChoiceStatus.LAPSED, "Thank": ChoiceStatus.ASKED}


def test_something_more_urgent_takes_the_place_of_what_waits(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme, "Teach")
    table.play(acme, "Save", purpose="save", triggers=["users-falling"])
    table.signal(acme, account)
    table.decide(acme)
    table.signal(acme, account, "users-falling")
    table.decide(acme)
    with tenant_context(acme):
        told = dict(Choice.objects.values_list("play__name", "reason"))
        assert Choice.objects.get(status=ChoiceStatus.ASKED).play.name == "Save"
    assert told == {"Teach": "superseded", "Save": ""}


def test_an_urgent_ticket_that_came_meanwhile_stops_an_approved_expansion(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme, **ACT, purpose="expansion")
    table.signal(acme, account)
    table.decide(acme)
    with tenant_context(acme):
        AccountFacts.objects.filter(account=account).update(open_urgent_tickets=1)
    table.time_is_up(acme)
    assert (only(acme).status, only(acme).reason) == (ChoiceStatus.REFUSED, "arbitration:open_p1")


def test_what_nobody_reviews_lapses(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    table.signal(acme, account)
    table.decide(acme)
    with tenant_context(acme):
        Choice.objects.update(expires_at=timezone.now())
    assert [c.reason for c in table.decide(acme)] == ["expired"]


def test_a_rule_that_is_true_of_everybody_does_not_bury_the_reviewers(acme: Tenant) -> None:
    table.lay(acme)
    play = table.play(acme)
    with tenant_context(acme):
        accounts = [make_account(f"Account {n}") for n in range(2)]
        crowd = [Account(name=f"Crowd {n}") for n in range(MOST_OPEN - 1)]
        Account.objects.bulk_create(crowd)
        rows = [
            Choice(account=each, day=timezone.localdate(), cause="day", play=play, play_version=1, status="asked")
            for each in crowd
        ]
        Choice.objects.bulk_create(rows)
    for each in accounts:
        table.signal(acme, each)
    table.decide(acme)
    with tenant_context(acme):
        told = sorted(Choice.objects.filter(account__in=accounts).values_list("status", "reason"))
    assert told == [("asked", ""), ("nothing", "queue_full")]


def test_without_a_play_nobody_is_looked_at(acme: Tenant) -> None:
    account = table.lay(acme)
    table.signal(acme, account)
    with tenant_context(acme):
        assert not DecisionTurn.objects.exists()


def test_every_account_is_looked_at_once_a_day(acme: Tenant) -> None:
    account = table.lay(acme)
    table.play(acme)
    stage.evaluate(acme)
    with tenant_context(acme):
        assert mark(acme.pk, {account.pk: "day"}, at_once=False) == 0
        DecisionTurn.objects.update(day=timezone.localdate() - timedelta(days=1))
        assert mark(acme.pk, {account.pk: "day"}, at_once=False) == 1


# --- Learning -----------------------------------------------------------------------------------------------------


def test_a_task_succeeds_when_it_is_done_and_its_signal_is_over(acme: Tenant) -> None:
    account = table.lay(acme)
    play = table.play(acme, **ACT)
    signal = table.signal(acme, account)
    table.decide(acme)
    table.time_is_up(acme)
    member = make_member(acme, "admin")
    with tenant_context(acme):
        task_close(task_id=Task.objects.get().pk, user=member.user, actor=ACTOR)
    assert outcome(acme).success is None
    with tenant_context(acme):
        Signal.objects.filter(pk=signal.pk).update(cleared_at=timezone.now())
    settled = outcome(acme)
    assert (settled.success, settled.met) == (True, True)
    with tenant_context(acme):
        assert learnt_of(play.pk) == {play.pk: (1, 0)}


def test_what_was_not_reached_in_time_is_a_failure(acme: Tenant) -> None:
    account = table.lay(acme)
    play = table.play(acme, **ACT)
    table.signal(acme, account)
    table.decide(acme)
    table.time_is_up(acme)
    settled = outcome(acme, over=True)
    assert (settled.success, settled.met, settled.checks_at) == (False, False, None)
    with tenant_context(acme):
        assert learnt_of(play.pk) == {play.pk: (0, 1)}
        assert compared(play).lift.why.startswith("needs 30")


# --- Cost ---------------------------------------------------------------------------------------------------------


def test_deciding_about_twenty_costs_as_many_queries_as_about_one(acme: Tenant) -> None:
    account = table.lay(acme)
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
    table.play(acme, "Save", **SAVE)
    table.play(acme, "Teach")
    with tenant_context(acme):
        many = [account, *(make_account(f"Account {n}") for n in range(19))]
    for each in many:
        table.signal(acme, each, "users-falling")
        table.signal(acme, each)
    counts = []
    for some in ([many[0]], many):
        with tenant_context(acme):
            Choice.objects.all().delete()
            with CaptureQueriesContext(connection) as queries:
                choose(acme, [each.pk for each in some], {})
        counts.append(len(queries))
    assert counts[0] == counts[1]
    with tenant_context(acme):
        assert Choice.objects.count() == 20
