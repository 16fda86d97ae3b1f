"""Every recorded payload replayed: what it became, twice, and in any order."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account, AccountExternalId, Contact, ContactExternalId, TimelineEntry
from hub.feedback.models import SurveyResponse, Ticket
from hub.ingest.connectors import renaming
from hub.ingest.connectors.applying import words_apply
from hub.ingest.connectors.base import Call, Malformed, NothingToDo, Word, connectors
from hub.ingest.connectors.endpoints import endpoint_make
from hub.ingest.connectors.nouns import WORDS
from hub.ingest.models import HookDelivery, HookEndpoint
from hub.revenue.models import AccountMonth, ContractLine, Invoice, Movement, Opportunity, Payment
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.amazon import publish
from tests.ingest.hooks import SAMPLES, SECRET, apply, send, stripe_event
from tests.ingest.recorded import FOLDERS, TABLES, Recorded, recorded
from tests.ingest.test_connectors import (
    APR,
    CUSTOMER,
    FEB,
    JAN,
    MAR,
    change,
    charge,
    dispute,
    linked,
    said,
    subscription,
    zen,
)
from tests.ingest.test_places import link, unlink
from tests.ingest.test_stripe_metered import METERED as USE
from tests.ingest.test_stripe_metered import bill
from tests.world import ACTOR, make_account, make_contact, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "connectors.md"
BEGIN, END = "<!-- replay -->\n", "<!-- /replay -->"
OPTIONS = {"ses": {"provider": "ses"}, "postmark": {"provider": "postmark"}}


@pytest.fixture
def calls() -> list[Recorded]:
    if not SAMPLES.exists():
        pytest.skip(f"the sample data are not at {SAMPLES}")
    return recorded()


def endpoints(tenant: Tenant) -> dict[str, HookEndpoint]:
    with tenant_context(tenant):
        return {
            source: endpoint_make(
                source="mail" if source in OPTIONS else source,
                label=source,
                secret=SECRET,
                makes_accounts=True,
                options=OPTIONS.get(source),
                actor=ACTOR,
            )
            for source in ("stripe", "hubspot", "intercom", "customerio", "ses", "postmark", "zendesk")
        }


def know(tenant: Tenant) -> None:
    """Customers that the recordings mention and do not introduce, as an import would have brought them."""
    with tenant_context(tenant):
        for number, customer in enumerate(STRANGERS["stripe"]):
            account = make_account(f"Customer {number}")
            AccountExternalId.objects.create(account=account, source="stripe", value=customer)
        account = make_account("Readers")
        for email in STRANGERS["mail"]:
            make_contact(account, email)
        for number, person in enumerate(STRANGERS["intercom"]):
            contact = make_contact(account, f"person{number}@readers.example")
            ContactExternalId.objects.create(account=account, contact=contact, source="intercom", value=person)


STRANGERS = {
    "stripe": ["cus_00000000000000", "cus_QXg1o8vcGmoR32"],
    "mail": ["test@example.com", "redacted@example.com", "joe@bloggs.com", "support@postmarkapp.com"],
    "intercom": [
        "5c9553cb27e377f24eed49f7", "6762f0f31bb69f9f2193bb8b", "6762f1261bb69f9f2193bba7", "6762f2f61bb69f9f2193bc59",
        "6762f14a1bb69f9f2193bbb3", "6762f3061bb69f9f2193bc5b",
    ],
}  # fmt: skip


def replay(tenant: Tenant, calls: list[Recorded]) -> None:
    know(tenant)
    publish()
    doors = endpoints(tenant)
    for call in calls:
        assert send(tenant, doors[call.source], call.body).status_code == 200
    apply(tenant)


def table(tenant: Tenant, calls: list[Recorded]) -> str:
    """The table of the document: per file and thing what it became; things that came to nothing are counted."""
    with tenant_context(tenant):
        found = {bytes(row.body): row for row in HookDelivery.objects.all()}
    rows: Counter[tuple[str, str, str, str]] = Counter()
    for call in calls:
        row = found[json.dumps(call.body).encode()]
        became = Counter(WORDS[entry["noun"]] for entry in row.became)
        words = ", ".join(noun if count == 1 else f"{count} × {noun}" for noun, count in became.items())
        whole = row.state == "nothing" and call.file.startswith("stripe-openapi")
        reason = "Tandem keeps nothing of it" if whole and "keeps nothing" in row.reason else row.reason
        what = "other resources" if reason == "Tandem keeps nothing of it" else call.what
        rows[call.file, what, row.get_state_display(), words or reason or "no row"] += 1
    lines = ["| file | what | state | became, or why not |", "| --- | --- | --- | --- |"]
    for (file, what, state, words), count in rows.items():
        lines.append(f"| {file} | {what if count == 1 else f'{count} {what}'} | {state} | {words} |")
    return "\n".join(lines) + "\n"


def test_no_recorded_payload_is_left_out(calls: list[Recorded]) -> None:
    there = {
        str(file.relative_to(SAMPLES))
        for folder in FOLDERS
        for file in (SAMPLES / folder).rglob("*.*")
        if file.name != "PROVENANCE.md" and (file.suffix == ".json" or file.name in TABLES)
    }
    assert {call.file for call in calls} == there
    assert {name.partition("/")[0] for name in there} == set(FOLDERS)


@pytest.mark.slow
def test_the_documents_table_is_what_the_replay_gives(acme: Tenant, calls: list[Recorded]) -> None:
    replay(acme, calls)
    given_table, text = table(acme, calls), DOCUMENT.read_text()
    assert text.partition(BEGIN)[2].partition(END)[0] == given_table


RECORD = (Account, Contact, ContractLine, Invoice, Payment, Opportunity, Ticket, SurveyResponse, AccountMonth, Movement)
APART = {"id", "tenant_id", "created_at", "updated_at"}


def record(tenant: Tenant) -> list[Any]:
    """Everything that the record holds, with names in place of ids that differ from one tenant to the next."""
    with tenant_context(tenant):
        names: dict[Any, str] = {None: ""}
        names |= dict(Invoice.objects.values_list("pk", "external_id"))
        for link in (AccountExternalId, ContactExternalId):
            column = "account_id" if link is AccountExternalId else "contact_id"
            names |= {row[column]: f"{row['source']}:{row['value']}" for row in link.objects.values()}
        found = []
        for model in RECORD:
            columns = [field.attname for field in model._meta.concrete_fields if field.attname not in APART]
            rows = [
                {name: names.get(value, value) if name.endswith("_id") else value for name, value in row.items()}
                for row in model.objects.values(*columns)
            ]
            for row in rows:
                # What the test itself said has no clock.
                row.get("words", {}).pop("test", None)
            found.append((model.__name__, sorted(rows, key=repr)))
        return found


@pytest.mark.slow
def test_the_same_payloads_again_change_nothing_and_any_order_gives_the_same_record(
    acme: Tenant, globex: Tenant, calls: list[Recorded]
) -> None:
    replay(acme, calls)
    first = record(acme)
    assert sum(len(rows) for _, rows in first) > 20
    shuffled = list(calls)
    random.Random(5).shuffle(shuffled)
    replay(globex, shuffled)
    assert record(globex) == first
    with tenant_context(acme):
        told = TimelineEntry.objects.count()
    again = endpoints(acme)
    for call in reversed(calls):
        # A new endpoint: the calls are not known by their ids there.
        assert send(acme, again[call.source], call.body).status_code == 200
    apply(acme)
    assert record(acme) == first
    with tenant_context(acme):
        assert TimelineEntry.objects.count() == told


# --- Properties -------------------------------------------------------------------------------------------------------

BILL = {"id": "in_1", "customer": "cus_1", "currency": "usd", "total": 5000, "amount_due": 5000, "created": JAN}
STRIPE = [
    stripe_event("customer.created", CUSTOMER, at=JAN),
    stripe_event("customer.updated", {**CUSTOMER, "name": "Northwind Ltd"}, at=FEB),
    stripe_event("customer.updated", {**CUSTOMER, "name": "Northwind GmbH", "email": None}, at=FEB + 5),
    stripe_event("customer.updated", {**CUSTOMER, "name": "Northwind GmbH"}, at=FEB, pk="evt_same_second"),
    subscription(JAN, kind="created"),
    subscription(FEB, 8),
    subscription(FEB, 9),
    subscription(FEB + 7200, 7),
    subscription(MAR, 7, cancel_at_period_end=True),
    subscription(APR, 7, status="canceled", kind="deleted", ended_at=APR),
    stripe_event("invoice.created", {**BILL, "status": "draft"}, at=JAN),
    stripe_event("invoice.finalized", {**BILL, "status": "open"}, at=JAN),
    stripe_event("invoice.paid", {**BILL, "status": "paid", "amount_paid": 5000}, at=JAN),
    stripe_event("invoice.payment_failed", {**BILL, "status": "open", "attempt_count": 1, "charge": "ch_0"}, at=JAN),
    charge(JAN, "failed", id="ch_0", status="failed", failure_code="expired"),
    charge(JAN, "succeeded"),
    dispute(FEB, "created", "needs_response"),
    dispute(MAR, "closed", "won"),
    charge(MAR, "refunded", refunded=True),
    stripe_event("product.created", {"id": "Platform", "name": "The platform"}, at=JAN),
    stripe_event("product.updated", {"id": "Platform", "name": "Platform Pro"}, at=MAR),
]
METERED = [
    stripe_event("customer.created", CUSTOMER, at=JAN),
    subscription(JAN, kind="created", price=USE),
    subscription(FEB + 7200, 7, price=USE),
    subscription(APR, price=USE, status="canceled", kind="deleted", ended_at=APR),
    bill("in_1", JAN, FEB, 3000, 1200),
    bill("in_2", FEB, MAR, 100, status="open", at=MAR),
    bill("in_2", FEB, MAR, 5000, at=MAR + 60),
    bill("in_2", FEB, MAR, 5000, status="void", at=APR),
    bill("in_3", FEB, MAR, 4000, at=APR),
]
ZENDESK = [
    zen("organization.created", "2026-01-01T09:00:00Z", id="9", name="Northwind", domain_names=["northwind.example"]),
    zen("organization.updated", "2026-01-01T09:00:00Z", id="9", name="Northwind Ltd"),
    zen("user.created", "2026-01-01T09:30:00Z", id="77", name="Kim", email="kim@x.example", organization_id="9"),
    *(
        zen("ticket.status_changed", f"2026-01-0{day}T10:00:00Z", id="1", subject=f"Help {day}", status=status,
            requester_id="77", organization_id="9", created_at="2026-01-01T10:00:00Z")
        for day, status in ((1, "new"), (2, "solved"), (2, "open"), (3, "solved"), (4, "open"), (5, "closed"))
    ),
]  # fmt: skip
HUBSPOT = [
    [change("company", 1, "name", "Northwind"), change("company", 1, "name", "Northwind Ltd", FEB)],
    [change("contact", 2, "email", "kim@x.example"), linked("CONTACT", 2, 1)],
    [change("deal", 3, "dealname", "More"), change("deal", 3, "amount", "10")],
    [change("deal", 3, "amount", "12", FEB), linked("DEAL", 3, 1)],
    [change("deal", 3, "dealstage", "closedwon", MAR), change("deal", 3, "dealstage", "closedlost", FEB)],
    [change("company", 4, "name", "Southwind")],
    [link("CONTACT", 2, 4, FEB), unlink("CONTACT", 2, 1, MAR), link("DEAL", 3, 4, FEB), unlink("DEAL", 3, 4, MAR)],
    [change("ticket", 5, "createdate", str(JAN * 1000)), link("TICKET", 5, 4, JAN)],
    [unlink("TICKET", 5, 4, FEB)],
]
STANDARD = [
    said("account", at="2026-01-01T00:00:00Z", id="A1", name="Northwind", attributes={"region": "north", "a": 1}),
    said("account", at="2026-02-01T00:00:00Z", id="A1", attributes={"region": "south", "b": 2}),
    said("account", at="2026-01-15T00:00:00Z", id="A1", domain="northwind.example", seats=4),
    said("contact", at="2026-01-01T00:00:00Z", id="C1", account="A1", email="kim@x.example", name="Kim"),
    said("contact", at="2026-02-01T00:00:00Z", id="C1", account="A1", title="CTO", name=""),
    said("ticket", at="2026-01-03T00:00:00Z", id="T1", account="A1", contact="C1", opened_at="2026-01-02T00:00:00Z"),
    said("ticket", at="2026-01-04T00:00:00Z", id="T1", account="A1", subject="Help", status="open"),
    said("payment", id="P1", account="A1", invoice="I1", status="failed", amount_minor=5, currency="USD",
         occurred_at="2026-01-02T00:00:00Z"),
    said("invoice", id="I1", account="A1", total_minor=5, currency="USD", issued_on="2026-02-01"),
]  # fmt: skip
SCENES: dict[str, list[Any]] = {
    "stripe": STRIPE, "stripe by use": METERED, "zendesk": ZENDESK, "hubspot": HUBSPOT, "standard": STANDARD,
}  # fmt: skip


def words(source: str, body: Any) -> list[Word]:
    try:
        return connectors.get(source).read(
            Call("POST", "", {"webhook-id": "m"}, json.dumps(body).encode()), timezone.now(), {}
        )
    except (NothingToDo, Malformed) as error:
        raise AssertionError(body) from error


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("scene", sorted(SCENES))
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_permutation_with_repeats_gives_the_same_record(
    scene: str, expected: dict[str, Any], data: st.DataObject
) -> None:
    source = scene.partition(" ")[0]
    told = [words(source, body) for body in SCENES[scene]]
    order = data.draw(st.permutations(range(len(told))), label="order")
    again = data.draw(st.lists(st.sampled_from(range(len(told))), max_size=4), label="again")
    with transaction.atomic():
        tenant = make_tenant("shuffled")
        with tenant_context(tenant):
            named = {"source": "crm"} if source == "standard" else {}
            endpoint_make(source=source, label="x", secret=SECRET, makes_accounts=True, options=named, actor=ACTOR)
            for number in [*order, *again]:
                words_apply(connectors.get(source), told[number], source=named.get("source", ""))
        renaming.follow(tenant.pk)
        found = record(tenant)
        transaction.set_rollback(True)
    assert found == expected.setdefault(scene, found)
    assert sum(len(rows) for _, rows in found) >= 3
