"""Delivery: nothing twice, nothing lost without a word, and a reason for everything that did not go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from hub.accounts.models import Contact, ContactStatus, TimelineEntry
from hub.accounts.services import facts_touch
from hub.feedback.models import Ticket
from hub.outbox import clearing, gates, results, sending
from hub.outbox.channels.base import Outcome, Outgoing, Result
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.models import LEASE, Delivery, Holdout, Message, Suppression
from hub.outbox.rendering import TemplateError
from hub.outbox.services import (
    Cause,
    Draft,
    address_suppress,
    consent_set,
    message_queue,
    message_resolve,
    messages_withdraw,
    sending_stop,
    unsubscribe,
    unsubscribe_read,
    unsubscribe_token,
)
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant, TenantWork
from signals.engine import evaluate_batch
from tests.outbox.provider import Died, Provider, in_place_of_email
from tests.world import ACTOR, make_account, make_contact

NOON = "2026-03-03T12:00:00Z"  # a Tuesday
numbers = count()


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def provider() -> Iterator[Provider]:
    with in_place_of_email(Provider()) as provider:
        yield provider


@pytest.fixture
def kim(acme: Tenant, provider: Provider) -> Contact:
    with tenant_context(acme):
        return make_contact(make_account())


def queue(contact: Contact, kind: str = "service", **fields: Any) -> Message:
    with tenant_context(contact.tenant):
        return message_queue(
            Draft(
                **{
                    "key": f"test:{next(numbers)}",
                    "contact": contact,
                    "channel": "email",
                    "message_class": MessageClass(kind),
                    "purpose": Purpose.ADOPTION,
                    "subject": "Hello {{ name }}",
                    "body": "<p>Hi {{ name }}</p>",
                    "values": {"name": "Kim"},
                    **fields,
                }
            )
        )


def fresh(message: Message) -> Message:
    with tenant_context(message.tenant):
        found: Message = Message.objects.get(pk=message.pk)
        return found


def state(message: Message) -> tuple[str, str]:
    found = fresh(message)
    return found.status, found.reason


def opt_in(contact: Contact) -> None:
    with tenant_context(contact.tenant):
        consent_set(contact=contact, status="granted", source="form", actor=ACTOR)


def no_holdout(tenant: Tenant) -> None:
    tenant.settings = {"outbox": {"holdout_percent": 0}}
    tenant.save(update_fields=["settings"])


# --- Queueing -----------------------------------------------------------------------------------------------------


def test_the_same_key_is_one_message(acme: Tenant, kim: Contact, provider: Provider) -> None:
    assert queue(kim, key="k").pk == queue(kim, key="k").pk
    sending.drain(acme.pk)
    sending.drain(acme.pk)
    assert [sent.subject for sent in provider.taken] == ["Hello Kim"]


def test_a_message_is_rendered_when_it_is_queued_and_wakes_the_senders(acme: Tenant, kim: Contact) -> None:
    message = queue(kim)
    assert (message.subject, message.body_text) == ("Hello Kim", "Hi Kim")
    assert TenantWork.objects.filter(tenant=acme, queue="send", next_due_at__isnull=False).exists()
    with pytest.raises(TemplateError, match="nonsense"):
        queue(kim, body="{{ nonsense }}")


def test_what_was_sent_is_in_the_ledger_and_in_the_timeline(acme: Tenant, kim: Contact) -> None:
    message = queue(kim)
    sending.drain(acme.pk)
    assert state(message) == ("sent", "")
    with tenant_context(acme):
        delivery = Delivery.objects.get()
        assert (delivery.message_id, delivery.outcome) == (message.pk, "sent")
        assert TimelineEntry.objects.get(kind="message").title == "E-mail to Kim: Hello Kim"


# --- Gates over what is true --------------------------------------------------------------------------------------


def test_marketing_without_consent_is_withheld(acme: Tenant, kim: Contact, provider: Provider) -> None:
    no_holdout(acme)
    message = queue(kim, "programme")
    sending.drain(acme.pk)
    assert (state(message), provider.taken) == (("withheld", "no_consent"), [])


def test_a_tenant_that_may_write_until_somebody_objects_says_so(acme: Tenant, kim: Contact) -> None:
    acme.settings = {"outbox": {"assume_consent": True, "holdout_percent": 0}}
    acme.save()
    first = queue(kim, "programme", topic="news")
    sending.drain(acme.pk)
    assert state(first) == ("sent", "")
    with tenant_context(acme):
        consent_set(contact=kim, status="denied", source="form", actor=ACTOR, topic="news")
    second, other = queue(kim, "programme", topic="news"), queue(kim, "programme", topic="tips")
    sending.drain(acme.pk)
    assert (state(second), state(other)) == (("withheld", "no_consent"), ("sent", ""))


def test_a_hard_bounce_suppresses_the_address_for_every_class(acme: Tenant, kim: Contact, provider: Provider) -> None:
    provider.answer = lambda outgoing: Result(Outcome.BOUNCED, "550 no such user")
    first = queue(kim)
    sending.drain(acme.pk)
    second = queue(kim, "access")
    sending.drain(acme.pk)
    assert (state(first), state(second)) == (("failed", "bounced"), ("withheld", "suppressed:bounce"))
    with tenant_context(acme):
        assert Contact.objects.get().status == ContactStatus.BOUNCED
        assert kim.email not in str(Suppression.objects.values().get())


def test_quiet_hours_hold_marketing_until_morning_in_the_persons_zone(acme: Tenant, kim: Contact, clock: Any) -> None:
    no_holdout(acme)
    opt_in(kim)
    with tenant_context(acme):
        Contact.objects.update(timezone="Asia/Tokyo")  # 21:00 there
    message, service = queue(kim, "programme"), queue(kim, "service")
    next_due = sending.drain(acme.pk)
    assert (state(message), state(service)) == (("held", "quiet_hours"), ("sent", ""))
    assert next_due == datetime.fromisoformat("2026-03-03T23:00:00+00:00")
    clock.move_to("2026-03-03T23:00:01Z")
    sending.drain(acme.pk)
    assert state(message) == ("sent", "")


def test_caps_count_across_classes_and_hold_what_is_too_much(acme: Tenant, kim: Contact, provider: Provider) -> None:
    no_holdout(acme)
    opt_in(kim)
    relationship = queue(kim, "relationship")
    sending.drain(acme.pk)
    first, second = queue(kim, "programme"), queue(kim, "programme")
    sending.drain(acme.pk)
    assert state(relationship) == state(first) == ("sent", "")
    assert state(second)[0] == "held"
    assert fresh(second).due_at == timezone.now() + timedelta(hours=72)
    assert len(provider.taken) == 2


def test_one_batch_does_not_slip_under_the_cap_together(acme: Tenant, kim: Contact, provider: Provider) -> None:
    no_holdout(acme)
    opt_in(kim)
    provider.honours_keys = True
    for _ in range(5):
        queue(kim, "programme")
    sending.drain(acme.pk)
    assert len(provider.taken) == 2


def test_a_held_message_expires_with_its_reason(acme: Tenant, kim: Contact, clock: Any) -> None:
    message = queue(kim, "service", expires_at=timezone.now() + timedelta(hours=1), due_at=timezone.now())
    clock.shift(timedelta(hours=2))
    sending.drain(acme.pk)
    assert state(message) == ("expired", "expired")


def test_an_open_p1_holds_expansion(acme: Tenant, kim: Contact) -> None:
    no_holdout(acme)
    opt_in(kim)
    with tenant_context(acme):
        Ticket.objects.create(
            account_id=kim.account_id, source="t", external_id="1", priority="urgent", opened_at=timezone.now()
        )
        facts_touch([kim.account_id])
        while evaluate_batch(acme):
            pass
    message = queue(kim, "programme", purpose=Purpose.EXPANSION)
    sending.drain(acme.pk)
    assert state(message) == ("held", "arbitration:open_p1")


def test_what_comes_first_holds_what_comes_later(acme: Tenant, kim: Contact) -> None:
    no_holdout(acme)
    opt_in(kim)
    later = queue(kim, "programme", purpose=Purpose.EXPANSION)
    queue(kim, "relationship", purpose=Purpose.SAVE, due_at=timezone.now() + timedelta(hours=1))
    sending.drain(acme.pk)
    assert state(later) == ("held", "arbitration:save")


@pytest.mark.slow
def test_a_held_out_account_gets_no_marketing_and_stays_held_out(acme: Tenant, kim: Contact) -> None:
    opt_in(kim)
    acme.settings = {"outbox": {"holdout_percent": 50}}
    acme.save()
    with tenant_context(acme):
        accounts = [make_account(f"Account {n}") for n in range(24)]
        people = [make_contact(account) for account in accounts]
    for person in people:
        opt_in(person)
    messages = [queue(person, "programme") for person in people]
    sending.drain(acme.pk)
    with tenant_context(acme):
        drawn = dict(Holdout.objects.values_list("account_id", "held_out"))
    assert {True, False} == set(drawn.values())
    for message in messages:
        assert state(message) == (("withheld", "holdout") if drawn[message.account_id] else ("sent", ""))
    acme.settings = {"outbox": {"holdout_percent": 0}}
    acme.save()
    again = [queue(person, "programme") for person in people]
    sending.drain(acme.pk)
    assert [state(m)[0] == "withheld" for m in again] == [drawn[m.account_id] for m in again]


# --- Failures -----------------------------------------------------------------------------------------------------


def test_a_message_whose_sender_died_is_parked_where_the_channel_knows_no_keys(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any
) -> None:
    message = queue(kim)

    def die(outgoing: Outgoing) -> Result:
        raise Died

    provider.answer = die
    with pytest.raises(Died):
        sending.drain(acme.pk)
    assert state(message)[0] == "sending"
    provider.answer = lambda outgoing: Result(Outcome.SENT)
    clock.shift(LEASE + timedelta(seconds=1))
    sending.drain(acme.pk)
    assert (state(message), provider.taken) == (("unknown", "lease_expired"), [])


def test_it_is_sent_again_under_the_same_key_where_the_channel_honours_keys(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any
) -> None:
    provider.honours_keys = True
    message = queue(kim)
    keys = []

    def die_once(outgoing: Outgoing) -> Result:
        keys.append(outgoing.key)
        if len(keys) == 1:
            raise Died
        return Result(Outcome.SENT)

    provider.answer = die_once
    with pytest.raises(Died):
        sending.drain(acme.pk)
    clock.shift(LEASE + timedelta(seconds=1))
    sending.drain(acme.pk)
    assert state(message) == ("sent", "")
    assert keys == [str(message.pk)] * 2


def test_only_the_claim_that_sent_a_message_may_write_its_result(acme: Tenant, kim: Contact) -> None:
    message = queue(kim)
    (row,) = sending.claim(acme)
    row.contact = kim
    with tenant_context(acme):
        Message.objects.update(fence=row.fence + 1)
    assert not sending.hand_on(acme, (row, Result(Outcome.SENT)), row)
    assert not sending.hand_on(acme, (row, Result(Outcome.BOUNCED)))
    assert state(message)[0] == "pending"
    with tenant_context(acme):
        assert not TimelineEntry.objects.filter(kind="message").exists()
        assert not Suppression.objects.exists()


# --- Cleared, and not called yet ----------------------------------------------------------------------------------


def test_who_unsubscribes_while_others_of_the_claim_are_sent_gets_nothing(
    acme: Tenant, kim: Contact, provider: Provider
) -> None:
    no_holdout(acme)
    with tenant_context(acme):
        lee = make_contact(make_account("Fabrikam"), "lee@fabrikam.example")
    for contact in (kim, lee):
        opt_in(contact)
    queue(kim, "programme")
    second = queue(lee, "programme")

    def leave(outgoing: Outgoing) -> Result:
        assert state(second)[0] == "cleared"
        with tenant_context(acme):
            consent_set(contact=lee, status="denied", source="link", actor=ACTOR)
        return Result(Outcome.SENT)

    provider.answer = leave
    sending.drain(acme.pk)
    assert [outgoing.address for outgoing in provider.taken] == [kim.email]
    assert state(second) == ("withheld", "no_consent")


def test_the_kill_switch_holds_what_was_cleared_already(acme: Tenant, kim: Contact, provider: Provider) -> None:
    first, second = queue(kim), queue(kim)

    def stop(outgoing: Outgoing) -> Result:
        with tenant_context(acme):
            sending_stop(actor=ACTOR, why="something is wrong")
        return Result(Outcome.SENT)

    provider.answer = stop
    sending.drain(acme.pk)
    assert (state(first), state(second)) == (("sent", ""), ("held", "stopped"))
    with tenant_context(acme):
        assert Message.objects.get(pk=second.pk).sent_at is None


def while_the_gates_are_asked(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Lets something happen once, after what is true of a message was read and before it is cleared."""
    acts = iter([act])
    real = gates.decide

    def decide(*asked: Any) -> Any:
        for each in acts:
            each()
        return real(*asked)

    monkeypatch.setattr(clearing, "decide", decide)


