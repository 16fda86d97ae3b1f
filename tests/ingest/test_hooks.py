"""The door of webhooks: who is let in, what is kept once, and what a worker makes of it."""

from __future__ import annotations

import gzip
import json
import random
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from hub.accounts.models import Account, AccountExternalId
from hub.ingest.connectors import work
from hub.ingest.connectors.applying import things_project
from hub.ingest.connectors.base import MOST_BYTES
from hub.ingest.connectors.door import receive
from hub.ingest.connectors.endpoints import endpoint_renew, endpoint_revoke
from hub.ingest.models import DeliveryState, HookDelivery, HookEndpoint, SourceObject, SourceWord
from hub.people.models import AuditEvent
from hub.revenue.models import ContractLine, Invoice, Payment
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import SECRET, address, apply, endpoint, send, states, stripe_event, take
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMER = {"id": "cus_1", "object": "customer", "name": "Northwind", "email": "billing@northwind.example"}
AT = 1_700_000_000


def customer(at: int = AT, **fields: Any) -> dict[str, Any]:
    return stripe_event("customer.updated", {**CUSTOMER, **fields}, at=at)


def invoice(at: int = AT + 10, **fields: Any) -> dict[str, Any]:
    thing = {"id": "in_1", "object": "invoice", "customer": "cus_1", "currency": "usd", "total": 5000, "created": AT}
    return stripe_event("invoice.updated", {**thing, "status": "open", **fields}, at=at)


def kept(tenant: Tenant) -> int:
    with tenant_context(tenant):
        return int(HookDelivery.objects.count())


@pytest.fixture
def stripe(acme: Tenant) -> HookEndpoint:
    return endpoint(acme, makes_accounts=True)


def test_a_signed_call_becomes_rows(acme: Tenant, stripe: HookEndpoint) -> None:
    first, second = take(acme, stripe, customer(), invoice())
    assert states([first, second]) == ["applied", "applied"]
    with tenant_context(acme):
        account = Account.objects.get()
        row = Invoice.objects.get()
        assert (account.name, account.domain) == ("Northwind", "northwind.example")
        assert (row.account_id, row.total_minor, row.currency, row.status) == (account.pk, 5000, "USD", "open")
        assert second.became == [
            {"noun": "account", "id": str(account.pk), "account": str(account.pk), "outcome": "unchanged"},
            {"noun": "invoice", "id": str(row.pk), "account": str(account.pk), "outcome": "created"},
        ]


@pytest.mark.slow
def test_a_thousand_tampered_bodies_are_a_thousand_times_401(acme: Tenant, stripe: HookEndpoint) -> None:
    body, chance, ask = json.dumps(customer()).encode(), random.Random(7), RequestFactory()
    signature = {"Stripe-Signature": stripe_signature(body)}

    def knock(content: bytes) -> int:
        request = ask.generic("POST", address(acme, stripe), content, "application/json", headers=signature)
        return receive(request, acme.slug, "stripe", stripe.pk).status_code

    for _ in range(1000):
        position = chance.randrange(len(body))
        tampered = body[:position] + bytes([body[position] ^ (1 << chance.randrange(8))]) + body[position + 1 :]
        assert knock(tampered) == 401
    assert knock(body) == 200
    assert kept(acme) == 1


def stripe_signature(body: bytes) -> str:
    from tests.ingest.hooks import stripe as sign

    return sign(body, SECRET, timezone.now())["Stripe-Signature"]


@pytest.mark.parametrize("seconds", [-301, -3600, 330, 86_400])
def test_a_signed_time_beyond_five_minutes_is_401(acme: Tenant, stripe: HookEndpoint, seconds: int) -> None:
    answer = send(acme, stripe, customer(), at=timezone.now() + timedelta(seconds=seconds))
    assert answer.status_code == 401
    assert kept(acme) == 0
    with tenant_context(acme):
        stripe.refresh_from_db()
    assert stripe.refused_calls == 1
    assert "five minutes" in stripe.refused_why


@pytest.mark.parametrize("header", ["", "t=1", "v1=abc", "nonsense", "t=1,t=2,v1=abc", "t=x,v1=é"])
def test_a_broken_signature_header_is_401(acme: Tenant, stripe: HookEndpoint, header: str) -> None:
    assert send(acme, stripe, customer(), headers={"Stripe-Signature": header}).status_code == 401


def test_the_same_id_again_is_200_and_has_no_effect(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, customer(), invoice())
    before = snapshot(acme)
    for body in (customer(), invoice(), {**invoice(), "data": {"object": {**CUSTOMER, "total": 1}}}):
        assert send(acme, stripe, body).status_code == 200
    apply(acme)
    assert snapshot(acme) == before
    assert kept(acme) == 2


def snapshot(tenant: Tenant) -> list[Any]:
    with tenant_context(tenant):
        return [
            list(model.objects.order_by("pk").values())
            for model in (Account, AccountExternalId, Invoice, Payment, ContractLine)
        ]


