"""Reading from other systems' APIs: everything once, nothing lost to failures, and no key tried in vain."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from hub.accounts.models import Account, Contact
from hub.feedback.models import Ticket
from hub.ingest.connectors.base import Malformed
from hub.ingest.connectors.selectors import alarms
from hub.ingest.models import HookDelivery, HookEndpoint, PullAccess, PullStream
from hub.ingest.pulling import work
from hub.ingest.pulling.base import LONGEST, MOST_PATIENCE, Page, asked_patience, pullers, waiting
from hub.ingest.pulling.services import access_give, access_now, access_take
from hub.ingest.sources.alarms import watched
from hub.people.models import Role
from hub.revenue.models import ContractLine, Invoice, Opportunity
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.apis import KEY, Api, Things, served
from tests.ingest.hooks import apply, endpoint, sample, stripe_event, take
from tests.world import ACTOR, make_member

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 5


def iso(number: int) -> str:
    return (START + timedelta(hours=number)).isoformat()


def epoch(number: int) -> int:
    return int((START + timedelta(hours=number)).timestamp())


def many(make: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [make(number) for number in range(MANY)]


def world_of(source: str) -> Things:
    """Some customers of a source with people and what they did, eight of a list."""
    match source:
        case "stripe":
            price = {"unit_amount": 1000, "recurring": {"interval": "month", "interval_count": 1}, "product": "prod_1"}
            return {
                "customers": many(lambda n: {"id": f"cus_{n}", "object": "customer", "name": f"Customer {n}"}),
                "subscriptions": many(
                    lambda n: {
                        "id": f"sub_{n}",
                        "customer": f"cus_{n}",
                        "status": "active",
                        "currency": "usd",
                        "created": epoch(n),
                        "start_date": epoch(n),
                        "current_period_start": epoch(n),
                        "current_period_end": epoch(n + 700),
                        "items": {"data": [{"id": f"si_{n}", "quantity": 2, "price": {**price, "currency": "usd"}}]},
                    }
                ),
                "invoices": many(
                    lambda n: {
                        "id": f"in_{n}",
                        "customer": f"cus_{n}",
                        "currency": "usd",
                        "total": 2000,
                        "created": epoch(n),
                        "status": "paid",
                    }
                ),
            }
        case "zendesk":
            return {
                "organizations": many(lambda n: {"id": 10 + n, "name": f"Customer {n}", "updated_at": iso(n)}),
                "users": many(
                    lambda n: {
                        "id": 100 + n,
                        "name": f"Person {n}",
                        "email": f"p{n}@c{n}.example",
                        "organization_id": 10 + n,
                        "role": "end-user",
                        "updated_at": iso(n),
                    }
                ),
                "tickets": many(
                    lambda n: {
                        "id": 1000 + n,
                        "subject": f"Question {n}",
                        "status": "open",
                        "organization_id": 10 + n,
                        "requester_id": 100 + n,
                        "created_at": iso(n),
                        "updated_at": iso(n),
                    }
                ),
            }
        case "intercom":
            return {
                "companies": many(
                    lambda n: {"type": "company", "id": f"co{n}", "name": f"Customer {n}", "updated_at": epoch(n)}
                ),
                "contacts": many(
                    lambda n: {
                        "type": "contact",
                        "id": f"p{n}",
                        "email": f"p{n}@c{n}.example",
                        "companies": {"data": [{"id": f"co{n}"}]},
                        "updated_at": epoch(n),
                    }
                ),
                "conversations": many(
                    lambda n: {
                        "type": "conversation",
                        "id": f"v{n}",
                        "title": f"Question {n}",
                        "state": "open",
                        "contacts": {"contacts": [{"type": "contact", "id": f"p{n}"}]},
                        "created_at": epoch(n),
                        "updated_at": epoch(n),
                    }
                ),
            }
        case "hubspot":
            return {
                "companies": many(lambda n: _hubspot(f"{n + 1}", n, name=f"Customer {n}", domain=f"c{n}.example")),
                "contacts": many(
                    lambda n: _hubspot(f"{n + 101}", n, email=f"p{n}@c{n}.example", associatedcompanyid=f"{n + 1}")
                ),
                "deals": many(
                    lambda n: _hubspot(
                        f"{n + 201}",
                        n,
                        dealname=f"Renewal {n}",
                        dealstage="closedwon",
                        amount="12.50",
                        dealtype="renewal",
                        closedate=iso(n),
                        hs_primary_associated_company=f"{n + 1}",
                    )
                ),
            }
        case _:
            return {
                "Account": many(lambda n: {"Id": f"001{n}", "Name": f"Customer {n}", "SystemModstamp": iso(n)}),
                "Contact": many(
                    lambda n: {
                        "Id": f"003{n}",
                        "Name": f"Person {n}",
                        "Email": f"p{n}@c{n}.example",
                        "AccountId": f"001{n}",
                        "SystemModstamp": iso(n),
                    }
                ),
                "Opportunity": many(
                    lambda n: {
                        "Id": f"006{n}",
                        "Name": f"Renewal {n}",
                        "StageName": "Closed Won",
                        "Type": "Renewal",
                        "Amount": 12.5,
                        "CloseDate": "2026-02-01",
                        "IsClosed": True,
                        "IsWon": True,
                        "AccountId": f"001{n}",
                        "SystemModstamp": iso(n),
                    }
                ),
            }


def _hubspot(pk: str, number: int, **properties: str) -> dict[str, Any]:
    return {"id": pk, "properties": properties, "createdAt": iso(number), "updatedAt": iso(number), "archived": False}


SOURCES = ("stripe", "zendesk", "intercom", "hubspot", "salesforce")
# What each world comes to: accounts, people, and rows of its own.
ROWS: dict[str, dict[Any, int]] = {
    "stripe": {ContractLine: MANY, Invoice: MANY},
    "zendesk": {Contact: MANY, Ticket: MANY},
    "intercom": {Contact: MANY, Ticket: MANY},
    "hubspot": {Contact: MANY, Opportunity: MANY},
    "salesforce": {Contact: MANY, Opportunity: MANY},
}


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]


@pytest.fixture(params=SOURCES)
def api(request: pytest.FixtureRequest) -> Iterator[tuple[str, Api]]:
    with served(request.param, world_of(request.param)) as running:
        yield request.param, running


def connection_to(tenant: Tenant, source: str) -> HookEndpoint:
    options = {"organisation": "00D000000000001"} if source == "salesforce" else {}
    return endpoint(tenant, source, makes_accounts=True, options=options)


def give(tenant: Tenant, to: HookEndpoint, running: Api, secret: str = "") -> PullAccess:
    with tenant_context(tenant):
        made = KEY if to.source != "salesforce" else f"client:{KEY}"
        return access_give(endpoint=to, secret=secret or made, address=running.address, start_at=START, actor=ACTOR)


def pull(tenant: Tenant, rounds: int = 40, *, again: bool = False) -> None:
    """Let time pass until every list has been read to its end; with `again` a new round begins."""
    if again:
        with tenant_context(tenant):
            PullStream.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    for _ in range(rounds):
        work.drain(tenant.id)
        with tenant_context(tenant):
            waits = PullStream.objects.filter(due_at__lt=timezone.now() + timedelta(minutes=5))
            if not waits.update(due_at=timezone.now()):
                return
    raise AssertionError("the lists were not read to their end")


def calls(tenant: Tenant) -> int:
    with tenant_context(tenant):
        return int(HookDelivery.objects.count())


@pytest.mark.slow
def test_all_that_is_there_becomes_the_record(acme: Tenant, api: tuple[str, Api]) -> None:
    source, running = api
    give(acme, connection_to(acme, source), running)
    pull(acme)
    assert calls(acme) == sum(map(len, running.things.values()))
    apply(acme)
    with tenant_context(acme):
        assert Account.objects.count() == MANY
        assert {model: model.objects.count() for model in ROWS[source]} == ROWS[source]
        assert not HookDelivery.objects.exclude(state="applied").exists()
        assert {stream.things for stream in PullStream.objects.filter(things__gt=0)} == {MANY}


@pytest.mark.slow
def test_what_is_read_again_is_kept_once_and_a_change_once_more(acme: Tenant, api: tuple[str, Api]) -> None:
    source, running = api
    give(acme, connection_to(acme, source), running)
    pull(acme)
    before = calls(acme)
    for _ in range(2):
        pull(acme, again=True)
    assert calls(acme) == before
    _change(source, running)
    pull(acme, again=True)
    assert calls(acme) == before + 1


def _change(source: str, running: Api) -> None:
    """Somebody is called otherwise, over there."""
    match source:
        case "stripe":
            thing = {**running.things["customers"][0], "name": "Otherwise"}
            event = {"id": "evt_1", "type": "customer.updated", "created": epoch(900), "data": {"object": thing}}
            running.things.setdefault("events", []).append(event)
        case "zendesk":
            users = running.things["users"]
            users.append({**users[0], "name": "Otherwise", "updated_at": iso(900)})
        case "intercom":
            running.things["contacts"][0] |= {"name": "Otherwise", "updated_at": epoch(900)}
        case "hubspot":
            first = running.things["contacts"][0]
            first["properties"]["firstname"], first["updatedAt"] = "Otherwise", iso(900)
        case _:
            running.things["Contact"][0] |= {"Name": "Otherwise", "SystemModstamp": iso(900)}


@pytest.mark.slow
def test_no_failure_loses_or_doubles_anything(acme: Tenant, api: tuple[str, Api]) -> None:
    source, running = api
    chance = random.Random(source)
    kinds = [500, 502, (429, {"Retry-After": "1"}), (503, {"Retry-After": "nonsense"}), "cut", "garbage", "strange"]
    running.faults = [chance.choice(kinds) for _ in range(14)]
    give(acme, connection_to(acme, source), running)
    pull(acme, rounds=120)
    assert not running.faults
    assert calls(acme) == sum(map(len, running.things.values()))
    with tenant_context(acme):
        assert not PullStream.objects.exclude(reason="").exists()
        assert not PullStream.objects.exclude(attempts=0).exists()


def test_a_key_that_is_not_taken_stops_until_another_is_given(acme: Tenant, api: tuple[str, Api]) -> None:
    source, running = api
    to = connection_to(acme, source)
    running.key = "another key altogether"
    running.faults = [401] if source == "salesforce" else []
    access = give(acme, to, running)
    work.drain(acme.id)
    asked = len(running.asked)
    with tenant_context(acme):
        access.refresh_from_db()
        assert access.stopped_at is not None
        assert "does not take this key" in access.reason
        assert work.backlog() is None
        [alarm] = alarms(timezone.now())
        assert alarm.stopped == access.reason
        [watched_one] = [entry for entry in watched(timezone.now()) if entry.kind == "connection"]
        assert "read no more" in watched_one.reason(timezone.now())
    work.drain(acme.id)
    assert len(running.asked) == asked
    running.key = KEY
    give(acme, to, running)
    with tenant_context(acme):
        assert not alarms(timezone.now())
    pull(acme)
    assert calls(acme) == sum(map(len, running.things.values()))


def test_a_worker_that_dies_leaves_its_page_to_the_next(acme: Tenant, api: tuple[str, Api]) -> None:
    source, running = api
    give(acme, connection_to(acme, source), running)
    dead = work._claim(acme.id)
    assert dead is not None
    with tenant_context(acme):
        # Nobody else asks the same list meanwhile.
        others = {stream.name for stream in PullStream.objects.filter(due_at__lte=timezone.now())}
        assert dead.stream.name not in others
    pull(acme)
    assert calls(acme) == sum(map(len, running.things.values()))
    # It was only slow: what it brings after the lease ended does not count.
    with tenant_context(acme):
        place = PullStream.objects.get(pk=dead.stream.pk).cursor
    work._keep(acme.id, dead, pullers.get(source).stream(dead.stream.name), Page([], {"somewhere": "else"}))
    with tenant_context(acme):
        assert PullStream.objects.get(pk=dead.stream.pk).cursor == place


def test_what_a_webhook_brought_is_not_brought_again(acme: Tenant) -> None:
    """Stripe's events have ids of their own, whichever way they come."""
    event = stripe_event("customer.updated", {"id": "cus_1", "name": "Northwind"}, at=epoch(1))
    with served("stripe", {"events": [event]}) as running:
        to = connection_to(acme, "stripe")
        take(acme, to, event)
        give(acme, to, running)
        pull(acme)
    assert calls(acme) == 1


