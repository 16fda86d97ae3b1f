"""The pages of connections: made, renewed, closed; calls with what they became; customers matched."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.models import Account, AccountExternalId, Contact
from hub.feedback.models import Ticket
from hub.ingest.connectors.selectors import alarms
from hub.ingest.models import HookDelivery, HookEndpoint, SourceObject
from hub.people.models import AuditEvent, Role
from hub.revenue.models import Invoice
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import apply, endpoint, send, stripe_event, take
from tests.ingest.test_connectors import JAN, charge, zen
from tests.world import make_account, make_member

pytestmark = pytest.mark.django_db(transaction=True)
SOURCES = "/t/acme/sources"


def sign_in(tenant: Tenant, role: Role = Role.ADMIN) -> Client:
    client = Client()
    client.force_login(make_member(tenant, role, password=None).user)
    return client


@pytest.fixture
def admin(acme: Tenant) -> Client:
    return sign_in(acme)


def stripe_customer(pk: str = "cus_1", **fields: Any) -> dict[str, Any]:
    return stripe_event("customer.updated", {"id": pk, "name": "Northwind", **fields}, at=JAN)


def stripe_invoice(pk: str = "in_1", customer: str = "cus_1") -> dict[str, Any]:
    thing = {"id": pk, "customer": customer, "currency": "usd", "total": 100, "created": JAN, "status": "open"}
    return stripe_event("invoice.updated", thing, at=JAN)


def test_a_connection_is_made_and_its_secret_is_never_shown(acme: Tenant, admin: Client) -> None:
    assert "Stripe" in admin.get(f"{SOURCES}/connections/new/").content.decode()
    form = admin.get(f"{SOURCES}/connections/new/?connector=stripe").content.decode()
    assert "Signing secret" in form
    assert "Developers" in form
    missing = admin.post(f"{SOURCES}/connections/new/", {"connector": "stripe", "label": "Billing"})
    assert missing.status_code == 422
    made = admin.post(
        f"{SOURCES}/connections/new/", {"connector": "stripe", "label": "Billing", "secret": "whsec_geheim1"}
    ).content.decode()
    with tenant_context(acme):
        to = HookEndpoint.objects.get()
        assert (to.label, to.secret, to.makes_accounts) == ("Billing", "whsec_geheim1", False)
        assert AuditEvent.objects.filter(action="hook.make", object_id=str(to.pk)).count() == 1
    assert f"/hooks/acme/stripe/{to.pk}" in made
    for page in (made, admin.get(f"{SOURCES}/connections/{to.pk}/").content.decode()):
        assert "whsec_geheim1" not in page
    assert send(acme, to, stripe_customer()).status_code == 200


def test_a_secret_that_is_made_here_is_shown_once(acme: Tenant, admin: Client) -> None:
    made = admin.post(
        f"{SOURCES}/connections/new/", {"connector": "salesforce", "organisation": "00D000000000001"}
    ).content.decode()
    with tenant_context(acme):
        to = HookEndpoint.objects.get()
    assert f"/hooks/acme/salesforce/{to.pk}/{to.secret}" in made
    assert to.secret not in admin.get(f"{SOURCES}/connections/{to.pk}/").content.decode()
    renewed = admin.post(f"{SOURCES}/connections/{to.pk}/renew/").content.decode()
    with tenant_context(acme):
        fresh = HookEndpoint.objects.get()
    assert fresh.secret != to.secret == fresh.previous_secret
    assert fresh.secret in renewed


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"connector": "standard"}, "required"),
        ({"connector": "standard", "source": "stripe"}, "name of a connector"),
        ({"connector": "standard", "source": "My CRM!"}, "lower-case"),
        ({"connector": "mail", "provider": "pigeon"}, "pigeon"),
        ({"connector": "mail", "provider": "mailgun"}, "8 to 500"),
        ({"connector": "stripe", "secret": "short"}, "8 to 500"),
    ],
)
def test_a_form_says_what_is_wrong(admin: Client, fields: dict[str, str], words: str) -> None:
    answer = admin.post(f"{SOURCES}/connections/new/", fields)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_named_source_is_made(acme: Tenant, admin: Client) -> None:
    made = admin.post(f"{SOURCES}/connections/new/", {"connector": "standard", "source": "crm"}).content.decode()
    with tenant_context(acme):
        to = HookEndpoint.objects.get()
    assert to.record_source == "crm"
    assert to.secret in made
    assert to.secret.startswith("whsec_")


def test_a_change_and_a_close(acme: Tenant, admin: Client) -> None:
    to = endpoint(acme)
    page = f"{SOURCES}/connections/{to.pk}"
    assert admin.post(f"{page}/change/", {"label": "Money", "makes_accounts": "on"}).status_code == 302
    assert "Money" in admin.get(f"{page}/change/").content.decode()
    assert admin.post(f"{page}/revoke/").status_code == 302
    with tenant_context(acme):
        to.refresh_from_db()
        actions = set(AuditEvent.objects.filter(object_id=str(to.pk)).values_list("action", flat=True))
    assert (to.label, to.makes_accounts) == ("Money", True)
    assert to.revoked_at is not None
    assert actions == {"hook.make", "hook.change", "hook.revoke"}
    assert send(acme, to, stripe_customer()).status_code == 404


def test_the_log_shows_what_a_call_became_and_applies_it_again(acme: Tenant, admin: Client) -> None:
    to = endpoint(acme, makes_accounts=True)
    take(acme, to, stripe_customer(), stripe_invoice(), charge(JAN, "succeeded", currency="zzz"))
    log = admin.get(f"{SOURCES}/connections/{to.pk}/").content.decode()
    for word in ("customer.updated", "invoice.updated", "charge.succeeded", "ZZZ"):
        assert word in log
    refused = admin.get(f"{SOURCES}/connections/{to.pk}/?state=refused").content.decode()
    assert "charge.succeeded" in refused
    assert "invoice.updated" not in refused
    with tenant_context(acme):
        call = HookDelivery.objects.get(kind="invoice.updated")
    page = admin.get(f"{SOURCES}/calls/{call.pk}/").content.decode()
    assert "Northwind" in page
    assert "created" in page
    assert "&quot;in_1&quot;" in page
    assert admin.post(f"{SOURCES}/calls/{call.pk}/again/").status_code == 302
    apply(acme)
    with tenant_context(acme):
        call.refresh_from_db()
        assert call.state == "applied"
        assert {entry["outcome"] for entry in call.became} == {"unchanged"}


def test_an_unknown_customer_is_matched_by_suggestion(acme: Tenant, admin: Client) -> None:
    to = endpoint(acme)
    take(acme, to, stripe_customer(email="pay@northwind.example"), stripe_invoice(), stripe_invoice("in_2", "cus_2"))
    with tenant_context(acme):
        right = make_account("Northwind Traders", domain="northwind.example")
        named = make_account("Northwind")
        thing = SourceObject.objects.get(kind="company", external_id="cus_1")
    page = admin.get(f"{SOURCES}/unmatched/").content.decode()
    # The account of the same domain is suggested before the one of the same name.
    assert page.index(str(right.pk)) < page.index(str(named.pk))
    assert "cus_2" in page
    assert admin.post(f"{SOURCES}/unmatched/{thing.pk}/match/", {"account": str(right.pk)}).status_code == 302
    with tenant_context(acme):
        assert Invoice.objects.get().account_id == right.pk
        assert AccountExternalId.objects.get(source="stripe").account_id == right.pk
        states = sorted(HookDelivery.objects.values_list("state", flat=True))
        assert states == ["applied", "applied", "unmatched"]
        assert AuditEvent.objects.filter(action="hook.match").count() == 1
    again = admin.post(f"{SOURCES}/unmatched/{thing.pk}/match/", {"account": str(right.pk)}, follow=True)
    assert "in the meantime" in again.content.decode()


def test_an_unknown_customer_becomes_an_account_or_is_named(acme: Tenant, admin: Client) -> None:
    to = endpoint(acme)
    take(acme, to, stripe_customer(), stripe_invoice())
    with tenant_context(acme):
        thing = SourceObject.objects.get(kind="company")
        make_account("Double")
        Account.objects.create(name="Double")
    match = f"{SOURCES}/unmatched/{thing.pk}/match/"
    for name, words in (("Nobody Inc", "no account is called so"), ("Double", "several"), ("", "no account")):
        assert words in admin.post(match, {"account": name}, follow=True).content.decode()
    assert admin.post(match, {"make": "1"}).status_code == 302
    with tenant_context(acme):
        assert Invoice.objects.get().account.name == "Northwind"
    take(acme, to, stripe_event("customer.updated", {"id": "cus_1", "name": "Northwind Ltd"}, at=JAN + 9))
    with tenant_context(acme):
        assert Account.objects.filter(name="Northwind Ltd").exists()


@pytest.mark.parametrize("by_page", [True, False])
def test_what_cannot_be_stored_keeps_nothing_else_waiting(acme: Tenant, admin: Client, by_page: bool) -> None:
    to = endpoint(acme)
    take(acme, to, charge(JAN, "succeeded", currency="zzz"), stripe_invoice(), stripe_customer())
    with tenant_context(acme):
        thing = SourceObject.objects.get(kind="company")
        account = make_account("Northwind")
        if not by_page:
            AccountExternalId.objects.create(source="stripe", value=thing.external_id, account=account)
    if by_page:
        page = admin.post(f"{SOURCES}/unmatched/{thing.pk}/match/", {"account": str(account.pk)}, follow=True)
        assert "cannot be stored yet" in page.text
    apply(acme)
    with tenant_context(acme):
        assert Invoice.objects.get().account == account
        refused = HookDelivery.objects.get(kind="charge.succeeded")
        assert (refused.state, "ZZZ" in refused.reason) == ("refused", True)
        assert set(HookDelivery.objects.exclude(pk=refused.pk).values_list("state", flat=True)) == {"applied"}


def test_a_person_without_a_company_is_matched_as_a_contact(acme: Tenant) -> None:
    to = endpoint(acme, "zendesk")
    ticket = {"id": "1", "subject": "Help", "status": "new", "created_at": "2026-01-01T10:00:00Z",
              "requester": {"id": "7", "name": "Kim", "email": "kim@x.example"}}  # fmt: skip
    take(acme, to, zen("ticket.created", "2026-01-01T10:00:00Z", **ticket))
    with tenant_context(acme):
        account, thing = make_account("Northwind"), SourceObject.objects.get(kind="person")
    csm = sign_in(acme, Role.CSM)
    assert "kim@x.example" in csm.get(f"{SOURCES}/unmatched/").content.decode()
    assert csm.post(f"{SOURCES}/unmatched/{thing.pk}/match/", {"account": "Northwind"}).status_code == 302
    with tenant_context(acme):
        assert Contact.objects.get().account_id == account.pk
        assert Ticket.objects.get().contact == Contact.objects.get()


def test_quiet_and_refused_connections_raise_an_alarm(acme: Tenant, admin: Client) -> None:
    quiet, refused, fine = (endpoint(acme, label=name) for name in ("Quiet one", "Refused one", "Fine one"))
    now = timezone.now()
    with tenant_context(acme):
        for to, ages in ((quiet, range(3, 9)), (fine, range(9))):
            for age in ages:
                HookDelivery.objects.create(
                    endpoint=to, event_id=str(age), body=b"{}", state="applied", received_at=now - timedelta(days=age)
                )
    assert send(acme, refused, stripe_customer(), secret="whsec_wrong").status_code == 401
    with tenant_context(acme):
        assert {(entry.endpoint.label, entry.quiet, entry.failing) for entry in alarms(now)} == {
            ("Quiet one", True, False),
            ("Refused one", False, True),
        }
    today, page = (admin.get(url).content.decode() for url in ("/t/acme/", f"{SOURCES}/connections/"))
    for text in (today, page):
        assert "Quiet one" in text
        assert "Refused one" in text
    assert "Fine one" not in today


@pytest.mark.parametrize("path", ["connections/", "unmatched/", "connections/{pk}/"])
def test_a_list_asks_as_often_for_twenty_as_for_one(acme: Tenant, admin: Client, path: str) -> None:
    to = endpoint(acme)

    def fill(start: int, count: int) -> None:
        for number in range(start, start + count):
            send(acme, to, stripe_customer(f"cus_{number}", name=f"N {number}"))
            if number:
                endpoint(acme, label=f"E {number}")
        apply(acme)

    def queries() -> int:
        admin.get(f"{SOURCES}/{path.format(pk=to.pk)}")
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert admin.get(f"{SOURCES}/{path.format(pk=to.pk)}").status_code == 200
        return len(caught)

    fill(0, 1)
    one = queries()
    fill(1, 20)
    assert queries() == one


def test_the_pages_are_empty_with_a_hint(admin: Client) -> None:
    assert "Nothing is connected yet" in admin.get(f"{SOURCES}/connections/").content.decode()
    assert "Everybody is known" in admin.get(f"{SOURCES}/unmatched/").content.decode()


def test_who_may_not_change_sees_no_buttons(acme: Tenant) -> None:
    to = endpoint(acme)
    marketer = sign_in(acme, Role.MARKETER)
    page = marketer.get(f"{SOURCES}/connections/{to.pk}/").content.decode()
    assert not re.search(rf"{to.pk}/(renew|revoke|change)/", page)
    assert marketer.post(f"{SOURCES}/connections/{to.pk}/revoke/").status_code == 403
    assert "Add a connection" not in marketer.get(f"{SOURCES}/connections/").content.decode()


def test_a_payload_is_shown_whole_whatever_characters_it_names(acme: Tenant, admin: Client) -> None:
    address = f"https://sns.eu-west-1.amazonaws.com/?Token={'2336412f37' * 23}"
    strange = stripe_customer(name="half \ud83d, nothing \x00, <script>alert(1)</script>", website=address)
    [call] = take(acme, endpoint(acme, "stripe"), strange)
    page = admin.get(f"{SOURCES}/calls/{call.pk}/")
    assert page.status_code == 200
    assert "half \\ud83d" in page.text
    assert address in page.text
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "2024-01-01T00:00:00+23:59", "2024-01-01", "x"])
def test_a_cursor_that_nobody_gave_starts_at_the_beginning(acme: Tenant, admin: Client, at: str) -> None:
    to = endpoint(acme, "stripe")
    take(acme, to, stripe_customer())
    cursor = f"{at},01890000-0000-7000-8000-000000000000"
    assert "Northwind" in admin.get(f"{SOURCES}/unmatched/", {"cursor": cursor}).text
    assert "customer.updated" in admin.get(f"{SOURCES}/connections/{to.pk}/", {"cursor": cursor}).text
