"""Waits on a date of the account, and waits for the first of several signals and events."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from hub.accounts.models import Account
from hub.accounts.services import attribute_define, attributes_set, change_record
from hub.outbox.origins import REPLIED
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.store import events_since
from journeys import working
from journeys.graph_changes import Fate
from journeys.models import Enrollment, EnrollmentStatus
from journeys.services import graph_problems, publish_impact
from journeys.waits import WaitError, describe, parse_wait
from signals.catalogue import QBR_LINE_TAGGED
from signals.models import Signal
from tests.journeys import stage
from tests.journeys.graphs import email, go, graph, inside, node, publish, step, track, world
from tests.world import ACTOR

MONDAY = "2026-03-02T10:00:00Z"
RULE = {"date": "attribute.launch", "offset_days": -30, "at": "09:00"}


@pytest.fixture
def account(acme: Tenant) -> Account:
    account = world(acme)
    with tenant_context(acme):
        attribute_define(entity="account", key="launch", label="Launch", kind="date", actor=ACTOR)
    return account


def launch_on(tenant: Tenant, account: Account, day: date | None) -> None:
    with tenant_context(tenant):
        attributes_set(account=account, values={"launch": day.isoformat() if day else None}, actor=ACTOR)


def until_launch(**fields: Any) -> dict[str, Any]:
    return graph(node("wait", following="mail", rule=RULE, **fields), email("mail"))


# --- A wait on a date ---------------------------------------------------------------------------------------------


@time_machine.travel(MONDAY, tick=False)
def test_a_wait_on_a_date_is_over_so_many_days_before_it(acme: Tenant, account: Account) -> None:
    launch_on(acme, account, date(2026, 5, 1))
    publish(acme, until_launch())
    go(acme, account)
    assert inside(acme).due_at == datetime(2026, 4, 1, 9, tzinfo=UTC)


@time_machine.travel(MONDAY, tick=False)
def test_a_wait_is_recomputed_when_the_date_changes(acme: Tenant, account: Account) -> None:
    launch_on(acme, account, date(2026, 5, 1))
    publish(acme, until_launch())
    go(acme, account)
    launch_on(acme, account, date(2026, 6, 1))
    stage.run(acme)
    assert inside(acme).due_at == datetime(2026, 5, 2, 9, tzinfo=UTC)
    launch_on(acme, account, None)
    stage.run(acme)
    assert (inside(acme).status, inside(acme).due_at) == (EnrollmentStatus.ACTIVE, None)
    launch_on(acme, account, date(2026, 3, 20))
    stage.run(acme)
    assert inside(acme).reason == "completed"


@time_machine.travel(MONDAY, tick=False)
def test_a_wait_is_recomputed_when_the_rule_changes(acme: Tenant, account: Account) -> None:
    launch_on(acme, account, date(2026, 5, 1))
    journey = publish(acme, until_launch())
    go(acme, account)
    sooner = graph(node("wait", following="mail", rule=RULE | {"offset_days": -40}), email("mail"))
    with tenant_context(acme):
        assert publish_impact(journey=journey, graph=sooner).fates == {Fate.TIMING: 1}
    publish(acme, sooner)
    assert inside(acme).due_at == datetime(2026, 3, 22, 9, tzinfo=UTC)


@time_machine.travel(MONDAY, tick=False)
@pytest.mark.parametrize(("late", "reason"), [("skip", "late"), ("run_now", "")])
def test_a_date_in_the_past_follows_the_late_policy(acme: Tenant, account: Account, late: str, reason: str) -> None:
    launch_on(acme, account, date(2026, 3, 20))
    publish(acme, graph(node("wait", following="mail", rule=RULE), email("mail", late=late)))
    go(acme, account)
    assert step(acme, "mail").reason == reason


def test_a_missing_date_is_a_reason_or_a_way_of_its_own(acme: Tenant, account: Account) -> None:
    publish(acme, until_launch())
    go(acme, account)
    assert (inside(acme).status, inside(acme).reason) == (EnrollmentStatus.EXITED, "date_missing")
    publish(acme, until_launch(on_missing="end"))
    go(acme, account, "again")
    assert (step(acme).port, step(acme).reason) == ("missing", "date_missing")
    assert inside(acme).reason == "completed"


def test_a_wait_on_what_is_no_day_is_refused(acme: Tenant, account: Account) -> None:
    def problems(**fields: Any) -> set[str]:
        with tenant_context(acme):
            return {f"{p.node_id}{p.pointer}" for p in graph_problems(graph(node("wait", **fields)))}

    assert problems(rule=RULE) == set()
    assert problems(rule=RULE | {"date": "seats"}) == {"step/rule/date"}
    assert problems(rule=RULE | {"date": "no_such"}) == {"step/rule/date"}
    assert problems(rule={"days": 3}, on_missing="end") == {"step/on_missing"}


@pytest.mark.parametrize("raw", [{"date": ""}, {"date": "a", "offset_days": 731}, {"date": "a", "days": 1}])
def test_a_wait_by_date_that_cannot_be_read(raw: dict[str, Any]) -> None:
    with pytest.raises(WaitError):
        parse_wait(raw, dates=True)
    with pytest.raises(WaitError, match="cannot be until a date"):
        parse_wait(RULE)


def test_a_wait_by_date_in_words() -> None:
    assert describe(parse_wait(RULE, dates=True)) == "wait until 30 days before launch, 09:00"
    assert describe(parse_wait({"date": "renews_on"}, dates=True)) == "wait until renews on, 09:00"


@time_machine.travel(MONDAY, tick=False)
def test_an_unknown_zone_is_the_tenants_and_said(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        Account.objects.update(timezone="Mars/Olympus")
    publish(acme, graph(node("wait", rule={"hours": 1})))
    with time_machine.travel(MONDAY, tick=False) as clock:
        go(acme, account)
        clock.shift(timedelta(hours=2))
        stage.run(acme)
    assert step(acme).reason == "zone_unknown:Mars/Olympus"


# --- The first of several -----------------------------------------------------------------------------------------

ARMS = [
    {"signal": "qbr-risk", "label": "Risk", "next": "risk"},
    {"event": "Report shared", "next": "shared"},
]


def any_of(**fields: Any) -> dict[str, Any]:
    wait = {"id": "step", "kind": "wait_any", "arms": ARMS, "timeout": {"days": 5}, "on_timeout": "end", **fields}
    return graph(wait, email("risk"), email("shared"))


def risk(tenant: Tenant, account: Account) -> None:
    data = {"tag": "risk", "text": "they look elsewhere"}
    with tenant_context(tenant):
        change_record(account_id=account.pk, kind=QBR_LINE_TAGGED, key="risk", occurred_at=timezone.now(), data=data)


def test_the_arm_of_the_signal_that_came_is_taken(acme: Tenant, account: Account) -> None:
    publish(acme, any_of())
    go(acme, account)
    risk(acme, account)
    stage.run(acme)
    assert step(acme).port == "arm:0"
    assert inside(acme).reason == "completed"


def test_the_arm_of_the_event_that_came_is_taken(acme: Tenant, account: Account) -> None:
    publish(acme, any_of())
    go(acme, account)
    track(acme, account, "Something else")
    stage.run(acme)
    assert inside(acme).node_id == "step"
    track(acme, account, "Report shared")
    stage.run(acme)
    assert (step(acme).port, step(acme).evidence["event"]) == ("arm:1", "Report shared")


def test_late_events_satisfy_an_open_wait_if_they_occurred_after_entry(acme: Tenant, account: Account) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, any_of())
        go(acme, account)
        clock.shift(timedelta(days=2))
        track(acme, account, "Report shared", at=timezone.now() - timedelta(days=3))
        stage.run(acme)
        assert inside(acme).node_id == "step"
        track(acme, account, "Report shared", at=timezone.now() - timedelta(days=1))
        stage.run(acme)
    assert step(acme).port == "arm:1"


@pytest.mark.parametrize(("scope", "port"), [("entry", ""), (1, ""), (7, "arm:1"), ("ever", "arm:1")])
def test_the_scope_says_since_when_it_counts(acme: Tenant, account: Account, scope: Any, port: str) -> None:
    with time_machine.travel(MONDAY, tick=False):
        track(acme, account, "Report shared", at=timezone.now() - timedelta(days=3))
        publish(acme, any_of(scope=scope))
        go(acme, account)
        assert (step(acme).port if port else "") == port
        assert (inside(acme).status == EnrollmentStatus.ACTIVE) is not bool(port)


def test_when_the_time_is_over_it_says_what_was_waited_for(acme: Tenant, account: Account) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, any_of())
        go(acme, account)
        clock.shift(timedelta(days=6))
        working.drain(acme.pk)
    assert (step(acme).port, step(acme).reason) == ("timeout", "timeout")
    assert step(acme).evidence == {"awaited": ["qbr-risk", "Report shared"]}


def test_of_a_signal_and_the_timeout_one_wins_and_the_other_is_superseded(acme: Tenant, account: Account) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock:
        publish(acme, any_of())
        go(acme, account)
        clock.shift(timedelta(days=6))
        risk(acme, account)
        stage.run(acme)
    assert (step(acme).port, step(acme).evidence["superseded"]) == ("arm:0", "timeout")


def test_arms_that_change_are_taken_over_by_those_who_wait(acme: Tenant, account: Account) -> None:
    publish(acme, any_of())
    go(acme, account)
    publish(acme, any_of(arms=[ARMS[1], ARMS[0]]))
    risk(acme, account)
    stage.run(acme)
    assert step(acme).port == "arm:1"
    assert inside(acme).reason == "completed"


def test_several_journeys_that_wait_for_one_signal_all_go_on(acme: Tenant, account: Account) -> None:
    publish(acme, any_of())
    go(acme, account)
    with tenant_context(acme):
        first = Enrollment.objects.get()
        first.journey.status = "paused"
        first.journey.save(update_fields=["status"])
    publish(acme, any_of(), key="other")
    go(acme, account, "line-2")
    with tenant_context(acme):
        first.journey.status = "active"
        first.journey.save(update_fields=["status"])
    risk(acme, account)
    stage.run(acme)
    assert (inside(acme).reason, inside(acme, "other").reason) == ("completed", "completed")


def test_history_satisfies_no_wait(acme: Tenant, account: Account) -> None:
    track(acme, account, "Report shared", historical=True)
    with tenant_context(acme):
        assert events_since([account.pk], ["Report shared"], timezone.now() - timedelta(days=1)) == []
        assert len(events_since([account.pk], ["Report shared"], None)) == 1


def test_arms_that_cannot_be_are_named(acme: Tenant) -> None:
    def problems(**fields: Any) -> set[str]:
        with tenant_context(acme):
            return {f"{p.node_id}{p.pointer}" for p in graph_problems(any_of(**fields))}

    assert problems() == set()
    assert "step/arms" in problems(arms=[])
    assert "step/arms/0" in problems(arms=[{"signal": "a", "event": "b", "next": "risk"}, ARMS[1]])
    assert problems(scope=0) == {"step/scope"} == problems(scope="sometimes") == problems(scope=["entry"])


def test_an_answer_by_mail_ends_the_wait_for_it(acme: Tenant, account: Account) -> None:
    raw = graph(
        node("wait_for", "ask", "thank", signal="mail-replied", timeout={"days": 9}, on_timeout="end"),
        email("thank"),
    )
    publish(acme, raw)
    go(acme, account)
    assert inside(acme).node_id == "ask"
    with tenant_context(acme):
        told = {"message": "", "subject": "Yes, gladly"}
        change_record(account_id=account.pk, kind=REPLIED, key="r", occurred_at=timezone.now(), data=told)
    stage.run(acme)
    assert inside(acme).reason == "completed"
    assert step(acme, "ask").port != "timeout"
    with tenant_context(acme):
        assert Signal.objects.get(trigger__key="mail-replied").sentence == "Mail answered: “Yes, gladly”"