@pytest.mark.parametrize("held", [False, True])
def test_what_is_withdrawn_while_the_gates_are_asked_stays_withdrawn(
    acme: Tenant, kim: Contact, provider: Provider, monkeypatch: pytest.MonkeyPatch, clock: Any, held: bool
) -> None:
    no_holdout(acme)
    opt_in(kim)
    message = queue(kim, "programme", cause=Cause("journey", uuid7()))
    if held:
        clock.move_to("2026-03-03T23:00:00Z")  # quiet hours

    def withdraw() -> None:
        assert message.cause_id is not None
        messages_withdraw(cause_ids=[message.cause_id], reason="journey_changed")

    while_the_gates_are_asked(monkeypatch, withdraw)
    sending.drain(acme.pk)
    assert state(message) == ("withdrawn", "journey_changed")
    assert provider.taken == []


def test_what_is_stopped_while_the_gates_are_asked_does_not_go(
    acme: Tenant, kim: Contact, provider: Provider, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    message = queue(kim)
    while_the_gates_are_asked(monkeypatch, lambda: sending_stop(actor=ACTOR, why="something is wrong"))
    sending.drain(acme.pk)
    clock.shift(LEASE + timedelta(seconds=1))
    sending.drain(acme.pk)
    assert state(message) == ("held", "stopped")
    assert provider.taken == []


def test_a_crash_leaves_one_of_unknown_fate_and_the_others_of_the_claim_are_sent_once(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any
) -> None:
    messages = [queue(kim) for _ in range(4)]

    def die_at_the_second(outgoing: Outgoing) -> Result:
        if len(provider.taken) == 1:
            raise Died
        return Result(Outcome.SENT)

    provider.answer = die_at_the_second
    with pytest.raises(Died):
        sending.drain(acme.pk)
    assert [state(message)[0] for message in messages] == ["sent", "sending", "cleared", "cleared"]
    provider.answer = lambda outgoing: Result(Outcome.SENT)
    clock.shift(LEASE + timedelta(seconds=1))
    sending.drain(acme.pk)
    assert [state(message)[0] for message in messages] == ["sent", "unknown", "sent", "sent"]
    assert sorted(str(taken.id) for taken in provider.taken) == sorted(
        str(message.pk) for message in messages if message != messages[1]
    )


def test_a_slow_provider_has_the_gates_asked_again_for_the_rest_of_the_claim(
    acme: Tenant, kim: Contact, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that changes without taking anything back counts as soon as the word of the gates is old."""
    no_holdout(acme)
    opt_in(kim)
    monkeypatch.setattr(clearing, "FRESH", 0.0)
    messages = [queue(kim, "programme") for _ in range(2)]

    def leave(outgoing: Outgoing) -> Result:
        with tenant_context(acme):
            Contact.objects.filter(pk=kim.pk).update(status=ContactStatus.LEFT)
        return Result(Outcome.SENT)

    provider.answer = leave
    sending.drain(acme.pk)
    assert [state(message) for message in messages] == [("sent", ""), ("withheld", "no_contact_for_role")]


def test_five_refusals_fail_a_message_and_the_others_go(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any
) -> None:
    bad, good = queue(kim, subject="Bad"), queue(kim, subject="Good")
    provider.answer = lambda o: Result(Outcome.RETRY if o.subject == "Bad" else Outcome.SENT, "451 later")
    for _ in range(7):
        sending.drain(acme.pk)
        clock.shift(timedelta(hours=1, seconds=1))
    assert (state(bad), state(good)) == (("failed", "attempts"), ("sent", ""))
    with tenant_context(acme):
        assert Delivery.objects.filter(message=bad).count() == results.MAX_ATTEMPTS


def test_a_channel_that_is_down_costs_no_attempt(acme: Tenant, kim: Contact, provider: Provider, clock: Any) -> None:
    message = queue(kim)
    provider.down = True
    for _ in range(8):
        sending.drain(acme.pk)
        clock.shift(sending.DOWN_FOR + timedelta(seconds=1))
    assert state(message) == ("pending", "channel_down")
    provider.down = False
    sending.drain(acme.pk)
    assert (state(message), fresh(message).attempts) == (("sent", ""), 1)


@pytest.mark.parametrize(("outcome", "then"), [("arrived", "sent"), ("resend", "pending")])
def test_a_person_resolves_an_unknown_message_once(
    acme: Tenant, kim: Contact, provider: Provider, outcome: str, then: str
) -> None:
    provider.answer = lambda outgoing: Result(Outcome.UNKNOWN, "connection lost")
    message = queue(kim)
    sending.drain(acme.pk)
    assert state(message) == ("unknown", "no_answer")
    with tenant_context(acme):
        assert message_resolve(message_id=message.pk, outcome=outcome, actor=ACTOR)
        assert not message_resolve(message_id=message.pk, outcome=outcome, actor=ACTOR)
        assert AuditEvent.objects.filter(action="message.resolve").count() == 1
    assert state(message)[0] == then
    provider.answer = lambda outgoing: Result(Outcome.SENT)
    sending.drain(acme.pk)
    assert state(message)[0] == "sent"
    assert len(provider.taken) == (1 if outcome == "arrived" else 2)


# --- Unsubscribing ------------------------------------------------------------------------------------------------


def test_unsubscribing_stops_the_topic_at_once_even_what_is_queued(
    acme: Tenant, kim: Contact, provider: Provider
) -> None:
    no_holdout(acme)
    opt_in(kim)
    first = queue(kim, "programme", topic="growth")
    sending.drain(acme.pk)
    queued = queue(kim, "programme", topic="growth", due_at=timezone.now() + timedelta(days=1))
    other = queue(kim, "programme", topic="events", due_at=timezone.now() + timedelta(minutes=1))
    with tenant_context(acme):
        unsubscribe(message_id=first.pk, source="link")
    assert state(queued) == ("withheld", "no_consent")
    assert state(other)[0] == "pending"


def test_an_unsubscribe_token_cannot_be_made_up(acme: Tenant, kim: Contact) -> None:
    message = queue(kim)
    with tenant_context(acme):
        token = unsubscribe_token(message.pk)
    assert unsubscribe_read(token) == (acme.pk, message.pk)
    with pytest.raises(Exception, match="Signature"):
        unsubscribe_read(token[:-1] + ("A" if token[-1] != "A" else "B"))


def test_marketing_carries_the_way_out_and_service_none(acme: Tenant, kim: Contact, provider: Provider) -> None:
    no_holdout(acme)
    opt_in(kim)
    queue(kim, "programme")
    queue(kim, "service")
    sending.drain(acme.pk)
    ways = {bool(sent.unsubscribe_mail) for sent in provider.taken}
    assert ways == {True, False}
    # PUBLIC_URL is http here: a one-click address would be a promise that RFC 8058 forbids.
    assert {sent.unsubscribe_url for sent in provider.taken} == {""}


def test_the_address_of_another_tenant_is_not_suppressed(acme: Tenant, globex: Tenant, kim: Contact) -> None:
    with tenant_context(globex):
        twin = make_contact(make_account(), kim.email)
        address_suppress(channel="email", address=kim.email, reason="complaint")
    ours, theirs = queue(kim), queue(twin)
    sending.drain(acme.pk)
    sending.drain(globex.pk)
    assert (state(ours)[0], state(theirs)) == ("sent", ("withheld", "suppressed:complaint"))


def test_an_account_of_another_tenant_is_never_drained(acme: Tenant, globex: Tenant, kim: Contact) -> None:
    message = queue(kim)
    sending.drain(globex.pk)
    assert state(message)[0] == "pending"
