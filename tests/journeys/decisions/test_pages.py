"""Pages of next best action: the queue, why, the chain behind every message, plays and what they have learnt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hub.accounts.models import Account
from hub.outbox.models import Message
from hub.people.mail import staff_mail_send
from hub.people.models import StaffMail
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.digest import digests_send
from journeys.decisions.models import Choice, Play
from journeys.models import Journey
from tests.journeys import graphs, stage
from tests.journeys.decisions import table
from tests.world import make_account, make_member


def staff(tenant: Tenant, role: str = "marketer") -> Client:
    client = Client()
    client.force_login(make_member(tenant, role, f"{role}-2@{tenant.slug}.example", password=None).user)
    return client


@pytest.fixture
def account(acme: Tenant) -> Account:
    account = table.lay(acme)
    table.play(acme, "Call", rule={"fact": "stage", "op": "is_set"})
    table.play(acme, "Sell", purpose="expansion")
    table.signal(acme, account)
    table.decide(acme)
    return account


def test_the_queue_says_what_waits_and_why(acme: Tenant, account: Account) -> None:
    text = staff(acme).get("/t/acme/decisions/").text
    assert "Call" in text
    assert "Usage decline at Northwind" in text
    assert "adoption keeps 10% of ARR" in text


def test_a_csm_begins_with_their_own_accounts(acme: Tenant, account: Account) -> None:
    client = staff(acme, "csm")
    assert "Northwind" not in client.get("/t/acme/decisions/").text
    assert "Northwind" in client.get("/t/acme/decisions/?whose=all").text


def test_a_decision_tells_every_play_with_its_reason(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        choice = Choice.objects.get()
    client = staff(acme)
    text = client.get(f"/t/acme/decisions/{choice.pk}/").text
    assert "Outranked" in text
    assert "“Call” comes first" in text
    assert "comes out the same" in client.get(f"/t/acme/decisions/{choice.pk}/?again=1").text
    log = client.get(f"/t/acme/accounts/{account.pk}/decisions/").text
    assert "2 plays came into question" in log


def test_a_day_is_decided_again_on_a_page(acme: Tenant, account: Account) -> None:
    client = staff(acme)
    assert "each comes out as it was" in client.get("/t/acme/decisions/again/").text
    assert "Nothing was decided on this day" in client.get("/t/acme/decisions/again/?day=2020-01-01").text
    assert client.get("/t/acme/decisions/again/?day=nonsense").status_code == 200


def test_approving_says_when_it_begins(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        choice = Choice.objects.get()
    client = staff(acme)
    row = client.post(f"/t/acme/decisions/{choice.pk}/do/", {"action": "approve"}, headers={"HX-Request": "true"})
    assert "Can be undone" in row.text
    assert "Undo" in row.text
    again = client.post(f"/t/acme/decisions/{choice.pk}/do/", {"action": "approve"}, follow=True)
    assert "Somebody was faster" in again.text


def test_a_signal_tells_what_was_decided_because_of_it(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        choice = Choice.objects.get()
    text = staff(acme).get(f"/t/acme/signals/{choice.signal_id}/").text
    assert "Decision “Call”, to review" in text
    assert f"/t/acme/decisions/{choice.pk}/" in text


def test_what_waits_is_on_today_and_on_the_account(acme: Tenant, account: Account) -> None:
    client = staff(acme)
    assert "Decisions to review" in client.get("/t/acme/").text
    assert "Next best action" in client.get(f"/t/acme/accounts/{account.pk}/").text


@pytest.mark.parametrize("path", ["decisions/?whose=all", "decisions/plays/", "accounts/{account}/decisions/"])
def test_a_list_costs_as_many_queries_for_twenty_as_for_one(acme: Tenant, account: Account, path: str) -> None:
    client, address = staff(acme), f"/t/acme/{path.format(account=account.pk)}"
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    with tenant_context(acme):
        play = Play.objects.get(key="call")
        for number in range(20):
            other = make_account(f"Account {number}")
            fields: dict[str, Any] = {"play": play, "play_version": 1, "given": {}, "cause": f"signal:{number}"}
            Choice.objects.create(account=other, day=timezone.localdate(), status="asked", **fields)
            Choice.objects.create(account=account, day=timezone.localdate(), status="done", **fields)
            Play.objects.create(key=f"play-{number}", name=f"Play {number}", terms=play.terms)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(one)


# --- The chain behind a message -----------------------------------------------------------------------------------


def chain(tenant: Tenant, message: Message) -> str:
    client = staff(tenant)
    page = client.get(reverse("outbox:message", args=[tenant.slug, message.pk])).text
    address = f"/t/{tenant.slug}/decisions/message/{message.pk}/"
    assert address in page
    return str(client.get(address).text)


def latest(tenant: Tenant) -> Message:
    with tenant_context(tenant):
        found: Message = Message.objects.latest("created_at")
        return found


def test_the_chain_of_a_message_that_a_choice_led_to(acme: Tenant) -> None:
    account = table.lay(acme)
    graphs.publish(acme, graphs.graph(graphs.email(), entry={"by": "hand"}))
    table.play(acme, "Write", action="journey.start", config={"journey": "mine"}, autonomy="act")
    table.signal(acme, account)
    table.decide(acme)
    table.time_is_up(acme)
    stage.run(acme)
    text = chain(acme, latest(acme))
    for part in ("The signal", "Usage decline at Northwind", "Next best action: Write", "The decision", "This message"):
        assert part in text


def test_the_chain_of_a_message_that_a_signal_led_to(acme: Tenant) -> None:
    account = graphs.world(acme)
    graphs.publish(acme, graphs.graph(graphs.email()))
    graphs.go(acme, account)
    text = chain(acme, latest(acme))
    assert "QBR" in text
    assert "This message" in text
    assert "How the journey began" in text


def test_the_chain_of_a_message_that_nothing_stands_behind(acme: Tenant) -> None:
    account = graphs.world(acme)
    graphs.publish(acme, graphs.graph(graphs.email()))
    graphs.go(acme, account)
    message = latest(acme)
    with tenant_context(acme):
        Message.objects.update(cause="", cause_id=None, cause_label="", signal_id=None, step_run_id=None)
    text = chain(acme, message)
    assert "no journey stands behind it" in text


# --- Plays --------------------------------------------------------------------------------------------------------

FORM = {
    "name": "Offer a session", "description": "", "action": "task.open", "title": "Offer a session", "playbook": "",
    "due_business_days": "3", "trigger": ["use-narrow"], "purpose": "adoption", "worth": "adoption",
    "worth_percent": "",
    "prior_a": "1", "prior_b": "4", "prior_source": "last year's sessions", "autonomy": "ask", "cooldown_days": "30",
    "window_days": "30", "holdout_percent": "10", "success": "", "match": "all", "save": "1",
}  # fmt: skip


def test_a_play_is_made_in_the_form_and_changed(acme: Tenant) -> None:
    client = staff(acme)
    client.post("/t/acme/decisions/plays/new/", FORM)
    with tenant_context(acme):
        play = Play.objects.get()
    assert play.terms["prior"] == [1.0, 4.0]
    page = client.get(f"/t/acme/decisions/plays/{play.pk}/").text
    assert "last year" in page.lower()
    assert "needs 30 outcomes" in page.lower()
    client.post(f"/t/acme/decisions/plays/{play.pk}/edit/", {**FORM, "autonomy": "act", "seen": "1"})
    stale = client.post(f"/t/acme/decisions/plays/{play.pk}/edit/", {**FORM, "seen": "1"})
    assert stale.status_code == 409
    with tenant_context(acme):
        play.refresh_from_db()
        assert (play.version, play.terms["autonomy"], play.versions.count()) == (2, "act", 2)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"trigger": []}, "choose at least one signal"),
    ({"trigger": ["no-such"]}, "there is no no-such"),
    ({"prior_a": "many"}, "two numbers"),
    ({"prior_a": "nan"}, "two numbers"),
    ({"cooldown_days": "0"}, "whole number"),
    ({"holdout_percent": "51"}, "whole number"),
    ({"action": "no.such"}, "choose one of"),
    ({"action": "journey.start", "journey": "gone"}, "journey that there is"),
    ({"playbook_key": "gone"}, "playbook that there is"),
    ({"success": "{"}, "not JSON"),
    ({"success": '{"fact": "nothing"}'}, "nothing"),
    ({"name": " "}, "give the play a name"),
]


def test_a_play_that_cannot_be_says_why_and_keeps_what_was_typed(acme: Tenant) -> None:
    client = staff(acme)
    for wrong, told in WRONG:
        answer = client.post("/t/acme/decisions/plays/new/", {**FORM, **wrong})
        assert answer.status_code == 422, wrong
        assert told.lower() in answer.text.lower()
        assert "Offer a session" in answer.text
    with tenant_context(acme):
        assert not Play.objects.exists()


def test_what_ships_is_added_once_and_asks_first(acme: Tenant) -> None:
    stage.set_up(acme)
    client = staff(acme)
    client.post("/t/acme/decisions/plays/install/")
    client.post("/t/acme/decisions/plays/install/")
    with tenant_context(acme):
        plays = list(Play.objects.all())
        journeys = set(Journey.objects.values_list("key", flat=True))
    assert len(plays) == 8
    assert {play.terms["autonomy"] for play in plays} == {"ask"}
    assert {p.terms["config"]["journey"] for p in plays if p.terms["action"] == "journey.start"} <= journeys
    for play in plays:
        assert client.get(f"/t/acme/decisions/plays/{play.pk}/").status_code == 200


# --- The daily mail -----------------------------------------------------------------------------------------------


def test_reviewers_get_one_mail_a_day_and_only_of_what_waits(acme: Tenant, account: Account) -> None:
    client = staff(acme)
    staff(acme, "leader")
    day = timezone.localdate()
    with tenant_context(acme):
        assert digests_send(acme, day) == 2
        assert digests_send(acme, day) == 0
    assert sorted(StaffMail.objects.values_list("email", flat=True)) == ["csm@acme.example", "marketer-2@acme.example"]
    staff_mail_send()
    assert "Northwind: Call" in mail.outbox[0].body
    client.post("/t/acme/decisions/mail/", {"digest": "0"})
    with tenant_context(acme):
        assert digests_send(acme, day + timedelta(days=1)) == 1
        Choice.objects.update(status="done")
        assert digests_send(acme, day + timedelta(days=2)) == 0


def test_a_decision_keeps_no_words_of_a_signal(acme: Tenant, account: Account) -> None:
    """A sentence may name a person: it stands in the signal's own row, and goes with it."""
    with tenant_context(acme):
        choice = Choice.objects.get()
        assert "Northwind" not in str(choice.given) + str(choice.verdicts)
    assert "Usage decline at Northwind" in staff(acme).get(f"/t/acme/decisions/{choice.pk}/").text