def test_a_race_of_one_call_keeps_it_once(acme: Tenant, stripe: HookEndpoint) -> None:
    answers: list[int] = []

    def knock() -> None:
        answers.append(send(acme, stripe, customer()).status_code)
        connection.close()

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert kept(acme) == 1


def test_two_workers_at_once_apply_each_call_once(acme: Tenant, stripe: HookEndpoint) -> None:
    for number in range(12):
        assert send(acme, stripe, customer(at=AT + number, name=f"Name {number}")).status_code == 200

    def drain() -> None:
        work.drain(acme.pk)
        connection.close()

    threads = [threading.Thread(target=drain) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenant_context(acme):
        assert set(HookDelivery.objects.values_list("state", "attempts")) == {("applied", 1)}
        assert Account.objects.get().name == "Name 11"


def test_five_megabytes_are_413(acme: Tenant, stripe: HookEndpoint) -> None:
    assert send(acme, stripe, b"x" * 5_000_000).status_code == 413


def test_a_gzip_bomb_is_413_and_gzip_is_read(acme: Tenant, stripe: HookEndpoint) -> None:
    bomb = gzip.compress(b"\0" * (MOST_BYTES * 40))
    assert len(bomb) < MOST_BYTES
    assert send(acme, stripe, bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    body = json.dumps(customer()).encode()
    packed = {"Content-Encoding": "gzip", "Stripe-Signature": stripe_signature(body)}
    assert send(acme, stripe, gzip.compress(body), headers=packed).status_code == 200
    assert send(acme, stripe, gzip.compress(body)[:-9], headers=packed).status_code == 400
    assert send(acme, stripe, b"no gzip", headers=packed).status_code == 400
    assert send(acme, stripe, body, headers={"Content-Encoding": "br"}).status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"id": NaN}',
        b'{"id": "e", "x": 1e999}',
        b"\xff\xfe",
        b'{"type": "x"}',
        b"[" * 100_000,
    ],
    ids=["empty", "cut", "list", "null", "nan", "infinite", "no-utf8", "no-id", "deep"],
)  # fmt: skip
def test_a_signed_call_that_cannot_be_read_is_400(acme: Tenant, stripe: HookEndpoint, body: bytes) -> None:
    assert send(acme, stripe, body).status_code == 400
    assert kept(acme) == 0


def test_nul_and_lone_surrogates_are_left_out(acme: Tenant, stripe: HookEndpoint) -> None:
    body = json.dumps(customer(name="Nor\x00th\ud800wind")).encode()
    [delivery] = take(acme, stripe, body)
    assert delivery.state == DeliveryState.APPLIED
    with tenant_context(acme):
        assert Account.objects.get().name == "North?wind"


def test_an_unknown_currency_is_refused_and_can_be_applied_again(acme: Tenant, stripe: HookEndpoint) -> None:
    first, second = take(acme, stripe, customer(), invoice(currency="zzz"))
    assert (first.state, second.state) == ("applied", "refused")
    assert "ZZZ" in second.reason
    with tenant_context(acme):
        assert not Invoice.objects.exists()
        assert not SourceWord.objects.filter(delivery_id=second.pk).exists()


def test_other_tenants_revoked_and_unknown_endpoints_are_404(
    acme: Tenant, globex: Tenant, stripe: HookEndpoint
) -> None:
    body = json.dumps(customer()).encode()
    foreign = f"/hooks/{globex.slug}/stripe/{stripe.pk}"
    assert send(acme, stripe, body, url=foreign).status_code == 404
    assert send(acme, stripe, body, url=f"/hooks/nobody/stripe/{stripe.pk}").status_code == 404
    assert send(acme, stripe, body, url=f"/hooks/acme/stripe/{uuid4()}").status_code == 404
    assert send(acme, stripe, body, url=f"/hooks/acme/zendesk/{stripe.pk}").status_code == 404
    assert send(acme, stripe, body, url=f"/hooks/acme/nothing/{stripe.pk}").status_code == 404
    with tenant_context(acme):
        endpoint_revoke(endpoint=stripe, actor=ACTOR)
    assert send(acme, stripe, body).status_code == 404
    assert kept(acme) == 0


def test_a_secret_of_another_endpoint_is_401(acme: Tenant, globex: Tenant, stripe: HookEndpoint) -> None:
    theirs = endpoint(globex, secret="whsec_of_the_others")
    assert send(globex, theirs, customer(), secret=SECRET).status_code == 401
    assert send(globex, theirs, customer(), secret="whsec_of_the_others").status_code == 200