def test_more_events_than_a_page_are_read_in_their_order(acme: Tenant) -> None:
    def named(number: int) -> dict[str, Any]:
        return stripe_event("customer.updated", {"id": "cus_1", "name": f"Name {number}"}, at=epoch(number))

    with served("stripe", {"events": [named(0)]}) as running:
        give(acme, connection_to(acme, "stripe"), running)
        pull(acme)
        running.things["events"] += [named(number) for number in range(1, 12)]
        pull(acme, again=True)
    assert calls(acme) == 12
    apply(acme)
    with tenant_context(acme):
        assert Account.objects.get().name == "Name 11"


def test_a_place_that_the_system_forgot_begins_anew_and_misses_nothing(acme: Tenant) -> None:
    things = world_of("stripe")
    event = stripe_event("customer.updated", {**things["customers"][0], "name": "First"}, at=epoch(1))
    with served("stripe", {**things, "events": [event]}) as running:
        give(acme, connection_to(acme, "stripe"), running)
        pull(acme)
        before = calls(acme)
        # Forty days later: the event is gone, and so are those that told of a new customer.
        running.things["events"] = []
        running.things["customers"].append({"id": "cus_new", "object": "customer", "name": "Newcomer"})
        pull(acme, again=True)
        pull(acme)
    assert calls(acme) == before + 1
    apply(acme)
    with tenant_context(acme):
        assert Account.objects.filter(name="Newcomer").exists()


