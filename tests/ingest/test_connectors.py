"""Each connector: its own signature, and what its calls become."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from hub.accounts.models import (
    Account,
    Change,
    CommunityActivity,
    Contact,
    ContactStatus,
    FieldConflict,
    TimelineEntry,
)
from hub.accounts.services import contact_left, contact_upsert
from hub.accounts.words import words_of
from hub.feedback.models import SurveyResponse, Ticket
from hub.ingest.connectors.amounts import minor_of
from hub.ingest.connectors.base import Call, Malformed, NothingToDo, connectors
from hub.ingest.models import HookDelivery, HookEndpoint
from hub.outbox.models import Consent, Message, MessageStatus, Suppression
from hub.outbox.services import unsubscribe_token
from hub.revenue.models import ContractLine, Invoice, Opportunity, Payment
from hub.revenue.services import fx_rate_put
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from hub.work.models import Task
from tests.ingest.hooks import SIGNERS, address, apply, endpoint, send, states, stripe_event, take
from tests.world import ACTOR, make_account, make_contact

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS: dict[str, dict[str, Any]] = {
    "standard": {"options": {"source": "crm"}},
    "salesforce": {"options": {"organisation": "00D000000000001AAA"}},
    "mail": {"options": {"provider": "postmark"}},
}
BODIES: dict[str, bytes] = {
    "stripe": json.dumps(stripe_event("customer.created", {"id": "cus_1"}, at=1_700_000_000)).encode(),
    "standard": b'{"type": "account.updated", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "1", "name": "N"}}',
    "zendesk": b'{"id": "e1", "type": "zen:event-type:ticket.created", "time": "2026-01-01T00:00:00Z"}',
    "intercom": b'{"id": "n1", "topic": "contact.created"}',
    "hubspot": b'[{"eventId": 1, "subscriptionType": "company.creation", "objectId": 1, "occurredAt": 1700000000000}]',
    "customerio": b'{"event_id": "e1", "object_type": "email", "metric": "sent", "timestamp": 1700000000}',
}


def make(tenant: Tenant, source: str, **fields: Any) -> HookEndpoint:
    return endpoint(tenant, source, **{**OPTIONS.get(source, {}), **fields})


@pytest.mark.slow
@pytest.mark.parametrize("source", sorted(BODIES))
def test_whoever_tampers_is_answered_401(acme: Tenant, source: str) -> None:
    to, body, chance = make(acme, source), BODIES[source], random.Random(3)
    signed = SIGNERS[source](body, to.secret, timezone.now(), f"http://localhost:8000{address(acme, to)}")
    for _ in range(150):
        position = chance.randrange(len(body))
        tampered = body[:position] + bytes([body[position] ^ (1 << chance.randrange(7))]) + body[position + 1 :]
        assert send(acme, to, tampered, headers=signed).status_code == 401
    assert send(acme, to, body, secret="whsec_b3RoZXI=").status_code == 401
    assert send(acme, to, body).status_code == 200
    assert send(acme, to, body).status_code == 200
    with tenant_context(acme):
        assert HookDelivery.objects.count() == 1


@pytest.mark.parametrize("source", sorted(set(BODIES) - {"intercom"}))
@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_stale_time_is_answered_401(acme: Tenant, source: str, seconds: int) -> None:
    to = make(acme, source)
    at = timezone.now() + timedelta(seconds=seconds)
    assert send(acme, to, BODIES[source], at=at).status_code == 401


def test_the_library_of_standard_webhooks_signs_what_is_taken(acme: Tenant) -> None:
    to, body = make(acme, "standard", secret=""), BODIES["standard"].decode()
    now = timezone.now()
    headers = {
        "webhook-id": "msg_lib",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(to.secret).sign("msg_lib", now, body),
    }
    assert send(acme, to, body.encode(), headers=headers).status_code == 200


# --- Stripe -----------------------------------------------------------------------------------------------------------

JAN, FEB, MAR, APR = (int(datetime(2026, month, 1, 12, tzinfo=UTC).timestamp()) for month in (1, 2, 3, 4))
CUSTOMER = {"id": "cus_1", "name": "Northwind", "email": "pay@northwind.example"}


def subscription(at: int, quantity: int = 5, *, status: str = "active", kind: str = "updated", **more: Any) -> Any:
    plan = {
        "nickname": "Team", "product": "Platform", "currency": "usd", "unit_amount": 1000,
        "recurring": {"interval": "month", "interval_count": 1},
    }  # fmt: skip
    items = [{"id": "si_1", "quantity": quantity, "price": {**plan, **more.pop("price", {})}}]
    thing = {
        "id": "sub_1", "customer": "cus_1", "status": status, "start_date": JAN, "created": JAN,
        "items": {"data": [*items, *more.pop("items", [])]}, "current_period_end": APR, **more,
    }  # fmt: skip
    return stripe_event(f"customer.subscription.{kind}", thing, at=at)


def lines(tenant: Tenant) -> list[tuple[Any, ...]]:
    with tenant_context(tenant):
        rows = ContractLine.objects.order_by("starts_on", "external_id")
        return [(r.external_id, r.seats, r.mrr_minor, str(r.starts_on), str(r.ends_on or ""), r.is_trial) for r in rows]


@pytest.fixture
def stripe(acme: Tenant) -> HookEndpoint:
    to = make(acme, "stripe", makes_accounts=True)
    take(acme, to, stripe_event("customer.created", CUSTOMER, at=JAN))
    return to


def test_a_change_of_seats_ends_a_line_and_begins_another(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, subscription(JAN, kind="created"), subscription(FEB, 8), subscription(MAR, 8))
    assert lines(acme) == [
        ("si_1", 5, 5000, "2026-01-01", "2026-02-01", False),
        ("si_1@2026-02-01", 8, 8000, "2026-02-01", "", False),
    ]


def test_a_late_word_takes_a_line_back(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, subscription(JAN, kind="created"), subscription(MAR, 8))
    assert [line[0] for line in lines(acme)] == ["si_1", "si_1@2026-03-01"]
    take(acme, stripe, subscription(FEB, 8))
    assert [line[0] for line in lines(acme)] == ["si_1", "si_1@2026-02-01"]
    with tenant_context(acme):
        starts = TimelineEntry.objects.filter(kind="contract")
        assert starts.count() == 2


@pytest.mark.parametrize(
    ("price", "quantity", "mrr"),
    [
        ({"unit_amount": 1200, "recurring": {"interval": "year"}}, 10, 1000),
        ({"unit_amount": 3000, "recurring": {"interval": "month", "interval_count": 3}}, 1, 1000),
        ({"unit_amount": 1200, "recurring": {"interval": "week"}}, 1, 5200),
        ({"unit_amount": None, "unit_amount_decimal": "0.5"}, 3, 2),
        ({"unit_amount": 500, "currency": "jpy"}, 2, 650),
        ({"unit_amount": 900, "recurring": {"interval": "month", "usage_type": "metered"}}, None, 0),
        ({"unit_amount": 1000, "transform_quantity": {"divide_by": 10, "round": "up"}}, 11, 2000),
        (
            {
                "billing_scheme": "tiered", "tiers_mode": "graduated", "unit_amount": None,
                "tiers": [{"up_to": 5, "unit_amount": 100}, {"up_to": None, "unit_amount": 50, "flat_amount": 10}],
            },
            7,
            610,
        ),
    ],
)  # fmt: skip
def test_prices_are_counted_by_the_month(
    acme: Tenant, stripe: HookEndpoint, price: dict[str, Any], quantity: int | None, mrr: int
) -> None:
    with tenant_context(acme):
        fx_rate_put(currency="JPY", on=date(2025, 1, 1), rate=Decimal("0.0065"), actor=ACTOR)
    take(acme, stripe, subscription(JAN, quantity, price=price))  # type: ignore[arg-type]  # metered has none
    assert [line[2] for line in lines(acme)] == [mrr]


def test_several_items_share_a_discount_until_it_ends(acme: Tenant, stripe: HookEndpoint) -> None:
    second = {"id": "si_2", "quantity": 1, "price": {"unit_amount": 5000, "currency": "usd", "nickname": "Add-on",
                                                    "recurring": {"interval": "month"}}}  # fmt: skip
    coupon = {"coupon": {"amount_off": 2000, "currency": "usd", "duration": "repeating"}, "end": MAR}
    take(acme, stripe, subscription(JAN, items=[second], discount=coupon))
    assert [(line[0], line[2], line[3]) for line in lines(acme)] == [
        ("si_1", 4000, "2026-01-01"),
        ("si_2", 4000, "2026-01-01"),
        ("si_1@2026-03-01", 5000, "2026-03-01"),
        ("si_2@2026-03-01", 5000, "2026-03-01"),
    ]


def test_a_trial_a_pause_and_an_end(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, subscription(JAN, status="trialing", trial_end=FEB, kind="created"))
    assert lines(acme) == [
        ("si_1", 5, 5000, "2026-01-01", "2026-02-01", True),
        ("si_1@2026-02-01", 5, 5000, "2026-02-01", "", False),
    ]
    take(acme, stripe, subscription(MAR, trial_end=FEB, pause_collection={"behavior": "void", "resumes_at": APR}))
    assert lines(acme)[-2:] == [
        ("si_1@2026-02-01", 5, 5000, "2026-02-01", "2026-03-01", False),
        ("si_1@2026-04-01", 5, 5000, "2026-04-01", "", False),
    ]
    gone = subscription(MAR + 60, trial_end=FEB, status="canceled", kind="deleted", ended_at=MAR)
    take(acme, stripe, gone)
    assert [line[4] for line in lines(acme)] == ["2026-02-01", "2026-03-01"]


def test_one_who_cancels_for_the_end_of_the_period_keeps_the_line_until_then(
    acme: Tenant, stripe: HookEndpoint
) -> None:
    take(acme, stripe, subscription(JAN, kind="created"), subscription(FEB, cancel_at_period_end=True))
    assert [(line[3], line[4]) for line in lines(acme)] == [("2026-01-01", "2026-04-01")]
    with tenant_context(acme):
        assert ContractLine.objects.get().auto_renew is False


def charge(at: int, kind: str, **fields: Any) -> Any:
    thing = {
        "id": "ch_1", "customer": "cus_1", "amount": 5000, "currency": "usd", "created": JAN, "status": "succeeded",
        "captured": True, "invoice": "in_1", "payment_method_details": {"type": "card"}, **fields,
    }  # fmt: skip
    return stripe_event(f"charge.{kind}", thing, at=at)


def dispute(at: int, kind: str, status: str) -> Any:
    return stripe_event(f"charge.dispute.{kind}", {"id": "dp_1", "charge": "ch_1", "status": status}, at=at)


def test_a_failed_payment_a_dispute_and_a_refund(acme: Tenant, stripe: HookEndpoint) -> None:
    bill = {"id": "in_1", "customer": "cus_1", "currency": "usd", "total": 5000, "amount_due": 5000, "created": JAN}
    take(acme, stripe, charge(JAN, "failed", status="failed", failure_message="card declined"))
    take(acme, stripe, stripe_event("invoice.payment_failed", {**bill, "status": "open", "attempt_count": 1}, at=JAN))
    with tenant_context(acme):
        payment, invoice = Payment.objects.get(), Invoice.objects.get()
        assert (payment.status, payment.failure_reason, payment.invoice_id) == ("failed", "card declined", invoice.pk)
        assert (invoice.status, invoice.attempts) == ("open", 1)
        assert Change.objects.filter(kind="payment.failed").count() == 1
    take(acme, stripe, charge(FEB, "succeeded", id="ch_2"), dispute(FEB, "created", "needs_response"))
    with tenant_context(acme):
        assert Payment.objects.get(external_id="ch_1").status == "disputed"
        assert Change.objects.filter(kind="payment.disputed").count() == 1
    take(acme, stripe, dispute(MAR, "closed", "won"), charge(MAR, "refunded", id="ch_2", refunded=True))
    with tenant_context(acme):
        assert dict(Payment.objects.values_list("external_id", "status")) == {"ch_1": "failed", "ch_2": "refunded"}


def test_a_dispute_before_its_charge_waits_for_it(acme: Tenant, stripe: HookEndpoint) -> None:
    first = take(acme, stripe, dispute(FEB, "created", "needs_response"))[-1]
    assert first.state == "unmatched"
    take(acme, stripe, charge(JAN, "succeeded"))
    with tenant_context(acme):
        assert Payment.objects.get().status == "disputed"
        first.refresh_from_db()
        assert first.state == "applied"


@pytest.mark.parametrize(("currency", "amount", "minor"), [("jpy", 500, 500), ("isk", 500, 5), ("kwd", 5000, 5000)])
def test_minor_units_are_those_of_the_currency(
    acme: Tenant, stripe: HookEndpoint, currency: str, amount: int, minor: int
) -> None:
    take(acme, stripe, charge(JAN, "succeeded", currency=currency, amount=amount))
    with tenant_context(acme):
        assert Payment.objects.get().amount_minor == minor


# --- Standard Webhooks ------------------------------------------------------------------------------------------------


def said(noun: str, at: str = "2026-03-01T10:00:00Z", **data: Any) -> dict[str, Any]:
    return {"type": f"{noun}.updated", "timestamp": at, "data": data}


def test_any_noun_comes_by_standard_webhooks(acme: Tenant) -> None:
    to = make(acme, "standard", makes_accounts=True)
    at = "2026-02-01T09:00:00Z"
    calls = take(
        acme,
        to,
        said("account", id="A1", name="Northwind", domain="northwind.example", seats=40),
        said("contact", id="C1", account="A1", email="Kim@Northwind.example", name="Kim", roles=["champion"]),
        said("ticket", id="T1", account="A1", contact="C1", subject="It burns", opened_at=at, priority="urgent"),
        said("survey_response", id="S1", account="A1", contact="C1", kind="nps", score=9, answered_at=at),
        said("contract_line", id="L1", account="A1", mrr_minor=9900, starts_on="2026-01-01", product="Platform"),
        said("invoice", id="I1", account="A1", total_minor=9900, currency="USD", issued_on="2026-02-01"),
        said("payment", id="P1", account="A1", invoice="I1", status="failed", amount_minor=9900, currency="USD",
             occurred_at=at),
        said("opportunity", id="O1", account="A1", name="More", kind="expansion", amount_minor=100),
        said("community_activity", id="X1", account="A1", contact="C1", kind="answer", occurred_at=at),
        said("event", id="E1", account="A1", user="C1", name="Report Shared", quantity=3),
        said("event", id="E1", account="A1", user="C1", name="Report Shared", quantity=3, again=True),
    )  # fmt: skip
    assert set(states(calls)) == {"applied"}, [(call.kind, call.reason) for call in calls]
    with tenant_context(acme):
        account, kim = Account.objects.get(), Contact.objects.get()
        assert (account.seats, kim.email, kim.roles) == (40, "kim@northwind.example", ["champion"])
        for model in (Ticket, SurveyResponse, CommunityActivity):
            assert model.objects.get().contact_id == kim.pk
        assert Payment.objects.get().invoice == Invoice.objects.get()
        assert ContractLine.objects.get().mrr_minor == 9900
        assert Opportunity.objects.get().source == "crm"
        assert UsageDaily.objects.get().count == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (said("nonsense", id="1"), "names no noun"),
        (said("ticket", account="A1"), "data.id"),
        ({"type": "ticket.x", "timestamp": "yesterday", "data": {"id": "1"}}, "timestamp"),
        (said("ticket", id="T", account="A1", opened_at="2026-01-01T00:00:00Z", colour="red"), "colour"),
        (said("ticket", id="T", account="A1"), "opened_at"),
        (said("survey_response", id="S", account="A1", kind="nps", score=11, answered_at="2026-01-01T00:00:00Z"), "0"),
        (said("contract_line", id="L", account="A1", mrr_minor=-1, starts_on="2026-01-01"), "mrr_minor"),
        (said("invoice", id="I", account="A1", total_minor=1, currency="ZZZ", issued_on="2026-02-01"), "ZZZ"),
        (said("contact", id="C", account="A1", name="Kim", roles=["king"]), "king"),
        (said("account", id="A1", seats=-4), "seats"),
        (said("event", id="E", account="A1", name="x", quantity=-1), "quantity"),
        (said("ticket", id="x" * 300, account="A1", opened_at="2026-01-01T00:00:00Z", subject=[1]), "subject"),
    ],
)
def test_what_the_record_does_not_take_is_refused_with_the_reason(acme: Tenant, body: Any, words: str) -> None:
    to = make(acme, "standard", makes_accounts=True)
    call = take(acme, to, said("account", id="A1", name="Northwind"), body)[-1]
    assert call.state == "refused", call.reason
    assert words in call.reason


# --- Zendesk, Intercom, HubSpot, Salesforce ---------------------------------------------------------------------------


def zen(kind: str, at: str, **detail: Any) -> dict[str, Any]:
    name = hashlib.sha256(f"{kind}{at}{detail}".encode()).hexdigest()[:24]
    return {"id": name, "type": f"zen:event-type:{kind}", "time": at, "detail": detail}


def test_zendesk_tickets_organizations_and_requesters(acme: Tenant) -> None:
    to = make(acme, "zendesk", makes_accounts=True)
    ticket = {"id": "35436", "subject": "Help!", "priority": "URGENT", "type": "INCIDENT", "requester_id": "77",
              "organization_id": "9", "created_at": "2026-01-01T10:00:00Z", "tags": ["vip"],
              "via": {"channel": "web"}}  # fmt: skip
    take(
        acme,
        to,
        zen("ticket.created", "2026-01-01T10:00:00Z", **ticket, status="NEW"),
        zen("ticket.status_changed", "2026-01-02T10:00:00Z", **ticket, status="SOLVED"),
        zen("ticket.status_changed", "2026-01-03T10:00:00Z", **ticket, status="OPEN"),
        zen("ticket.status_changed", "2026-01-04T10:00:00Z", **ticket, status="CLOSED"),
    )
    with tenant_context(acme):
        assert not Ticket.objects.exists()
    take(
        acme,
        to,
        zen("organization.created", "2026-01-01T09:00:00Z", id="9", name="Northwind", domain_names=["n.example"]),
        zen("user.created", "2026-01-01T09:30:00Z", id="77", name="Kim", email="kim@northwind.example",
            organization_id="9", role="end-user"),
        zen("user.created", "2026-01-01T09:31:00Z", id="78", name="Agent", email="a@acme.example", role="agent"),
    )  # fmt: skip
    with tenant_context(acme):
        row = Ticket.objects.get()
        assert (row.subject, row.priority, row.status, row.kind, row.reopened) == (
            "Help!", "urgent", "closed", "incident", 1,
        )  # fmt: skip
        assert row.closed_at is not None
        assert row.closed_at.day == 4
        assert row.contact == Contact.objects.get()
        assert set(HookDelivery.objects.values_list("state", flat=True)) == {"applied", "nothing"}


def test_intercom_conversations_find_their_account_by_the_person(acme: Tenant) -> None:
    to = make(acme, "intercom")
    with tenant_context(acme):
        account = make_account("Northwind")
        kim = make_contact(account, "kim@northwind.example")
    item = {
        "type": "conversation", "id": "5", "created_at": JAN, "updated_at": FEB, "state": "closed", "open": False,
        "source": {"type": "email", "subject": "", "body": "<p>Where is <b>my</b> data?</p>"},
        "contacts": {"contacts": [{"type": "contact", "id": "c5", "email": "kim@northwind.example"}]},
        "conversation_rating": {"rating": 2, "remark": "slow", "created_at": FEB},
    }  # fmt: skip
    [call] = take(acme, to, {"id": "notif_1", "topic": "conversation.admin.closed", "data": {"item": item}})
    assert call.state == "applied", call.reason
    with tenant_context(acme):
        ticket, answer = Ticket.objects.get(), SurveyResponse.objects.get()
        assert (ticket.subject, ticket.status, ticket.contact) == ("Where is my data?", "closed", kim)
        assert (answer.kind, answer.score, answer.comment) == ("csat", 2, "slow")


def change(kind: str, pk: int, name: str, value: str, at: int = JAN) -> dict[str, Any]:
    return {
        "eventId": hash((kind, pk, name, value, at)) % 10**9, "subscriptionId": 1, "portalId": 1, "objectId": pk,
        "subscriptionType": f"{kind}.propertyChange", "propertyName": name, "propertyValue": value,
        "occurredAt": at * 1000,
    }  # fmt: skip


def linked(kind: str, pk: int, company: int) -> dict[str, Any]:
    return {
        "eventId": pk, "subscriptionId": 2, "subscriptionType": f"{kind.lower()}.associationChange",
        "associationType": f"{kind}_TO_COMPANY", "fromObjectId": pk, "toObjectId": company, "occurredAt": JAN * 1000,
    }  # fmt: skip


def test_hubspot_batches_of_changed_properties(acme: Tenant) -> None:
    to = make(acme, "hubspot", makes_accounts=True)
    batch = [
        change("deal", 3, "dealname", "Renewal 2026"),
        change("deal", 3, "dealstage", "closedwon", FEB),
        change("deal", 3, "amount", "1200.50"),
        change("deal", 3, "closedate", str(FEB * 1000)),
        change("contact", 2, "email", "kim@northwind.example"),
        change("contact", 2, "firstname", "Kim"),
        change("ticket", 4, "subject", "Broken"),
        change("ticket", 4, "createdate", str(JAN * 1000)),
        change("ticket", 4, "hs_pipeline_stage", "4", MAR),
        change("company", 1, "name", "Northwind"),
        change("company", 1, "domain", "northwind.example"),
        change("company", 1, "hs_analytics_num_visits", "7"),
        linked("CONTACT", 2, 1),
        linked("DEAL", 3, 1),
        linked("TICKET", 4, 1),
    ]
    [call] = take(acme, to, batch)
    assert call.state == "applied", call.reason
    with tenant_context(acme):
        account, deal, ticket = Account.objects.get(), Opportunity.objects.get(), Ticket.objects.get()
        assert (account.name, account.domain) == ("Northwind", "northwind.example")
        assert (deal.name, deal.outcome, deal.amount_minor, deal.account_id) == (
            "Renewal 2026", "won", 120050, account.pk,
        )  # fmt: skip
        assert (ticket.subject, ticket.status) == ("Broken", "closed")
        assert Contact.objects.get().email == "kim@northwind.example"


@pytest.mark.parametrize(
    ("amount", "code", "minor"),
    [
        ("1200.50", "", 120_050), ("1200.50", "EUR", 120_050), ("1000", "JPY", 1000), ("1000.4", "JPY", 1000),
        ("1.2345", "KWD", 1234), (99.5, "usd", 9950), ("0", "EUR", 0), ("0.29", "EUR", 29), ("-1", "EUR", None),
        ("", "EUR", None), ("a lot", "EUR", None), (None, "", None), ("1e400", "EUR", None), ("NaN", "", None),
        ("Infinity", "", None), (2**53, "", None),
    ],
)  # fmt: skip
def test_amounts_have_the_decimals_of_their_currency(amount: Any, code: str, minor: int | None) -> None:
    assert minor_of(amount, code) == minor


def soap(*records: tuple[str, dict[str, str]], organisation: str = "00D000000000001AAA", number: int = 1) -> bytes:
    notes = "".join(
        f"<Notification><Id>04l{number:012}{position}</Id><sObject xsi:type='sf:{kind}' "
        "xmlns:sf='urn:sobject.enterprise.soap.sforce.com'>"
        + "".join(f"<sf:{name}>{value}</sf:{name}>" for name, value in fields.items())
        + "</sObject></Notification>"
        for position, (kind, fields) in enumerate(records)
    )
    return (
        "<?xml version='1.0' encoding='UTF-8'?><soapenv:Envelope xmlns:soapenv='http://schemas.xmlsoap.org/soap/envelope/'"
        " xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><soapenv:Body>"
        f"<notifications xmlns='http://soap.sforce.com/2005/09/outbound'><OrganizationId>{organisation}</OrganizationId>"
        f"<ActionId>04k</ActionId>{notes}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


ACCOUNT = {"Id": "001A", "Name": "Northwind &amp; Sons", "Website": "https://www.northwind.example/x"}


def test_salesforce_outbound_messages_are_acknowledged_and_kept(acme: Tenant) -> None:
    to = make(acme, "salesforce", makes_accounts=True)
    records = (
        ("Contact", {"Id": "003A", "AccountId": "001A", "Email": "kim@northwind.example", "Name": "Kim"}),
        ("Opportunity", {"Id": "006A", "AccountId": "001A", "Name": "More seats", "Type": "Existing", "Amount": "99.5",
                         "StageName": "Closed Lost", "IsClosed": "true", "IsWon": "false", "CloseDate": "2026-03-01"}),
        ("Case", {"Id": "500A", "AccountId": "001A", "ContactId": "003A", "Subject": "Help", "Status": "New",
                  "CreatedDate": "2026-01-01T10:00:00.000Z", "Priority": "High"}),
        ("Account", ACCOUNT),
        ("Lead", {"Id": "00QA"}),
    )  # fmt: skip
    answer = send(acme, to, soap(*records), content_type="text/xml")
    assert answer.status_code == 200
    assert b"<Ack>true</Ack>" in answer.content
    apply(acme)
    with tenant_context(acme):
        call = HookDelivery.objects.get()
        assert call.state == "applied", call.reason
        account, deal, ticket = Account.objects.get(), Opportunity.objects.get(), Ticket.objects.get()
        assert (account.name, account.domain) == ("Northwind & Sons", "northwind.example")
        assert (deal.kind, deal.outcome, deal.amount_minor) == ("expansion", "lost", 9950)
        assert (ticket.subject, ticket.priority, ticket.contact) == ("Help", "high", Contact.objects.get())


def test_salesforce_calls_without_the_secret_of_others_or_with_entities_are_refused(acme: Tenant) -> None:
    to = make(acme, "salesforce")
    assert len(to.secret) >= 43
    good, plain = soap(("Account", ACCOUNT)), f"/hooks/acme/salesforce/{to.pk}"
    assert send(acme, to, good, url=plain).status_code == 401
    assert send(acme, to, good, url=f"{plain}/{'x' * 43}").status_code == 401
    assert send(acme, to, soap(("Account", ACCOUNT), organisation="00D000000000002AAA")).status_code == 401
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + good.partition(b"?>")[2]
    assert send(acme, to, bomb).status_code == 400
    assert send(acme, to, b"<a/>").status_code == 400
    assert send(acme, to, good).status_code == 200


# --- Mail -------------------------------------------------------------------------------------------------------------


def message(account: Account, contact: Contact, status: str = MessageStatus.SENT) -> Message:
    made: Message = Message.objects.create(
        account=account, contact=contact, key=f"m:{contact.pk}:{status}", channel="email", message_class="programme",
        purpose="expansion", subject="Hello", body_html="<p>x</p>", body_text="x", status=status,
    )  # fmt: skip
    return made


def bounce(kind: str = "HardBounce", email: str = "Kim@northwind.example", **more: Any) -> dict[str, Any]:
    return {"RecordType": "Bounce", "Type": kind, "ID": 42, "Email": email, "BouncedAt": "2026-01-01T10:00:00Z",
            "Description": "no such user", "MessageID": "x", **more}  # fmt: skip


def test_a_bounce_for_good_suppresses_the_address_and_settles_the_message(acme: Tenant) -> None:
    to = make(acme, "mail")
    with tenant_context(acme):
        account = make_account("Northwind")
        kim = make_contact(account, "kim@northwind.example")
        sent, lost = message(account, kim), message(account, kim, MessageStatus.UNKNOWN)
    headers: Any = {"Metadata": {"x-tandem-key": str(sent.pk)}}
    take(acme, to, bounce("Transient"), bounce("SoftBounce"))
    with tenant_context(acme):
        assert not Suppression.objects.exists()
    take(acme, to, bounce(**headers), bounce(**headers, Again=1))
    take(acme, to, {"RecordType": "Delivery", "Recipient": kim.email, "DeliveredAt": "2026-01-01T10:00:00Z",
                    "Metadata": {"x-tandem-key": str(lost.pk)}})  # fmt: skip
    with tenant_context(acme):
        kim.refresh_from_db()
        assert kim.status == ContactStatus.BOUNCED
        assert Suppression.objects.get().reason == "bounce"
        assert dict(Message.objects.values_list("pk", "status")) == {sent.pk: "failed", lost.pk: "sent"}
        assert TimelineEntry.objects.filter(kind="mail").count() == 1


def test_a_bounce_is_the_providers_word_and_rules_decide_about_it(acme: Tenant) -> None:
    to = make(acme, "mail")
    with tenant_context(acme):
        account = make_account("Northwind")
        kim, lee = make_contact(account, "kim@northwind.example"), make_contact(account, "lee@northwind.example")
        contact_left(contact=lee, left_on=date(2025, 12, 1), actor=ACTOR)
    take(acme, to, bounce(), bounce(email="lee@northwind.example", ID=43))
    with tenant_context(acme):
        kim.refresh_from_db()
        lee.refresh_from_db()
        assert (kim.status, lee.status) == (ContactStatus.BOUNCED, ContactStatus.LEFT)
        (word,) = words_of(kim.words, "status")
        assert (word.source, word.value, word.at.date()) == (to.source, "bounced", date(2026, 1, 1))
        assert not [word for word in words_of(lee.words, "status") if word.value == "bounced"]
        contact_upsert(account=account, source="crm", fields={"email": kim.email, "status": "active"})
        kim.refresh_from_db()
        assert kim.status == ContactStatus.ACTIVE, "the CRM said so later"
        assert FieldConflict.objects.get().other_value == "bounced"


def test_a_complaint_and_a_goodbye_end_consent(acme: Tenant) -> None:
    to = make(acme, "mail")
    with tenant_context(acme):
        account = make_account("Northwind")
        kim, lee = make_contact(account, "kim@x.example"), make_contact(account, "lee@x.example")
    complaint = {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 1, "Email": "kim@x.example"}
    goodbye = {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression",
               "Recipient": "lee@x.example", "ChangedAt": "2026-01-01T10:00:00Z"}  # fmt: skip
    take(acme, to, complaint, goodbye)
    with tenant_context(acme):
        assert set(Consent.objects.values_list("contact_id", "status")) == {(kim.pk, "denied"), (lee.pk, "denied")}
        assert Suppression.objects.get().reason == "complaint"


def inbound(email: str, text: str, *headers: tuple[str, str], subject: str = "Re: Hello") -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in headers]
    return {"From": email, "FromFull": {"Email": email, "Name": "Kim", "MailboxHash": ""}, "To": "r@x.example",
            "ToFull": [{"Email": "r@x.example", "Name": "", "MailboxHash": ""}], "CcFull": [], "BccFull": [],
            "Subject": subject, "MessageID": hashlib.sha256(text.encode()).hexdigest()[:20], "TextBody": text,
            "Date": "Thu, 1 Jan 2026 10:00:00 +0000", "Headers": named, "Attachments": []}  # fmt: skip


def test_a_reply_reaches_the_timeline_and_today_and_a_machines_answer_only_the_timeline(acme: Tenant) -> None:
    to = make(acme, "mail")
    with tenant_context(acme):
        account, other = make_account("Northwind"), make_account("Southwind")
        kim = make_contact(account, "kim@x.example")
        make_contact(other, "kim@x.example")
        sent = message(account, kim)
    reference = ("In-Reply-To", f"<{sent.pk}@localhost>")
    calls = take(
        acme,
        to,
        inbound("kim@x.example", "Yes, let us talk.", reference),
        inbound("kim@x.example", "I am away.", reference, ("Auto-Submitted", "auto-replied")),
        inbound("kim@x.example", "Ich bin im Urlaub", reference, subject="Abwesend: bis Montag"),
        inbound("nobody@x.example", "Who are you?"),
    )
    assert states(calls) == ["applied", "applied", "applied", "unmatched"]
    with tenant_context(acme):
        assert TimelineEntry.objects.filter(kind="reply", account=account, contact=kim).count() == 3
        assert Task.objects.get().account_id == account.pk
        assert "Yes, let us talk." in Task.objects.get().playbook
        assert Change.objects.filter(kind="message.replied").count() == 1
        make_contact(other, "nobody@x.example")
    apply(acme)
    with tenant_context(acme):
        assert Task.objects.count() == 2


def test_mail_providers_without_signatures_need_the_secret(acme: Tenant) -> None:
    to = make(acme, "mail")
    plain = f"/hooks/acme/mail/{to.pk}"
    nothing = {"Authorization": ""}
    assert send(acme, to, bounce(), headers=nothing).status_code == 401
    assert send(acme, to, bounce(), headers=nothing, url=f"{plain}/wrong").status_code == 401
    assert send(acme, to, bounce(), secret="wrong").status_code == 401
    assert send(acme, to, bounce(), headers=nothing, url=f"{plain}/{to.secret}").status_code == 200
    assert send(acme, to, {**bounce(), "ID": 43}).status_code == 200


def test_mailgun_signs_time_and_token(acme: Tenant) -> None:
    to = make(acme, "mail", options={"provider": "mailgun"}, secret="key-of-mailgun")

    def event(age: int, key: str = "key-of-mailgun") -> dict[str, Any]:
        stamp, token = str(int(timezone.now().timestamp()) - age), "t" * 50
        signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        data = {"event": "failed", "severity": "permanent", "id": f"e{age}", "timestamp": 1_700_000_000.5,
                "recipient": "kim@x.example", "message": {"headers": {"message-id": "m@x"}},
                "delivery-status": {"code": 550, "message": "gone"}}  # fmt: skip
        return {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": data}

    assert send(acme, to, event(0, "other-key"), headers={"Authorization": ""}).status_code == 401
    assert send(acme, to, event(400), headers={"Authorization": ""}).status_code == 401
    assert send(acme, to, event(1), headers={"Authorization": ""}).status_code == 200
    apply(acme)
    with tenant_context(acme):
        assert HookDelivery.objects.get().state == "applied"
        assert Suppression.objects.get().reason == "bounce"


# --- Every connector --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [connector.key for connector in connectors])
def test_nonsense_never_makes_a_connector_fail(source: str) -> None:
    """Whatever JSON a source sends, reading says what is wrong with it, or nothing."""
    connector, chance = connectors.get(source), random.Random(11)
    options = OPTIONS.get(source, {}).get("options", {})
    atoms: list[Any] = [None, True, 0, -1, 2**70, 1.5, "", "x", "2026-01-01T00:00:00Z", [], {}, ["x"], "\x00", 1e300]
    for body in shapes(source):
        for _ in range(250):
            mutated = mutate(json.loads(json.dumps(body)), chance, atoms)
            call = Call("POST", "", {"webhook-id": "m"}, json.dumps(mutated).encode(), "application/json")
            try:
                words = connector.read(call, timezone.now(), options)
                for kind in {word.kind for word in words} & connector.kinds.keys():
                    history = [(word.at, word.facts) for word in words if word.kind == kind]
                    connector.kinds[kind]("x", history)
            except (Malformed, NothingToDo):
                continue


def mutate(value: Any, chance: random.Random, atoms: list[Any]) -> Any:
    """The value with a few of its parts replaced by something else."""
    if chance.random() < 0.05:
        return chance.choice(atoms)
    if isinstance(value, dict):
        return {key: mutate(item, chance, atoms) for key, item in value.items()}
    return [mutate(item, chance, atoms) for item in value] if isinstance(value, list) else value


def shapes(source: str) -> list[Any]:
    conversation = {
        "type": "conversation", "id": "5", "updated_at": FEB, "created_at": JAN, "source": {"body": "x"},
        "contacts": {"contacts": [{"id": "c", "email": "a@b.example", "name": "K"}]},
        "conversation_rating": {"rating": 2}, "tags": {"tags": [{"name": "x"}]},
    }  # fmt: skip
    found: dict[str, list[Any]] = {
        "stripe": [subscription(JAN), charge(JAN, "failed"), dispute(JAN, "created", "lost")],
        "standard": [said("ticket", id="T1", account="A1", subject="x"), said("event", id="E", name="x")],
        "zendesk": [zen("ticket.created", "2026-01-01T10:00:00Z", id="1", tags=["a"], via={"channel": "web"},
                        requester={"id": 1, "email": "a@b.example"}, satisfaction_rating={"score": "good"})],
        "intercom": [{"id": "n", "topic": "conversation.user.created", "data": {"item": conversation}}],
        "hubspot": [[change("deal", 1, "amount", "5"), linked("DEAL", 1, 2), change("ticket", 1, "subject", "x")]],
        "customerio": [{"event_id": "e", "object_type": "email", "metric": "sent", "timestamp": JAN,
                        "data": {"recipient": "a@b.example", "subject": "x", "customer_id": 1}}],
        "mail": [bounce(), inbound("a@b.example", "x")],
        "salesforce": [],
    }  # fmt: skip
    return found[source]


def test_every_address_shows_what_a_source_signs() -> None:
    for connector in connectors:
        assert connector.title
        assert connector.scheme
        assert len(connector.steps) > 50


def test_a_mail_to_the_address_in_the_header_unsubscribes_and_a_forged_one_is_a_reply(
    acme: Tenant, globex: Tenant
) -> None:
    to = make(acme, "mail")
    with tenant_context(globex):
        stranger = make_account("Stranger")
        theirs = unsubscribe_token(message(stranger, make_contact(stranger, "lee@x.example")).pk)
    with tenant_context(acme):
        account = make_account("Northwind")
        kim = make_contact(account, "kim@x.example")
        token = unsubscribe_token(message(account, kim).pk)
    bad = token[:-1] + ("A" if token[-1] != "A" else "B")
    calls = take(
        acme,
        to,
        inbound("kim@x.example", "1", subject=f"Unsubscribe {token}"),
        inbound("kim@x.example", "2", subject=f"unsubscribe {bad}"),
        inbound("kim@x.example", "3", subject=f"unsubscribe {theirs}"),
    )
    assert states(calls) == ["applied"] * 3
    with tenant_context(acme):
        assert Consent.objects.get().status == "denied"
        assert Consent.objects.get().source == "unsubscribe mail"
        assert TimelineEntry.objects.filter(kind="reply").count() == 2
    with tenant_context(globex):
        assert not Consent.objects.exists()