def test_after_a_renewal_both_secrets_are_good_for_a_day(acme: Tenant, stripe: HookEndpoint) -> None:
    with tenant_context(acme):
        endpoint_renew(endpoint=stripe, secret="whsec_the_new_one", actor=ACTOR)
    assert send(acme, stripe, customer(at=AT), secret=SECRET).status_code == 200
    assert send(acme, stripe, customer(at=AT + 1), secret="whsec_the_new_one").status_code == 200
    with tenant_context(acme):
        HookEndpoint.objects.update(previous_until=timezone.now())
        assert set(AuditEvent.objects.filter(action__startswith="hook.").values_list("action", flat=True)) == {
            "hook.make",
            "hook.renew",
        }
    assert send(acme, stripe, customer(at=AT + 2), secret=SECRET).status_code == 401


def test_get_is_405_and_head_is_200(acme: Tenant, stripe: HookEndpoint) -> None:
    assert Client().get(address(acme, stripe)).status_code == 405
    assert Client().head(address(acme, stripe)).status_code == 200


def test_without_leave_to_make_accounts_calls_wait_for_their_account(acme: Tenant) -> None:
    to = endpoint(acme)
    first, second = take(acme, to, customer(), invoice())
    assert states([first, second]) == ["unmatched", "unmatched"]
    assert "cus_1" in first.reason
    with tenant_context(acme):
        assert not Account.objects.exists()
        account = make_account("Northwind Ltd")
        AccountExternalId.objects.create(account=account, source="stripe", value="cus_1")
        assert work.backlog() is not None
    apply(acme)
    with tenant_context(acme):
        assert states(HookDelivery.objects.all()) == ["applied", "applied"]
        assert Invoice.objects.get().account_id == account.pk
        # Somebody else keeps the account's fields; Stripe only says whose the invoice is.
        account.refresh_from_db()
        assert account.name == "Northwind Ltd"
        assert work.backlog() is None


def test_those_who_cannot_be_caught_up_with_keep_nobody_waiting(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"cus_{n}" for n in range(6)]
    take(acme, endpoint(acme), *(customer(AT + n, id=name) for n, name in enumerate(names)))
    with tenant_context(acme):
        for name in names:
            AccountExternalId.objects.create(account=make_account(name), source="stripe", value=name)
    bad = set(names[:4])

    def project(connector: Any, source: str, things: list[SourceObject]) -> Any:
        if things[0].external_id == "cus_0":
            raise ZeroDivisionError
        if things[0].external_id in bad:
            raise ValueError("there is no rate")
        return things_project(connector, source, things)

    monkeypatch.setattr(work, "CATCH_UP_AT_ONCE", 2)
    monkeypatch.setattr("hub.ingest.connectors.work.things_project", project)
    for _ in range(3):
        due = work.drain(acme.pk)
    with tenant_context(acme):
        waiting = SourceObject.objects.filter(account=None)
        assert set(waiting.values_list("external_id", "tries")) == {(name, 1) for name in bad}
        first = min(waiting.values_list("try_at", flat=True))
        assert work.backlog() == due == first > timezone.now(), "nobody is asked for before they have rested"
        waiting.update(try_at=timezone.now())
    for _ in range(2):
        work.drain(acme.pk)
    with tenant_context(acme):
        assert set(waiting.values_list("tries", flat=True)) == {2}
        assert min(waiting.values_list("try_at", flat=True)) > timezone.now() + work.REST[0], "they rest for longer"
        waiting.update(try_at=timezone.now())
    bad.clear()
    monkeypatch.setattr("hub.ingest.connectors.work.things_project", things_project)
    for _ in range(2):
        work.drain(acme.pk)
    with tenant_context(acme):
        assert not waiting.exists()
        assert work.backlog() is None
        assert set(states(HookDelivery.objects.all())) == {"applied"}


def test_a_kind_that_is_not_kept_says_so(acme: Tenant, stripe: HookEndpoint) -> None:
    [delivery] = take(acme, stripe, stripe_event("payout.paid", {"id": "po_1"}, at=AT))
    assert (delivery.state, delivery.reason) == ("nothing", "Tandem keeps nothing of payout.paid")


def test_a_fault_of_ours_is_tried_again_and_then_put_aside(
    acme: Tenant, stripe: HookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BACK_OFF", (timedelta(),) * 4)
    monkeypatch.setattr(work, "words_apply", lambda *_, **__: 1 // 0)
    [delivery] = take(acme, stripe, customer())
    assert (delivery.state, delivery.attempts) == ("refused", work.MOST_ATTEMPTS)
    assert "ZeroDivisionError" in delivery.reason
    with tenant_context(acme):
        assert not SourceObject.objects.exists()


def test_old_calls_are_forgotten_and_what_they_said_stays(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, customer())
    with tenant_context(acme):
        HookDelivery.objects.update(received_at=timezone.now() - work.KEPT - timedelta(days=1))
        assert work.backlog() is not None
    apply(acme)
    with tenant_context(acme):
        assert not HookDelivery.objects.exists()
        assert SourceWord.objects.count() == 1