def test_two_who_give_a_key_at_once_leave_one(acme: Tenant) -> None:
    to = connection_to(acme, "intercom")

    def one(number: int) -> None:
        try:
            with tenant_context(acme):
                access_give(endpoint=to, secret=f"{KEY}-{number}", actor=ACTOR)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    with tenant_context(acme):
        assert PullAccess.objects.count() == 1
        assert PullStream.objects.count() == len(pullers.get("intercom").streams)


def test_recorded_answers_are_read(acme: Tenant) -> None:
    """Intercom's own examples, and Stripe's own objects as lists."""
    things: Things = {
        "companies": sample("intercom-openapi", "get_companies.json")["data"],
        "conversations": sample("intercom-openapi", "post_conversations_search.json")["conversations"],
        "tickets": sample("intercom-openapi", "post_tickets_search.json")["tickets"],
    }
    with served("intercom", things) as running:
        to = connection_to(acme, "intercom")
        with tenant_context(acme):
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            access_give(endpoint=to, secret=KEY, address=running.address, start_at=long_ago, actor=ACTOR)
        pull(acme)
    assert calls(acme) == sum(map(len, things.values())) > 2
    apply(acme)
    with tenant_context(acme):
        assert Account.objects.filter(name="IntercomQATest1").exists()
        assert set(HookDelivery.objects.values_list("state", flat=True)) <= {"applied", "unmatched"}


