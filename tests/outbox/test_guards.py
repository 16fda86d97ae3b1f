"""Guards: budgets that can be seen, stops by people and by themselves, and words for every reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Account, Contact, ContactStatus
from hub.outbox import reach, sending
from hub.outbox.clearing import clear
from hub.outbox.gates import Held, MessageClass, Purpose, Send, decide
from hub.outbox.models import Message, MessageStatus, Stop
from hub.outbox.policy import PolicyError, sending_rules
from hub.outbox.pressure import ledger_of
from hub.outbox.reasons import reason_words
from hub.outbox.reputation import BOUNCES, COMPLAINTS
from hub.outbox.services import (
    Cause,
    Draft,
    address_suppress,
    message_queue,
    sending_rules_set,
    sending_stop,
    stop_end,
)
from hub.outbox.situations import Surroundings
from hub.people.models import AuditEvent
from hub.registry.troubles import Trouble, troubles
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from signals.health.models import HealthScore
from signals.health.troubles import red
from tests.outbox.provider import Provider, in_place_of_email
from tests.outbox.test_gates import judge
from tests.world import ACTOR, make_account, make_contact, make_member

NOON = "2026-03-03T12:00:00Z"
MOST_QUERIES = 16
FREE = {"assume_consent": True, "holdout_percent": 0, "contact_cap": 1000, "account_cap": 1000}


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    reach._groups.clear()
    reach._totals.clear()
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def provider() -> Iterator[Provider]:
    with in_place_of_email(Provider(honours_keys=True)) as provider:
        yield provider


@pytest.fixture
def account(acme: Tenant, provider: Provider) -> Iterator[Account]:
    acme.settings = {"outbox": FREE}
    acme.save()
    with tenant_context(acme):
        yield make_account()


def people(account: Account, number: int) -> list[Contact]:
    crowd = [
        Contact(account=account, email=f"p{n}@x.example", name=f"P{n}", status=ContactStatus.ACTIVE)
        for n in range(number)
    ]
    Contact.objects.bulk_create(crowd)
    return crowd


def queue(contact: Contact, *, group: UUID | None = None, kind: str = "programme", **fields: Any) -> Message:
    cause = Cause("", None, "News", group_id=group)
    return message_queue(
        Draft(
            **{
                "key": str(uuid7()), "contact": contact, "channel": "email", "message_class": MessageClass(kind),
                "purpose": Purpose.ADOPTION, "subject": "Hi", "body": "<p>Hi</p>", "cause": cause, **fields,
            }
        )
    )  # fmt: skip


def states(tenant: Tenant) -> set[tuple[str, str]]:
    sending.drain(tenant.pk)
    return set(Message.objects.values_list("status", "reason"))


# --- Stops by people ----------------------------------------------------------------------------------------------


def test_the_stop_switch_holds_everything_but_access_and_lets_it_go_again(acme: Tenant, account: Account) -> None:
    kim = make_contact(account)
    stop = sending_stop(actor=ACTOR, why="wrong prices")
    assert sending_stop(actor=ACTOR, why="again").pk == stop.pk
    for kind in ("access", "service", "relationship", "programme"):
        queue(kim, kind=kind)
    sending.drain(acme.pk)
    went = dict(Message.objects.values_list("message_class", "reason"))
    assert went == {"access": "", "service": "stopped", "relationship": "stopped", "programme": "stopped"}
    assert stop_end(stop=stop, outcome="lifted", actor=ACTOR)
    assert not stop_end(stop=stop, outcome="lifted", actor=ACTOR)
    assert states(acme) == {("sent", "")}
    assert set(AuditEvent.objects.filter(action__startswith="sending.").values_list("action", flat=True)) == {
        "sending.stop", "sending.lifted",
    }  # fmt: skip


def test_a_stop_of_one_journey_leaves_the_others_alone(acme: Tenant, account: Account) -> None:
    one, other = uuid7(), uuid7()
    kim = make_contact(account)
    stop = sending_stop(actor=ACTOR, why="", group_id=one, label="News")
    queue(kim, group=one)
    queue(kim, group=other)
    assert states(acme) == {("held", "stopped:journey"), ("sent", "")}
    assert stop_end(stop=stop, outcome="withdrawn", actor=ACTOR)
    assert states(acme) == {("withdrawn", "stopped:journey"), ("sent", "")}


def test_what_a_stop_holds_too_long_expires_and_says_so(acme: Tenant, account: Account, clock: Any) -> None:
    sending_stop(actor=ACTOR, why="")
    queue(make_contact(account))
    assert states(acme) == {("held", "stopped")}
    clock.shift(timedelta(hours=73))
    assert states(acme) == {("expired", "expired")}


# --- Too many at once ---------------------------------------------------------------------------------------------


def test_a_journey_that_would_write_to_too_many_waits_for_a_person(acme: Tenant, account: Account) -> None:
    acme.settings = {"outbox": {**FREE, "blast_percent": 20, "blast_least": 3}}
    acme.save()
    group, crowd = uuid7(), people(account, 20)
    for contact in crowd[:5]:
        queue(contact, group=group)
    assert states(acme) == {("held", "blast")}
    stop = Stop.objects.get()
    assert (stop.kind, stop.figures) == ("blast", {"contacts": 5, "total": 20, "limit": 4})
    assert stop_end(stop=stop, outcome="lifted", actor=ACTOR)
    queue(crowd[5], group=group)
    assert states(acme) == {("sent", "")}


def test_as_many_as_the_radius_allows_go_without_a_word(acme: Tenant, account: Account) -> None:
    acme.settings = {"outbox": {**FREE, "blast_percent": 20, "blast_least": 3}}
    acme.save()
    group, crowd = uuid7(), people(account, 20)
    for contact in crowd[:4]:
        queue(contact, group=group)
        queue(contact, group=group)
    queue(crowd[6])
    assert states(acme) == {("sent", "")}
    # One more, a moment later, is the one too many, and those before it are remembered.
    queue(crowd[5], group=group)
    assert states(acme) == {("sent", ""), ("held", "blast")}


def test_service_mail_is_never_a_blast(acme: Tenant, account: Account) -> None:
    acme.settings = {"outbox": {**FREE, "blast_percent": 1, "blast_least": 1}}
    acme.save()
    group = uuid7()
    for contact in people(account, 5):
        queue(contact, group=group, kind="service")
    assert states(acme) == {("sent", "")}


# --- Stops by themselves ------------------------------------------------------------------------------------------


def sent_mails(account: Account, number: int) -> None:
    kim, now = make_contact(account), timezone.now()
    Message.objects.bulk_create(
        Message(
            account=account, contact=kim, key=f"s{n}", channel="email", message_class="programme", purpose="adoption",
            subject="s", body_html="", body_text="", status=MessageStatus.SENT, sent_at=now, created_at=now,
        )
        for n in range(number)
    )  # fmt: skip


@pytest.mark.parametrize(("reason", "mails", "enough"), [("bounce", 250, 5), ("complaint", 2000, 2)])
def test_too_many_reports_stop_mail_until_an_admin_lifts_it(
    acme: Tenant, account: Account, clock: Any, reason: str, mails: int, enough: int
) -> None:
    sent_mails(account, mails)
    for n in range(enough - 1):
        address_suppress(channel="email", address=f"{n}@gone.example", reason=reason)
    assert not Stop.objects.exists()
    address_suppress(channel="email", address="last@gone.example", reason=reason)
    stop = Stop.objects.get()
    assert (stop.figures["count"], stop.figures["mails"]) == (enough, mails)
    lee = make_contact(account, "lee@x.example")
    ours, service = queue(lee), queue(lee, kind="service")
    sending.drain(acme.pk)
    for message in (ours, service):
        message.refresh_from_db()
    assert (ours.status, ours.reason, service.status) == ("held", f"stopped:{stop.kind}", "sent")
    client = Client()
    client.force_login(make_member(acme, "admin", password=None).user)
    assert client.post(f"/t/acme/journeys/guards/{stop.pk}/", {"outcome": "lifted"}).status_code == 302
    stop.refresh_from_db()
    assert stop.outcome == "lifted"
    # What was looked at does not count again.
    clock.shift(timedelta(minutes=1))
    address_suppress(channel="email", address="next@gone.example", reason=reason)
    assert not Stop.objects.filter(ended_at__isnull=True).exists()


@given(st.integers(0, 100), st.integers(0, 100_000))
def test_a_limit_is_a_share_and_never_of_few(count: int, mails: int) -> None:
    for limit in (BOUNCES, COMPLAINTS):
        over = limit.is_over(count, mails)
        assert over is (count >= limit.least and mails >= limit.least_mails and count / mails >= limit.per_mille / 1000)


# --- Trouble, arbitration and words -------------------------------------------------------------------------------


def test_red_health_keeps_expansion_and_asks_back_and_nothing_else(acme: Tenant, account: Account) -> None:
    HealthScore.objects.create(account=account, shown_band="red", day=timezone.localdate(), computed_at=timezone.now())
    assert red([account.pk]) == {account.pk}
    assert troubles.get("red_health") == Trouble("red_health", red)
    kim = make_contact(account)
    messages = [queue(kim, purpose=purpose) for purpose in (Purpose.SAVE, Purpose.EXPANSION, Purpose.ADVOCACY)]
    known = Surroundings(acme, sending_rules(acme.settings), messages, timezone.now())
    assert [decide(replace(known.situation(message), rivals=frozenset())) for message in messages] == [
        Send(), Held("arbitration:red_health", ANY), Held("arbitration:red_health", ANY),
    ]  # fmt: skip


@pytest.mark.parametrize("first", range(len(Purpose) - 1))
def test_of_two_that_are_due_the_one_further_up_the_order_goes(first: int) -> None:
    order = list(Purpose)
    above, below = order[first], order[first + 1]
    held = judge(purpose=below, rivals=frozenset({above}))
    assert isinstance(held, Held)
    assert held.reason == f"arbitration:{above}"
    assert judge(purpose=above, rivals=frozenset({below})) == Send()


def test_every_code_has_words() -> None:
    for code in ("stopped", "stopped:journey", "stopped:complaints", "stopped:bounces", "blast", "retry", "refused"):
        assert reason_words(code) != code.replace("_", " ")
    assert reason_words("arbitration:open_p1") == "an open urgent ticket comes first"
    assert reason_words("arbitration:red_health") == "mending red health comes first"


# --- The budget ---------------------------------------------------------------------------------------------------


def test_the_ledger_says_who_used_the_budget_what_for_and_when_it_frees(acme: Tenant, account: Account) -> None:
    rules = {"assume_consent": True, "holdout_percent": 0, "contact_cap": 1, "account_cap": 2}
    acme.settings = {"outbox": rules}
    acme.save()
    kim, lee = make_contact(account), make_contact(account, "lee@x.example")
    queue(kim)
    queue(lee, kind="relationship")
    queue(kim, kind="service")
    sending.drain(acme.pk)
    ledger = ledger_of(account.pk, sending_rules(acme.settings).policy)
    assert {entry.message.contact_id for entry in ledger.entries} == {kim.pk, lee.pk}
    assert {entry.frees_at for entry in ledger.entries} == {timezone.now() + timedelta(days=7)}
    assert (ledger.account.used, ledger.account.is_full) == (2, True)
    assert ledger.account.free_at == timezone.now() + timedelta(days=7)
    # What the ledger says is what the gate does.
    third = queue(kim)
    sending.drain(acme.pk)
    third.refresh_from_db()
    assert third.reason == "capped"


# --- Rules and pages ----------------------------------------------------------------------------------------------


def test_rules_change_with_an_audit_row_and_wrong_ones_change_nothing(acme: Tenant, account: Account) -> None:
    sending_rules_set(tenant=acme, rules={"contact_cap": 3}, actor=ACTOR)
    assert sending_rules(acme.settings).policy.contact_cap == 3
    assert AuditEvent.objects.get(action="sending.rules").changes == {"changed": {"contact_cap": [1000, 3]}}
    for wrong in ({"contact_cap": -1}, {"quiet_from": "25:00"}, {"nonsense": 1}, {"blast_percent": 0}):
        with pytest.raises(PolicyError):
            sending_rules_set(tenant=acme, rules=wrong, actor=ACTOR)
    assert Tenant.objects.get(pk=acme.pk).settings["outbox"]["contact_cap"] == 3


def test_the_pages_of_the_guards(acme: Tenant, account: Account) -> None:
    client = Client()
    client.force_login(make_member(acme, "marketer", password=None).user)
    page = client.get("/t/acme/set-up/sending/")
    form = {**page.context["form"].initial, "quiet_from": "21:00", "quiet_until": "07:00", "quiet_days": ["sun"]}
    assert client.post("/t/acme/set-up/sending/set/", {**form, "contact_cap": "x"}).status_code == 422
    assert client.post("/t/acme/set-up/sending/set/", form).status_code == 302
    policy = sending_rules(Tenant.objects.get(pk=acme.pk).settings).policy
    assert (policy.quiet_from.hour, policy.quiet_days) == (21, frozenset({6}))
    sent_mails(account, 3)
    assert "Northwind" in client.get("/t/acme/journeys/pressure/").text
    assert "3 of 1000" in client.get(f"/t/acme/accounts/{account.pk}/pressure/").text
    assert "3 of 1000" in client.get(f"/t/acme/accounts/{account.pk}/").text
    group = uuid7()
    queue(make_contact(account), group=group, due_at=timezone.now() + timedelta(hours=1))
    assert "Nothing is stopped" in client.get("/t/acme/journeys/guards/").text
    stop = "/t/acme/journeys/guards/stop/"
    assert client.post(stop, {"group": str(group)}).status_code == 302
    assert client.post(stop, {"why": "wrong prices"}).status_code == 302
    shown = client.get("/t/acme/journeys/guards/").text
    assert "wrong prices" in shown
    assert "“News” is stopped" in client.get("/t/acme/").text
    with tenant_context(acme):
        for each in Stop.objects.filter(ended_at__isnull=True):
            stop_end(stop=each, outcome="lifted", actor=ACTOR)
    assert "is stopped" not in client.get("/t/acme/").text
    assert client.post(stop, {"group": str(uuid7())}).status_code == 404


def test_what_stopped_by_itself_no_marketer_lifts(acme: Tenant) -> None:
    with tenant_context(acme):
        stop = Stop.objects.create(kind="bounces", began_by="Tandem", figures={"count": 5, "mails": 100, "days": 7})
    client = Client()
    client.force_login(make_member(acme, "marketer", password=None).user)
    assert "An admin lets it go on" in client.get("/t/acme/journeys/guards/").text
    assert client.post(f"/t/acme/journeys/guards/{stop.pk}/", {"outcome": "lifted"}).status_code == 403


def test_the_gates_ask_as_often_for_twenty_messages_as_for_one(
    acme: Tenant, account: Account, provider: Provider
) -> None:
    """Held against a number, too: what every message pays."""
    crowd = people(account, 21)
    asked = []
    # The first message of an account has its facts looked up; those after it find them.
    queue(crowd[0])
    sending.drain(acme.pk)
    for some in (crowd[:1], crowd[1:]):
        reach._groups.clear()
        for contact in some:
            queue(contact, group=uuid7() if len(some) == 1 else account.pk, topic="growth")
        claimed = sending.claim(acme)
        with CaptureQueriesContext(connection) as queries:
            assert len(clear(acme, provider, claimed).messages) == len(some)
        asked.append(len(queries))
    assert asked[1] <= asked[0]
    assert asked[0] <= MOST_QUERIES
