"""Webhooks out: what happens is written down with it, signed, sent until heard, and shown."""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.accounts.models import Account
from hub.outbound.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from hub.outbound.webhooks import sending
from hub.outbound.webhooks.services import (
    delivery_resend,
    endpoint_create,
    endpoint_rotate,
    endpoint_switch,
    endpoint_test,
)
from hub.plans.services import milestone_complete, plan_create
from hub.registry.outgoing import outgoing_kinds
from hub.tenancy import calls
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account, make_member

MILESTONE = "milestone.completed"


class Receiver(ThreadingHTTPServer):
    """Another system: keeps what it was told and answers with `code`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Ear)
        self.calls: list[tuple[dict[str, str], str]] = []
        self.code = 200
        self.retry_after = ""
        # Calls of this endpoint wait so many seconds for their answer.
        self.slow = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.calls]


class Ear(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length).decode()
        if len(body.encode()) < length:
            # The caller died while it spoke: no server takes half a request for one.
            return
        self.server.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
        time.sleep(self.server.slow)
        self.send_response(self.server.code)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(b"noted")

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with Receiver() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def endpoint(tenant: Tenant, receiver: Receiver, *kinds: str) -> WebhookEndpoint:
    with tenant_context(tenant):
        made: WebhookEndpoint = endpoint_create(url=receiver.url, kinds=kinds or [MILESTONE], actor=ACTOR)
    return made


def fresh(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    with tenant_context(endpoint.tenant):
        found: WebhookEndpoint = WebhookEndpoint.objects.get(pk=endpoint.pk)
    return found


def complete(tenant: Tenant, name: str = "Northwind") -> Account:
    with tenant_context(tenant):
        account = make_account(name)
        plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
        assert milestone_complete(milestone_id=account.milestones.get(key="kick-off").pk, via="staff", actor=ACTOR)
    return account


def due(tenant: Tenant) -> None:
    with tenant_context(tenant):
        WebhookEndpoint.objects.update(resting_until=None)
        WebhookDelivery.objects.filter(due_at__isnull=False).update(due_at=timezone.now())


def delivery(tenant: Tenant) -> WebhookDelivery:
    with tenant_context(tenant):
        found: WebhookDelivery = WebhookDelivery.objects.get()
    return found


def test_what_happens_arrives_signed_as_the_standard_says(acme: Tenant, receiver: Receiver) -> None:
    made = endpoint(acme, receiver)
    account = complete(acme)
    assert sending.drain(acme.pk) is None
    [(headers, body)] = receiver.calls
    assert Webhook(made.secret).verify(body, headers)
    assert json.loads(body)["type"] == MILESTONE
    assert json.loads(body)["data"]["account_id"] == str(account.pk)
    assert headers["webhook-id"] == f"msg_{delivery(acme).event_id}"
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body.replace("Northwind", "Southwind"), headers)


def test_what_is_rolled_back_is_told_to_nobody(acme: Tenant, receiver: Receiver) -> None:
    endpoint(acme, receiver)
    with transaction.atomic():
        complete(acme)
        transaction.set_rollback(True)
    assert sending.drain(acme.pk) is None
    assert receiver.calls == []


def test_nothing_is_written_for_nobody(acme: Tenant, globex: Tenant, receiver: Receiver) -> None:
    endpoint(acme, receiver, "signal.recorded")
    endpoint(globex, receiver)
    complete(acme)
    with tenant_context(acme):
        assert not WebhookEvent.objects.exists()
    sending.drain(globex.pk)
    assert receiver.calls == []


def test_a_milestone_told_twice_is_one_event_for_each_endpoint(acme: Tenant, receiver: Receiver) -> None:
    from hub.plans.models import Milestone
    from hub.plans.outgoing import completed

    endpoint(acme, receiver)
    endpoint(acme, receiver)
    account = complete(acme)
    with tenant_context(acme):
        completed(Milestone.objects.select_related("account", "plan").get(account=account, key="kick-off"))
        assert (WebhookEvent.objects.count(), WebhookDelivery.objects.count()) == (1, 2)
    sending.drain(acme.pk)
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1


def test_a_failure_is_tried_again_for_three_days_and_then_given_up(acme: Tenant, receiver: Receiver) -> None:
    endpoint(acme, receiver)
    complete(acme)
    receiver.code = 500
    waits = []
    for _ in range(len(sending.BACK_OFF)):
        begun = timezone.now()
        sending.drain(acme.pk)
        waiting = delivery(acme)
        assert waiting.due_at is not None
        waits.append(waiting.due_at - begun)
        due(acme)
    assert timedelta(days=2.5) < sum(waits, timedelta()) < timedelta(days=4)
    assert waits == sorted(waits)
    sending.drain(acme.pk)
    given_up = delivery(acme)
    assert (given_up.status, given_up.due_at, given_up.attempts) == ("failed", None, len(sending.BACK_OFF) + 1)
    with tenant_context(acme):
        assert set(WebhookAttempt.objects.values_list("code", "detail")) == {(500, "noted")}
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1


def test_a_busy_endpoint_is_left_alone_as_long_as_it_asks(acme: Tenant, receiver: Receiver) -> None:
    endpoint(acme, receiver)
    complete(acme)
    receiver.code, receiver.retry_after = 429, "3600"
    begun = timezone.now()
    again = sending.drain(acme.pk)
    assert again is not None
    assert again - begun >= timedelta(hours=1)


def test_an_endpoint_that_failed_for_five_days_is_switched_off_and_told_of_on_today(
    acme: Tenant, receiver: Receiver
) -> None:
    made = endpoint(acme, receiver)
    complete(acme)
    receiver.code = 503
    sending.drain(acme.pk)
    assert fresh(made).failing_since is not None
    with tenant_context(acme):
        WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=5))
    due(acme)
    sending.drain(acme.pk)
    assert fresh(made).status == "broken"
    assert delivery(acme).due_at is None
    page = admin(acme).get("/t/acme/").content.decode()
    assert "nothing arrived there any more" in page
    receiver.code = 200
    with tenant_context(acme):
        endpoint_switch(endpoint=made, on=True, actor=ACTOR)
    sending.drain(acme.pk)
    assert delivery(acme).status == "delivered"
    assert fresh(made).failing_since is None


def test_a_success_forgets_the_failures_before_it(acme: Tenant, receiver: Receiver) -> None:
    made = endpoint(acme, receiver)
    complete(acme)
    receiver.code = 500
    sending.drain(acme.pk)
    receiver.code = 200
    due(acme)
    sending.drain(acme.pk)
    assert fresh(made).failing_since is None


def test_an_endpoint_that_says_it_is_gone_is_switched_off_at_once(acme: Tenant, receiver: Receiver) -> None:
    made = endpoint(acme, receiver)
    complete(acme)
    receiver.code = 410
    sending.drain(acme.pk)
    assert (fresh(made).status, delivery(acme).status) == ("broken", "failed")


def test_after_a_rotation_both_secrets_sign_for_a_day(acme: Tenant, receiver: Receiver) -> None:
    made = endpoint(acme, receiver)
    old = made.secret
    with tenant_context(acme):
        new = endpoint_rotate(endpoint=made, actor=ACTOR).secret
    complete(acme)
    sending.drain(acme.pk)
    [(headers, body)] = receiver.calls
    assert Webhook(old).verify(body, headers)
    assert Webhook(new).verify(body, headers)
    with tenant_context(acme):
        WebhookEndpoint.objects.update(previous_until=timezone.now())
    complete(acme, "Later")
    sending.drain(acme.pk)
    headers, body = receiver.calls[-1]
    assert Webhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)


def test_a_sender_that_lost_its_lease_writes_nothing(acme: Tenant, receiver: Receiver) -> None:
    endpoint(acme, receiver)
    complete(acme)
    [late] = sending.claim(acme)
    due(acme)
    sending.drain(acme.pk)
    assert not sending.finish(acme, late, sending.call(late))
    assert (delivery(acme).status, delivery(acme).attempts) == ("delivered", 1)


@pytest.fixture
def dead(settings: Any) -> Iterator[Receiver]:
    """A second endpoint, which takes calls and answers none in time."""
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with Receiver() as running:
        running.slow = 60
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.slow
def test_an_endpoint_that_never_answers_holds_up_no_other(
    acme: Tenant, receiver: Receiver, dead: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "SECONDS", 1.5)
    # Everything waits for the dead one first.
    deaf = endpoint(acme, dead)
    told: list[int] = []
    for number in range(30):
        complete(acme, f"Account {number}")
    endpoint(acme, receiver)
    for number in range(30, 60):
        complete(acme, f"Account {number}")
    original = sending.finish

    def finish(tenant: Tenant, row: WebhookDelivery, outcome: sending.Outcome) -> bool:
        told.append(outcome.code)
        return original(tenant, row, outcome)

    monkeypatch.setattr(sending, "finish", finish)
    again = sending.drain(acme.pk)
    assert len(receiver.calls) == 30
    # All of them were written down before the first silence was, and the dead one was asked its share of times.
    assert told[:30] == [200] * 30
    assert len(dead.calls) <= sending.SHARE
    resting = fresh(deaf).resting_until
    assert resting is not None
    assert again is not None
    assert again >= resting
    with tenant_context(acme):
        assert WebhookDelivery.objects.filter(endpoint=deaf, status="waiting").count() == 60
        # Whose turn never came has not used up a try.
        assert WebhookDelivery.objects.filter(endpoint=deaf, attempts=0).count() >= 60 - sending.SHARE


def test_an_endpoint_rests_longer_the_longer_it_fails_and_wakes_with_the_first_answer(
    acme: Tenant, receiver: Receiver
) -> None:
    made = endpoint(acme, receiver)
    complete(acme)
    receiver.code = 500
    rests = []
    for since in (timedelta(), timedelta(minutes=10), timedelta(days=1)):
        with tenant_context(acme):
            WebhookEndpoint.objects.filter(failing_since__isnull=False).update(failing_since=timezone.now() - since)
        sending.drain(acme.pk)
        until = fresh(made).resting_until
        assert until is not None
        rests.append((until - timezone.now()).total_seconds())
        assert sending.claim(acme) == []
        due(acme)
    assert rests == [pytest.approx(5, abs=1), pytest.approx(60, abs=1), pytest.approx(900, abs=1)]
    receiver.code = 200
    sending.drain(acme.pk)
    assert (fresh(made).resting_until, fresh(made).failing_since) == (None, None)


def test_a_refusal_of_one_event_lets_the_next_one_through(acme: Tenant, receiver: Receiver) -> None:
    made = endpoint(acme, receiver)
    receiver.code = 422
    complete(acme)
    sending.drain(acme.pk)
    assert fresh(made).resting_until is None
    receiver.code = 200
    complete(acme, "Another")
    sending.drain(acme.pk)
    assert len(receiver.calls) == 2


def test_who_presses_test_or_resend_does_not_wait_for_the_end_of_a_rest(acme: Tenant, receiver: Receiver) -> None:
    made = endpoint(acme, receiver)
    with tenant_context(acme):
        WebhookEndpoint.objects.update(resting_until=timezone.now() + timedelta(minutes=10))
        endpoint_test(endpoint=made, actor=ACTOR)
    sending.drain(acme.pk)
    with tenant_context(acme):
        WebhookEndpoint.objects.update(resting_until=timezone.now() + timedelta(minutes=10))
        assert delivery_resend(delivery=WebhookDelivery.objects.get(), actor=ACTOR)
    sending.drain(acme.pk)
    assert len(receiver.calls) == 2


def test_what_was_told_while_an_endpoint_was_switched_off_is_not_sent_before_it_is_on(
    acme: Tenant, receiver: Receiver
) -> None:
    made = endpoint(acme, receiver)
    complete(acme)
    with tenant_context(acme):
        # As when the happening saw the endpoint on and was committed after the switch.
        WebhookEndpoint.objects.update(status="off")
    assert sending.drain(acme.pk) is None
    assert receiver.calls == []
    with tenant_context(acme):
        endpoint_switch(endpoint=made, on=True, actor=ACTOR)
    sending.drain(acme.pk)
    assert len(receiver.calls) == 1


class Garbler(socketserver.StreamRequestHandler):
    """Answers with what is no HTTP and no text."""

    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"\x00\xff\xfe garbage\r\n\r\n")


def test_an_answer_that_no_database_can_hold_is_a_failure_like_any_other(acme: Tenant, settings: Any) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Garbler) as garbler:
        threading.Thread(target=garbler.serve_forever, args=(0.01,), daemon=True).start()
        with tenant_context(acme):
            url = f"http://127.0.0.1:{garbler.server_address[1]}/"
            endpoint_create(url=url, kinds=[MILESTONE], actor=ACTOR)
        complete(acme)
        sending.drain(acme.pk)
        garbler.shutdown()
    with tenant_context(acme):
        assert "garbage" in WebhookAttempt.objects.get().detail
        assert WebhookDelivery.objects.get().attempts == 1


def test_an_address_inside_is_never_called_even_if_it_was_stored(acme: Tenant, settings: Any) -> None:
    settings.OUTGOING_ALLOW = []
    with tenant_context(acme):
        for bad in ("http://hooks.example/", "https://me:pw@hooks.example/", "nonsense"):
            with pytest.raises(ValidationError):
                endpoint_create(url=bad, kinds=[MILESTONE], actor=ACTOR)
        endpoint_create(url="https://169.254.169.254/latest/meta-data", kinds=[MILESTONE], actor=ACTOR)
    complete(acme)
    sending.drain(acme.pk)
    with tenant_context(acme):
        attempt = WebhookAttempt.objects.get()
    assert attempt.code == 0
    assert "not on the open internet" in attempt.detail


def test_every_kind_that_is_offered_is_told_by_something(acme: Tenant) -> None:
    with tenant_context(acme), pytest.raises(ValidationError):
        endpoint_create(url="https://hooks.example/", kinds=["signal.recorded", "no.such"], actor=ACTOR)
    assert {"signal.recorded", "signal.cleared", "account.updated", "account.stage_changed"} <= set(
        outgoing_kinds.as_mapping()
    )


def test_an_account_and_its_stage_and_signals_and_journeys_are_told(acme: Tenant, receiver: Receiver) -> None:
    from journeys.services import journeys_install
    from signals.engine import evaluate_batch

    kinds = ("account.created", "account.updated", "account.stage_changed", "signal.recorded", "enrollment.entered")
    endpoint(acme, receiver, *kinds)
    with tenant_context(acme):
        journeys_install(actor=ACTOR)
    complete(acme)
    with tenant_context(acme):
        make_account("Northwind", domain="northwind.example")
        make_account("Without a plan")
        evaluate_batch(acme)
    sending.drain(acme.pk)
    told = [entry["type"] for entry in receiver.told()]
    assert {"account.created", "account.updated", "account.stage_changed", "signal.recorded"} <= set(told)
    for entry in receiver.told():
        assert set(entry["data"]) == set(outgoing_kinds.get(entry["type"]).data)


# --- Pages --------------------------------------------------------------------------------------------------------


def admin(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(make_member(tenant, "admin", password=None).user)
    return client


def test_an_admin_adds_tests_rotates_and_removes_an_endpoint(acme: Tenant, receiver: Receiver) -> None:
    client = admin(acme)
    page = client.post("/t/acme/webhooks/new/", {"url": receiver.url, "kinds": [MILESTONE], "description": "Ours"})
    secret = re.search(r'value="(whsec_[^"]+)"', page.content.decode())
    assert secret
    with tenant_context(acme):
        made = WebhookEndpoint.objects.get()
    path = f"/t/acme/webhooks/{made.pk}/"
    for url in ("/t/acme/webhooks/", path, f"{path}edit/"):
        assert "whsec_" not in client.get(url).content.decode()
    client.post(f"{path}test/")
    sending.drain(acme.pk)
    [(headers, body)] = receiver.calls
    assert Webhook(secret[1]).verify(body, headers)["type"] == "webhook.test"
    one = delivery(acme)
    assert "noted" in client.get(f"/t/acme/webhooks/deliveries/{one.pk}/").content.decode()
    client.post(f"/t/acme/webhooks/deliveries/{one.pk}/resend/")
    sending.drain(acme.pk)
    assert [headers["webhook-id"] for headers, _ in receiver.calls] == [f"msg_{one.event_id}"] * 2
    assert "whsec_" in client.post(f"{path}rotate/").content.decode()
    client.post(f"{path}switch/", {"on": "0"})
    assert fresh(made).status == "off"
    client.post(f"{path}remove/")
    with tenant_context(acme):
        assert not WebhookEndpoint.objects.exists()
        assert not WebhookDelivery.objects.exists()


def test_a_form_that_cannot_be_saved_says_why_and_keeps_what_was_typed(acme: Tenant) -> None:
    answer = admin(acme).post("/t/acme/webhooks/new/", {"url": "http://hooks.example/x", "kinds": [MILESTONE]})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "must begin with https://" in text
    assert 'value="http://hooks.example/x"' in text


@pytest.mark.parametrize("rows", [1, 20])
def test_the_log_asks_the_same_number_of_queries(acme: Tenant, receiver: Receiver, rows: int) -> None:
    made = endpoint(acme, receiver)
    with tenant_context(acme):
        for _ in range(rows):
            endpoint_test(endpoint=made, actor=ACTOR)
    sending.drain(acme.pk)
    client = admin(acme)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(f"/t/acme/webhooks/{made.pk}/").status_code == 200
    assert len([q for q in caught.captured_queries if "outbound_webhook" in q["sql"]]) == 3