# --- Keys and addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://api.example.com", "https"),
        ("https://user:pw@api.example.com", "password"),
        ("https://api.example.com/v1", "only the scheme and the host"),
        ("nonsense", "https"),
    ],
)
def test_addresses_that_are_not_called_are_refused(acme: Tenant, settings: Settings, address: str, why: str) -> None:
    settings.OUTGOING_ALLOW = []
    to = connection_to(acme, "zendesk")
    with tenant_context(acme), pytest.raises(ValidationError, match=why):
        access_give(endpoint=to, secret=KEY, address=address, actor=ACTOR)


def test_nobody_reads_from_inside_the_house(acme: Tenant, settings: Settings) -> None:
    with served("zendesk", world_of("zendesk")) as running:
        to = connection_to(acme, "zendesk")
        give(acme, to, running)
        settings.OUTGOING_ALLOW = []
        work.drain(acme.id)
        assert not running.asked
    with tenant_context(acme):
        assert set(PullStream.objects.values_list("attempts", flat=True)) == {1}


def test_a_key_taken_back_is_forgotten_and_nothing_is_asked(acme: Tenant, api: tuple[str, Api]) -> None:
    source, running = api
    access = give(acme, connection_to(acme, source), running)
    with tenant_context(acme):
        access_take(access=access, actor=ACTOR)
        access_now(access=PullAccess.objects.get(), actor=ACTOR)
        assert PullAccess.objects.get().secret == ""
    work.drain(acme.id)
    assert not running.asked


