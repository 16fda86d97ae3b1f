"""The REST interface: keys, pages, errors, upserts, and answers that come once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.people.models import AuditEvent
from hub.people.services import credential_create, credential_revoke
from hub.plans.models import Milestone
from hub.plans.services import plan_create
from hub.rest import limits
from hub.rest.models import IdempotentAnswer
from hub.revenue.models import AccountMonth, ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.models import Signal, Trigger
from tests.world import ACTOR, make_account, make_contact, make_member

pytestmark = pytest.mark.django_db

Api = Callable[..., Any]


def api_of(tenant: Tenant, *scopes: str) -> Api:
    """Calls of a program that holds a key of the tenant."""
    key = credential_create(tenant=tenant, name="crm sync", actor=ACTOR, scopes=list(scopes) or None)[1]

    def call(method: str, path: str, body: object = None, **headers: str) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().generic(
            method, f"/api/v1/{path}", data, "application/json", headers={"authorization": f"Bearer {key}"} | named
        )

    return call


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def api(acme: Tenant) -> Api:
    return api_of(acme)


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.content
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["detail"]
    return document


# --- keys -----------------------------------------------------------------------------------


def test_without_a_live_key_nothing_is_told(acme: Tenant, account: Account) -> None:
    credential, key = credential_create(tenant=acme, name="gone", actor=ACTOR)
    credential_revoke(credential=credential, actor=ACTOR)
    for header in ("", "Bearer ", "Bearer wrong", f"Bearer {key}", f"Basic {key}"):
        answer = Client().get("/api/v1/accounts", headers={"authorization": header})
        check_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_does_what_its_scopes_say(acme: Tenant) -> None:
    reader, writer = api_of(acme, "read"), api_of(acme, "write")
    assert reader("GET", "accounts").status_code == 200
    check_problem(reader("PUT", "accounts/by/crm/A", {"name": "A"}), 403)
    assert writer("PUT", "accounts/by/crm/A", {"name": "A"}).status_code == 201
    check_problem(writer("GET", "accounts"), 403)
    check_problem(api_of(acme, "ingest")("GET", "accounts"), 403)


def test_another_tenants_rows_are_404_and_in_no_list(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        contact = make_contact(account)
        plan = plan_create(account=account, started_on=date(2026, 1, 1), actor=ACTOR)
        milestone = plan.milestones.first()
        line = ContractLine.objects.create(
            account=account, source="crm", external_id="L", mrr_minor=1, currency="USD", starts_on=date(2026, 1, 1)
        )
        signal = make_signal(account)
    assert milestone is not None
    stranger = api_of(globex)
    paths = {
        "accounts": account.pk,
        "contacts": contact.pk,
        "contract-lines": line.pk,
        "milestones": milestone.pk,
        "signals": signal.pk,
    }
    for collection, pk in paths.items():
        assert api_of(acme)("GET", f"{collection}/{pk}").status_code == 200
        check_problem(stranger("GET", f"{collection}/{pk}"), 404)
        assert stranger("GET", collection).json()["results"] == []
    check_problem(stranger("GET", "accounts/by/test/Northwind"), 404)
    check_problem(stranger("POST", f"milestones/{milestone.pk}/complete", {}), 404)
    check_problem(stranger("PUT", "contacts/by/crm/C", {"account": str(account.pk)}), 400)
    with tenant_context(acme):
        assert Milestone.objects.get(pk=milestone.pk).completed_at is None


def make_signal(account: Account, number: int = 1) -> Signal:
    signal: Signal = Signal.objects.create(
        account=account,
        trigger=Trigger.objects.get(key="usage-decline"),
        trigger_version=1,
        dedupe_key=f"usage-decline:{account.pk}:{number}",
        severity="warning",
        sentence="Usage fell",
        occurred_at=timezone.now(),
    )
    return signal


# --- pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_path_answers_with_and_without_the_final_slash(api: Api, account: Account, slash: str) -> None:
    for path in ("accounts", f"accounts/{account.pk}", "accounts/by/test/Northwind", "metrics/nrr", "signals"):
        assert api("GET", path + slash).status_code == 200, path


def test_pages_hold_every_row_once_though_rows_come_in(acme: Tenant, api: Api) -> None:
    with tenant_context(acme):
        names = [make_account(f"A{number:02}").name for number in range(25)]
    answer = api("GET", "accounts?limit=10").json()
    seen = [row["name"] for row in answer["results"]]
    with tenant_context(acme):
        make_account("late")
    while answer["next"]:
        answer = api("GET", answer["next"].split("/api/v1/")[1]).json()
        seen += [row["name"] for row in answer["results"]]
    assert seen == [*names, "late"]


def test_signals_come_newest_first_and_can_be_narrowed(acme: Tenant, api: Api, account: Account) -> None:
    with tenant_context(acme):
        signals = [make_signal(account, number) for number in range(3)]
        Signal.objects.filter(pk=signals[0].pk).update(status="resolved")
    first = api("GET", "signals?limit=2").json()
    assert [row["id"] for row in first["results"]] == [str(signals[2].pk), str(signals[1].pk)]
    rest = api("GET", first["next"].split("/api/v1/")[1]).json()
    assert [row["id"] for row in rest["results"]] == [str(signals[0].pk)]
    assert len(api("GET", "signals?status=resolved").json()["results"]) == 1
    assert api("GET", "signals?trigger=usage-decline&severity=info").json()["results"] == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("accounts?limit=0", "limit"),
        ("accounts?limit=x", "limit"),
        ("accounts?cursor=%C3%A4", "cursor"),
        ("accounts?updated_since=yesterday", "updated_since"),
        ("accounts?updated_since=0001-01-01T00:00:00%2B23:59", "updated_since"),
        ("invoices?updated_since=9999-12-31T23:59:59-23:59", "updated_since"),
        ("contacts?account=7", "account"),
        ("signals?status=odd", "status"),
        ("metrics/nrr?as_of=2024-13-01", "as_of"),
        ("metrics/nrr?window=99m", "window"),
        ("metrics/nrr?overlap=both", "overlap"),
        ("metrics/nrr?end=maybe", "end"),
        ("metrics/nrr?basis=guess", "basis"),
        ("metrics/nrr?segment_by=mood", "segment_by"),
    ],
)
def test_a_question_that_cannot_be_read_is_an_error(api: Api, path: str, field: str) -> None:
    document = check_problem(api("GET", path), 400)
    assert [entry["pointer"] for entry in document["errors"]] == [f"/{field}"]


def test_a_list_asks_as_often_for_twenty_rows_as_for_one(
    acme: Tenant, api: Api, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        with tenant_context(acme):
            make_contact(make_account(f"A{number}"))
        if number in (0, 19):
            for path in ("accounts", "contacts"):
                # key, savepoint, tenant, rows, external ids, savepoint, tenant
                with django_assert_num_queries(7):
                    assert len(api("GET", path).json()["results"]) == number + 1


# --- upserts --------------------------------------------------------------------------------


def test_put_makes_an_account_then_changes_only_what_it_names(acme: Tenant, api: Api) -> None:
    made = api("PUT", "accounts/by/crm/A%2F1", {"name": "Northwind", "seats": 40, "attributes": {"a": 1}})
    assert made.status_code == 201
    assert made.json()["external_ids"] == [{"source": "crm", "external_id": "A/1"}]
    changed = api("PUT", "accounts/by/crm/A/1", {"industry": "Retail", "attributes": {"b": 2}})
    assert changed.status_code == 200
    body = changed.json()
    assert (body["name"], body["seats"], body["industry"]) == ("Northwind", 40, "Retail")
    assert body["attributes"] == {"a": 1, "b": 2}
    assert api("GET", "accounts/by/crm/A/1").json() == body
    with tenant_context(acme):
        assert Account.objects.count() == 1
        actions = list(AuditEvent.objects.filter(actor_kind="key").order_by("at").values_list("action", flat=True))
    assert actions == ["account.created", "account.updated"]


def test_an_owner_is_a_member_given_by_address(acme: Tenant, globex: Tenant, api: Api) -> None:
    mine, foreign = make_member(acme, "csm", "Kim@acme.example"), make_member(globex, "csm", "lee@globex.example")
    assert api("PUT", "accounts/by/crm/A", {"owner_email": "kim@ACME.example"}).json()["owner"] == mine.user.email
    assert api("PUT", "accounts/by/crm/A", {"name": "A"}).json()["owner"] == mine.user.email
    for address in (foreign.user.email, "nobody@acme.example"):
        document = check_problem(api("PUT", "accounts/by/crm/A", {"owner_email": address}), 400)
        assert [entry["pointer"] for entry in document["errors"]] == ["/owner_email"]
    assert api("PUT", "accounts/by/crm/A", {"owner_email": ""}).json()["owner"] is None


@pytest.mark.parametrize("path", ["accounts", "contacts"])
def test_older_word_of_a_source_changes_no_account_and_no_contact(api: Api, account: Account, path: str) -> None:
    first = {"account": str(account.pk)} if path == "contacts" else {}
    late = api("PUT", f"{path}/by/crm/X", {**first, "name": "new", "source_updated_at": "2026-02-02T00:00:00Z"})
    assert late.status_code == 201
    early = api("PUT", f"{path}/by/crm/X", {"name": "old", "source_updated_at": "2026-02-01T00:00:00Z"})
    assert (early.status_code, early.json()["name"]) == (200, "new")
    assert api("PUT", f"{path}/by/other/X", {**first, "name": "by another"}).status_code == 201


def test_contacts_are_found_by_id_then_address_and_do_not_move(acme: Tenant, api: Api, account: Account) -> None:
    body = {"account": {"source": "test", "external_id": "Northwind"}, "email": "Kim@x.example", "roles": ["champion"]}
    made = api("PUT", "contacts/by/crm/C1", body)
    assert (made.status_code, made.json()["email"]) == (201, "kim@x.example")
    assert api("PUT", "contacts/by/crm/C1", {"title": "CTO"}).json()["title"] == "CTO"
    assert api("PUT", "contacts/by/other/7", body | {"name": "Kim"}).json()["id"] == made.json()["id"]
    with tenant_context(acme):
        other = make_account("Other")
        make_contact(account, "lee@x.example")
        assert Contact.objects.count() == 2
    check_problem(api("PUT", "contacts/by/crm/C1", {"account": str(other.pk)}), 409)
    check_problem(api("PUT", "contacts/by/crm/C1", {"email": "lee@x.example"}), 409)
    check_problem(api("PUT", "contacts/by/crm/new", {"email": "a@x.example"}), 400)


def test_contract_lines_move_mrr_at_once(acme: Tenant, api: Api, account: Account) -> None:
    body = {"account": str(account.pk), "mrr_minor": 12_000, "starts_on": "2024-01-01", "ends_on": "2024-06-01"}
    made = api("PUT", "contract-lines/by/billing/L1", body)
    assert (made.status_code, made.json()["currency"]) == (201, acme.currency)
    assert api("PUT", "contract-lines/by/billing/L1", {"ends_on": None}).json()["ends_on"] is None
    with tenant_context(acme):
        month = AccountMonth.objects.get(overlap="sum", month=date(2024, 12, 1))
        assert month.mrr_minor == 12_000
    for wrong, pointer in [
        ({"ends_on": "2023-01-01"}, "/ends_on"),
        ({"currency": "XTS"}, "/currency"),
        ({"mrr_minor": -1}, "/mrr_minor"),
    ]:
        document = check_problem(api("PUT", "contract-lines/by/billing/L1", wrong), 400)
        assert [entry["pointer"] for entry in document["errors"]] == [pointer]
    document = check_problem(api("PUT", "contract-lines/by/billing/L2", {"account": str(account.pk)}), 400)
    assert {entry["pointer"] for entry in document["errors"]} == {"/mrr_minor", "/starts_on"}


def test_a_milestone_is_completed_once_by_the_key(acme: Tenant, api: Api, account: Account) -> None:
    with tenant_context(acme):
        plan_create(account=account, started_on=date(2026, 1, 1), actor=ACTOR)
    milestone = api("GET", f"milestones?account={account.pk}&completed=false").json()["results"][0]
    at = "2026-02-03T04:05:06Z"
    done = api("POST", f"milestones/{milestone['id']}/complete", {"at": at}).json()
    assert (done["completed_at"], done["completed_via"]) == (at, "api")
    assert api("POST", f"milestones/{milestone['id']}/complete/", {}).json() == done
    assert len(api("GET", "milestones?completed=true").json()["results"]) == 1


# --- errors ---------------------------------------------------------------------------------


def test_errors_are_problems_wherever_they_arise(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    check_problem(api("GET", "nothing-here"), 404)
    check_problem(api("GET", "accounts/7"), 404)
    check_problem(api("DELETE", "accounts"), 405)
    check_problem(Client().generic("PUT", "/api/v1/accounts/by/a/b", b"{", "application/json"), 401)
    document = check_problem(api("PUT", "accounts/by/crm/A", {"seats": -1, "signed_up_on": "soon"}), 400)
    assert {entry["pointer"] for entry in document["errors"]} == {"/seats", "/signed_up_on"}
    check_problem(api("PUT", "accounts/by/crm/A", []), 400)
    monkeypatch.setattr("hub.accounts.api.account_upsert", lambda **_: 1 / 0)
    check_problem(api("PUT", "accounts/by/crm/A", {}), 500)


def test_what_is_refused_half_way_leaves_nothing(acme: Tenant, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("hub.accounts.api.audit", fail)
    check_problem(api("PUT", "accounts/by/crm/A", {"name": "A"}), 500)
    with tenant_context(acme):
        assert not Account.objects.exists()


def test_a_key_that_asks_too_often_is_told_when_to_come_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PER_MINUTE", 2)
    assert [api("GET", "accounts").headers["RateLimit-Remaining"] for _ in range(2)] == ["1", "0"]
    answer = api("GET", "accounts")
    check_problem(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 60


def test_without_a_cache_requests_are_answered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "incr", away)
    assert api("GET", "accounts").status_code == 200


# --- answers that come once -----------------------------------------------------------------


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    calls: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr("hub.plans.api.milestone_complete", lambda **fields: calls.append(fields))
        yield calls


@pytest.fixture
def milestone(acme: Tenant, account: Account) -> Milestone:
    with tenant_context(acme):
        plan = plan_create(account=account, started_on=date(2026, 1, 1), actor=ACTOR)
        found: Milestone = plan.milestones.get(key="kick-off")
        return found


def test_the_same_key_and_body_get_the_same_answer_and_act_once(
    acme: Tenant, api: Api, milestone: Milestone, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"milestones/{milestone.pk}/complete"
    with counted(monkeypatch) as calls:
        first = api("POST", path, {}, Idempotency_Key="k1")
        second = api("POST", path + "/", {}, Idempotency_Key="k1")
        assert len(calls) == 1
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second.headers["Idempotent-Replayed"] == "true"
    check_problem(api("POST", path, {"at": "2026-01-01T00:00:00Z"}, Idempotency_Key="k1"), 422)
    # Another program's key of the same name is another key.
    assert "Idempotent-Replayed" not in api_of(acme)("POST", path, {}, Idempotency_Key="k1").headers


def test_a_refusal_is_kept_and_a_fault_of_ours_is_not(
    acme: Tenant, api: Api, milestone: Milestone, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"milestones/{milestone.pk}/complete"
    check_problem(api("POST", path, {"at": "soon"}, Idempotency_Key="bad"), 400)
    assert api("POST", path, {"at": "soon"}, Idempotency_Key="bad").headers["Idempotent-Replayed"] == "true"
    with monkeypatch.context() as patch:
        patch.setattr("hub.plans.api.milestone_complete", lambda **_: 1 / 0)
        check_problem(api("POST", path, {}, Idempotency_Key="k"), 500)
    assert api("POST", path, {}, Idempotency_Key="k").json()["completed_at"]
    with tenant_context(acme):
        assert IdempotentAnswer.objects.count() == 2


def test_an_answer_is_forgotten_after_a_day(acme: Tenant, api: Api, milestone: Milestone) -> None:
    path = f"milestones/{milestone.pk}/complete"
    api("POST", path, {}, Idempotency_Key="k")
    with tenant_context(acme):
        IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "Idempotent-Replayed" not in api("POST", path, {}, Idempotency_Key="k").headers


@pytest.mark.django_db(transaction=True)
def test_a_key_whose_request_is_being_answered_is_409(
    acme: Tenant, api: Api, milestone: Milestone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connections

    inside, go_on = threading.Event(), threading.Event()

    def slow(**_: object) -> None:
        inside.set()
        go_on.wait(10)

    monkeypatch.setattr("hub.plans.api.milestone_complete", slow)
    path = f"milestones/{milestone.pk}/complete"
    answers: list[int] = []

    def first() -> None:
        answers.append(api("POST", path, {}, Idempotency_Key="k").status_code)
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    check_problem(api("POST", path, {}, Idempotency_Key="k"), 409)
    go_on.set()
    thread.join()
    assert answers == [200]
    assert api("POST", path, {}, Idempotency_Key="k").headers["Idempotent-Replayed"] == "true"


# --- the description ------------------------------------------------------------------------


def test_the_schema_names_every_resource_and_needs_no_key() -> None:
    schema = Client().get("/api/v1/schema/").json()
    assert schema["openapi"].startswith("3.")
    paths = set(schema["paths"])
    for resource in ("accounts", "contacts", "contract-lines", "signals", "milestones", "metrics/nrr"):
        assert f"/api/v1/{resource}" in paths
    assert "/api/v1/accounts/by/{source}/{external_id}" in paths
    assert schema["paths"]["/api/v1/accounts"]["get"]["security"] == [{"key": []}]


def test_the_page_shows_the_schema_and_carries_no_foreign_address() -> None:
    answer = Client().get("/api/v1/docs/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert ">PUT</span> <code>/api/v1/accounts/by/{source}/{external_id}</code>" in text
    assert 'href="#Account">Account</a>' in text
    assert "mrr_minor" in text
    assert "https://" not in text
    assert "style=" not in text
