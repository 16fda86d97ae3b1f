"""Figures of a journey: every account, step and message is counted once, under the reason it has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.models import Account
from hub.outbox.models import Click, Message
from hub.outbox.services import consent_set
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.analytics.figures import ENOUGH, JourneyFigures
from journeys.analytics.shown import figures_of
from journeys.models import Enrollment, Journey
from journeys.services import enrollment_remove
from tests.journeys.graphs import END, email, go, graph, node, publish, world
from tests.world import ACTOR, make_account, make_contact, make_member

GOAL = {"id": "goal", "kind": "goal", "label": "Large", "when": {"fact": "seats", "op": "gte", "value": 500}}


@pytest.fixture
def account(acme: Tenant) -> Account:
    return world(acme)


def more(tenant: Tenant, name: str) -> Account:
    with tenant_context(tenant):
        account = make_account(name)
        make_contact(account, f"kim@{name.lower()}.example", roles=["champion"])
    return account


def read(tenant: Tenant, journey: Journey, days: int | None = None) -> JourneyFigures:
    with tenant_context(tenant):
        journey.refresh_from_db()
        since = timezone.now() - timedelta(days=days) if days else None
        return figures_of(journey, since=since).figures


def step(figures: JourneyFigures, node_id: str) -> Any:
    return next(step for step in figures.steps if step.id == node_id)


def page(tenant: Tenant, path: str) -> str:
    client = Client()
    client.force_login(make_member(tenant, "leader", f"{timezone.now().timestamp()}@acme.example").user)
    answer = client.get(f"/t/acme/journeys/{path}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_steps_count_who_passed_who_stands_there_and_why_others_ended(acme: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("first", "rest"), node("wait", "rest", "end", rule={"days": 3})))
    other = more(acme, "Fabrikam")
    for each in (account, other):
        go(acme, each, key=str(each.pk))
    with tenant_context(acme):
        enrollment_remove(enrollment=Enrollment.objects.get(account=other), actor=ACTOR)
    found = read(acme, journey)
    assert (found.entered, found.inside) == (2, 1)
    assert [(each.id, each.passed, each.here) for each in found.steps] == [
        ("first", 2, 0),
        ("rest", 0, 1),
        ("end", 0, 0),
    ]
    assert [(told.code, told.count) for told in step(found, "rest").left] == [("removed", 1)]
    assert [(told.code, told.count) for told in found.ended] == [("removed", 1)]


def test_a_step_that_was_not_done_says_why(acme: Tenant, account: Account) -> None:
    nobody = email("mail", to={"roles": ["executive_sponsor"], "fallback": "skip"})
    journey = publish(acme, graph(nobody))
    go(acme, account)
    assert [told.code for told in step(read(acme, journey), "mail").not_done] == ["no_contact_for_role"]


def test_messages_are_counted_by_what_became_of_them(acme: Tenant, account: Account) -> None:
    wanted = email("mail", **{"class": "programme", "topic": "tips"})
    journey = publish(acme, graph(wanted))
    other = more(acme, "Fabrikam")
    with tenant_context(acme):
        consent_set(contact=account.contacts.get(), status="granted", source="form", actor=ACTOR)
    for each in (account, other):
        go(acme, each, key=str(each.pk))
    with tenant_context(acme):
        sent = Message.objects.get(account=account)
        for score in (0, 90, 0):
            Click.objects.create(account=account, message=sent, link=0, bot_score=score)
    (figures,) = read(acme, journey).messages
    assert (figures.node_id, figures.channel, figures.queued, figures.sent, figures.kept_back) == (
        "mail",
        "E-mail",
        2,
        1,
        1,
    )
    assert figures.clicked == 1, "a message counts once, and a machine's click not at all"
    assert [(told.code, told.count) for told in figures.why] == [("no_consent", 1)]


def test_the_period_is_that_of_the_entry_for_everything(acme: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("mail")))
    with time_machine.travel(timezone.now() - timedelta(days=40), tick=False):
        go(acme, account, key="old")
    go(acme, more(acme, "Fabrikam"), key="new")
    ever, lately = read(acme, journey), read(acme, journey, 30)
    assert (ever.entered, lately.entered) == (2, 1)
    assert (step(ever, "mail").passed, step(lately, "mail").passed) == (2, 1)
    assert [each.queued for each in (*ever.messages, *lately.messages)] == [2, 1]


def test_the_goal_counts_those_for_whom_it_was_open_and_compares_with_the_held_out(
    acme: Tenant, account: Account
) -> None:
    rest = node("wait", "rest", "end", rule={"days": 30})
    journey = publish(acme, graph(rest) | {"nodes": [rest, GOAL, END]})
    now = timezone.now()
    with tenant_context(acme):
        made = []
        for number in range(2 * ENOUGH + 5):
            held, before = number < ENOUGH, number >= 2 * ENOUGH
            reached = (number % 2 == 0) if not held else number % 5 == 0
            made.append(
                Enrollment(
                    account=make_account(f"A{number}"), journey=journey, version=1, node_id="rest", held_out=held,
                    goal_before=before, entered_at=now - timedelta(days=10), slot=str(number),
                    status="finished" if reached else "active", reason="goal_met" if reached else "",
                    ended_at=now - timedelta(days=6) if reached else None,
                )
            )  # fmt: skip
        Enrollment.objects.bulk_create(made)
    goal = read(acme, journey).goal
    assert goal is not None
    assert (goal.reached, goal.entered, goal.held_out_reached, goal.held_out) == (15, ENOUGH, 6, ENOUGH)
    assert goal.seconds == pytest.approx(4 * 86_400)
    assert goal.lift is not None
    assert goal.lift.estimate == pytest.approx(0.3)
    assert goal.lift.low < 0.3 < goal.lift.high
    with tenant_context(acme):
        Enrollment.objects.filter(held_out=True).first().delete()
    few = read(acme, journey).goal
    assert few is not None
    assert few.lift is None, "one account too few to compare"


def test_steps_of_earlier_versions_stay_listed(acme: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("gone")))
    go(acme, account)
    publish(acme, graph(email("new")))
    found = read(acme, journey)
    assert [(each.id, each.node is None) for each in found.steps] == [("new", False), ("end", False), ("gone", True)]
    assert "A step of an earlier version" in page(acme, f"{journey.pk}/figures/")


def test_the_page_asks_as_often_for_many_accounts_as_for_one(acme: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("mail")))
    counts = []
    client = Client()
    client.force_login(make_member(acme, "leader").user)
    for names in (["One"], [f"More{n}" for n in range(8)]):
        for name in names:
            go(acme, more(acme, name), key=name)
        client.get(f"/t/acme/journeys/{journey.pk}/figures/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/t/acme/journeys/{journey.pk}/figures/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_journey_that_nobody_entered_says_so_and_a_draft_has_no_figures(acme: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("mail")))
    assert "No account entered in this period" in page(acme, f"{journey.pk}/figures/?period=nonsense")
    with tenant_context(acme):
        draft = Journey.objects.create(key="draft", name="Draft", purpose="adoption")
    client = Client()
    client.force_login(make_member(acme, "csm").user)
    assert client.get(f"/t/acme/journeys/{draft.pk}/figures/").status_code == 302


def test_another_tenants_journey_is_not_there(acme: Tenant, globex: Tenant, account: Account) -> None:
    journey = publish(acme, graph(email("mail")))
    client = Client()
    client.force_login(make_member(globex, "admin", "root@globex.example").user)
    assert client.get(f"/t/globex/journeys/{journey.pk}/figures/").status_code == 404