def test_the_page_takes_a_key_of_an_admin_only(acme: Tenant, globex: Tenant) -> None:
    def client(tenant: Tenant, role: Role) -> Client:
        found = Client()
        found.force_login(make_member(tenant, role, password=None).user)
        return found

    with served("zendesk", world_of("zendesk")) as running:
        to = connection_to(acme, "zendesk")
        page = f"/t/acme/sources/connections/{to.pk}/"
        given = {"secret": KEY, "address": running.address}
        assert client(acme, Role.CSM).post(f"{page}reading/", given).status_code == 403
        stranger = client(globex, Role.ADMIN)
        assert stranger.post(page.replace("acme", "globex") + "reading/", given).status_code == 404
        admin = client(acme, Role.ADMIN)
        wrong = admin.post(f"{page}reading/", {"secret": KEY, "address": "ftp://a"}, follow=True).content.decode()
        assert "Nothing was changed" in wrong
        told = admin.post(f"{page}reading/", given, follow=True).content.decode()
        assert "reading has begun" in told
        assert KEY not in told
        pull(acme)
        assert "all read" in admin.get(page).content.decode()
        assert admin.post(f"{page}reading/now/").status_code == 302
        assert admin.post(f"{page}reading/stop/").status_code == 302
        assert "the key was removed" in admin.get(page).content.decode()
    without_api = connection_to(acme, "customerio")
    assert admin.post(f"/t/acme/sources/connections/{without_api.pk}/reading/", given).status_code == 404


# --- Patience ---------------------------------------------------------------------------------------------------------


@given(status=st.sampled_from([0, 400, 404, 429, 500, 503]), attempts=st.integers(1, 10_000), luck=st.floats(0, 1))
def test_waiting_grows_and_has_an_end(status: int, attempts: int, luck: float) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    wait, next_one = (waiting(status, "", count, now, luck=luck) for count in (attempts, attempts + 1))
    assert not wait.stop
    assert timedelta(seconds=3) <= wait.after <= next_one.after <= LONGEST * 1.25


@given(told=st.one_of(st.text(max_size=12), st.floats().map(str), st.integers(-(10**12), 10**12).map(str)))
def test_the_patience_that_is_asked_for_is_bounded(told: str) -> None:
    found = asked_patience(told, datetime(2026, 1, 1, tzinfo=UTC))
    assert found is None or timedelta(seconds=1) <= found <= MOST_PATIENCE


def test_patience_is_read_as_seconds_and_as_a_date() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert asked_patience("90", now) == timedelta(seconds=90)
    assert asked_patience("Thu, 01 Jan 2026 12:02:00 GMT", now) == timedelta(minutes=2)
    assert waiting(429, "90", 7, now).after == timedelta(seconds=90)
    assert waiting(401, "90", 1, now).stop


@given(
    source=st.sampled_from(SOURCES),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "records", "results", "users", "tickets", "id", "Id", "properties", "pages"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
)
def test_an_answer_of_any_form_is_read_or_refused(source: str, body: Any) -> None:
    for stream in pullers.get(source).streams:
        try:
            page = stream.page(body, {}, START)
        except Malformed:
            continue
        assert all(call.event_id and len(call.event_id) <= 200 for call in page.calls)
