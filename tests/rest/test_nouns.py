"""What sources keep, over REST: every noun is made, changed and found again by the same rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from hub.accounts.models import Account, Change, TimelineEntry
from hub.people.models import AuditEvent
from hub.revenue.models import Movement
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.rest.test_rest import api_of, check_problem
from tests.world import make_account, make_contact

pytestmark = pytest.mark.django_db

# Path → a whole body, and a change of it.
NOUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "contract-lines": ({"mrr_minor": 1000, "starts_on": "2024-01-01", "term_months": 12}, {"seats": 7}),
    "invoices": (
        {
            "number": "R-1",
            "total_minor": 900,
            "currency": "EUR",
            "issued_on": "2026-01-02",
            "url": "https://x.example/1",
        },
        {"status": "paid", "paid_at": "2026-01-05T10:00:00Z", "paid_minor": 900},
    ),
    "payments": (
        {"status": "failed", "amount_minor": 900, "currency": "EUR", "occurred_at": "2026-01-03T00:00:00Z"},
        {"status": "succeeded"},
    ),
    "opportunities": (
        {"name": "More seats", "kind": "expansion", "expansion_type": "seat", "amount_minor": 5, "currency": "USD"},
        {"outcome": "won", "closed_at": "2026-02-01T00:00:00Z"},
    ),
    "churn-claims": ({"claimed_on": "2026-03-01", "reason": "budget"}, {"churn_type": "voluntary"}),
    "movement-claims": ({"month": "2026-03-01", "kind": "expansion", "type": "seat"}, {"type": "tier"}),
    "tickets": (
        {"subject": "Down", "opened_at": "2026-01-01T00:00:00Z", "tags": ["p1"], "priority": "urgent"},
        {"closed_at": "2026-01-02T00:00:00Z", "status": "solved"},
    ),
    "survey-responses": (
        {"kind": "nps", "score": 9, "answered_at": "2026-01-01T00:00:00Z", "question": "Would you?"},
        {"comment": "Gladly"},
    ),
    "community": ({"kind": "answer", "title": "How to", "occurred_at": "2026-01-01T00:00:00Z"}, {"title": "How"}),
}
each_noun = pytest.mark.parametrize("path", NOUNS)


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


@each_noun
def test_a_put_makes_then_changes_and_the_same_again_changes_nothing(acme: Tenant, account: Account, path: str) -> None:
    api, (whole, change) = api_of(acme), NOUNS[path]
    made = api("PUT", f"{path}/by/crm/X%2F1", {"account": str(account.pk), **whole})
    assert made.status_code == 201, made.content
    body = made.json()
    assert whole.items() <= body.items()
    assert (body["source"], body["external_id"], body["account"]) == ("crm", "X/1", str(account.pk))
    assert api("PUT", f"{path}/by/crm/X/1", whole).json() == body
    changed = api("PUT", f"{path}/by/crm/X/1", change)
    assert changed.status_code == 200, changed.content
    assert {**whole, **change}.items() <= changed.json().items()
    for found in (f"{path}/{body['id']}", f"{path}/by/crm/X/1"):
        assert api("GET", found).json() == changed.json()
    assert [row["id"] for row in api("GET", f"{path}?account={account.pk}").json()["results"]] == [body["id"]]
    with tenant_context(acme):
        outcomes = AuditEvent.objects.filter(actor_kind="key").order_by("at").values_list("action", flat=True)
        assert [action.split(".")[1] for action in outcomes] == ["created", "unchanged", "updated"]


@each_noun
def test_older_word_changes_nothing(acme: Tenant, account: Account, path: str) -> None:
    api, (whole, change) = api_of(acme), NOUNS[path]
    early, late = {"source_updated_at": "2026-05-01T00:00:00Z"}, {"source_updated_at": "2026-05-02T00:00:00Z"}
    whole = {"account": str(account.pk), **whole}
    in_order = [{**whole, **early}, {**whole, **change, **late}]
    for name, bodies in (("A", in_order), ("B", in_order[::-1])):
        for body in bodies:
            assert api("PUT", f"{path}/by/crm/{name}", body).status_code in (200, 201)
    one, other = (api("GET", f"{path}/by/crm/{name}").json() for name in "AB")
    for differs in ("id", "external_id", "created_at", "updated_at"):
        one.pop(differs), other.pop(differs)
    assert one == other
    assert change.items() <= one.items()


@each_noun
def test_another_tenant_finds_nothing_and_a_reader_writes_nothing(
    acme: Tenant, globex: Tenant, account: Account, path: str
) -> None:
    whole = {"account": str(account.pk), **NOUNS[path][0]}
    row = api_of(acme)("PUT", f"{path}/by/crm/1", whole).json()
    stranger = api_of(globex)
    assert stranger("GET", path).json()["results"] == []
    for found in (f"{path}/{row['id']}", f"{path}/by/crm/1"):
        check_problem(stranger("GET", found), 404)
    check_problem(stranger("PUT", f"{path}/by/crm/1", whole), 400)
    check_problem(api_of(acme, "read")("PUT", f"{path}/by/crm/1", whole), 403)
    check_problem(api_of(acme, "write")("GET", path), 403)


@each_noun
def test_a_list_asks_as_often_for_twenty_rows_as_for_one(
    acme: Tenant, account: Account, path: str, django_assert_num_queries: Any
) -> None:
    api = api_of(acme)
    for number in range(20):
        whole = {"account": str(account.pk), **NOUNS[path][0]}
        assert api("PUT", f"{path}/by/crm/{number}", whole).status_code == 201
        if number in (0, 19):
            # key, savepoint, tenant, rows, savepoint, tenant
            with django_assert_num_queries(6):
                assert len(api("GET", path).json()["results"]) == number + 1


@each_noun
def test_a_new_row_says_what_it_lacks_and_does_not_move_to_another_account(
    acme: Tenant, account: Account, path: str
) -> None:
    api = api_of(acme)
    with tenant_context(acme):
        other = make_account("Other")
    document = check_problem(api("PUT", f"{path}/by/crm/1", {"account": str(account.pk)}), 400)
    assert {entry["pointer"] for entry in document["errors"]}
    check_problem(api("PUT", f"{path}/by/crm/1", NOUNS[path][0]), 400)
    api("PUT", f"{path}/by/crm/1", {"account": str(account.pk), **NOUNS[path][0]})
    check_problem(api("PUT", f"{path}/by/crm/1", {"account": str(other.pk)}), 409)


@pytest.mark.parametrize(
    ("path", "wrong", "pointer"),
    [
        ("contract-lines", {"mrr_minor": 2**60}, "/mrr_minor"),
        ("contract-lines", {"starts_on": "0001-01-01"}, "/starts_on"),
        ("contract-lines", {"currency": "EUR"}, "/currency"),
        ("invoices", {"currency": "ABC"}, "/currency"),
        ("payments", {"invoice": {"source": "crm", "external_id": "none"}}, "/invoice"),
        ("opportunities", {"probability_pct": 101}, "/probability_pct"),
        ("opportunities", {"kind": "hope"}, "/kind"),
        ("tickets", {"csat": 6}, "/csat"),
        ("tickets", {"contact": "00000000-0000-7000-8000-000000000000"}, "/contact"),
        ("survey-responses", {"score": 11}, "/score"),
        ("survey-responses", {"kind": "csat"}, "/score"),
        ("community", {"occurred_at": "9999-12-31T23:59:59Z"}, "/occurred_at"),
    ],
)
def test_what_cannot_be_is_named(
    acme: Tenant, account: Account, path: str, wrong: dict[str, Any], pointer: str
) -> None:
    body = {"account": str(account.pk), **NOUNS[path][0], **wrong}
    document = check_problem(api_of(acme)("PUT", f"{path}/by/crm/1", body), 400)
    assert [entry["pointer"] for entry in document["errors"]] == [pointer]


def test_a_contact_of_another_account_is_refused(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        foreign = make_contact(make_account("Other"))
    body = {"account": str(account.pk), "contact": str(foreign.pk), **NOUNS["tickets"][0]}
    document = check_problem(api_of(acme)("PUT", "tickets/by/crm/1", body), 400)
    assert [entry["pointer"] for entry in document["errors"]] == ["/contact"]


def test_failed_payments_and_won_deals_are_told_once_and_stand_in_the_timeline(acme: Tenant, account: Account) -> None:
    api = api_of(acme)
    for _ in range(2):
        for path in ("payments", "opportunities"):
            whole, change = NOUNS[path]
            given = {**whole, **change} if path == "opportunities" else whole
            api("PUT", f"{path}/by/crm/1", {"account": str(account.pk), **given})
    with tenant_context(acme):
        told = Change.objects.order_by("kind").values_list("kind", flat=True)
        assert list(told) == ["opportunity.won", "payment.failed"]
        titles = set(TimelineEntry.objects.values_list("title", flat=True))
    assert {"Payment failed", "Expansion opportunity: More seats", "Opportunity won: More seats"} <= titles


def test_an_address_that_a_browser_should_not_follow_is_not_kept(acme: Tenant, account: Account) -> None:
    body = {"account": str(account.pk), **NOUNS["community"][0], "url": "javascript:alert(1)"}
    assert api_of(acme)("PUT", "community/by/crm/1", body).json()["url"] == ""


def test_the_ledger_shows_types_and_can_be_narrowed(acme: Tenant, account: Account) -> None:
    api = api_of(acme)
    for number, (start, seats) in enumerate([("2024-01-01", 5), ("2024-03-05", 9)]):
        body = {"account": str(account.pk), "mrr_minor": 100, "starts_on": start, "seats": seats, "tier": "Pro"}
        api("PUT", f"contract-lines/by/crm/{number}", body)
    rows = api("GET", "movements?kind=expansion").json()["results"]
    assert [(row["month"], row["type"], row["amount_minor"]) for row in rows] == [("2024-03-01", "seat", 100)]
    assert api("GET", f"movements/{rows[0]['id']}").json() == rows[0]
    assert len(api("GET", f"movements?account={account.pk}&overlap=sum").json()["results"]) == 2
    assert len(api("GET", "movements?first=2024-02-10&last=2024-12-01").json()["results"]) == 1
    check_problem(api("GET", "movements?kind=odd"), 400)
    with tenant_context(acme):
        assert Movement.objects.filter(overlap="latest", kind="new").count() == 1
