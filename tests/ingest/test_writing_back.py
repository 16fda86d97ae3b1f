"""Values of the record written to HubSpot and Salesforce: what differs, once, whatever the other side answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given as given_by
from hypothesis import strategies as st
from pytest_django import Settings

from hub.accounts.models import Account, AccountFacts
from hub.accounts.services.winning import fields_set_by_hand
from hub.ingest.connectors.base import latest_given, said_since
from hub.ingest.connectors.endpoints import endpoint_revoke
from hub.ingest.connectors.selectors import alarms
from hub.ingest.models import HookDelivery, HookEndpoint, SourceWord, WriteBack, WriteCall, WrittenRow
from hub.ingest.pulling.services import access_give, access_take
from hub.ingest.writing import work
from hub.ingest.writing.base import difference
from hub.ingest.writing.services import trial_ask, writing_now, writing_set
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.apis import KEY, Api, Things, served
from tests.ingest.hooks import apply, endpoint, take
from tests.ingest.test_pulling import MANY, START, pull, world_of
from tests.world import ACTOR, make_account, make_member

pytestmark = pytest.mark.django_db(transaction=True)
STAGE = {"hubspot": "tandem_stage", "salesforce": "Tandem_Stage__c"}
RENEWS = {"hubspot": "tandem_renews_on", "salesforce": "Tandem_Renews_On__c"}
THINGS = {"hubspot": "companies", "salesforce": "Account"}


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]


class Crm:
    """A connection to a CRM whose eight customers are accounts here."""

    def __init__(self, tenant: Tenant, api: Api, source: str) -> None:
        self.tenant, self.api, self.source = tenant, api, source
        options = {"organisation": "00D000000000001"} if source == "salesforce" else {}
        self.endpoint: HookEndpoint = endpoint(tenant, source, makes_accounts=True, options=options)
        self.give()
        pull(tenant)
        apply(tenant)
        api.asked.clear()

    def give(self, secret: str = "") -> None:
        made = KEY if self.source != "salesforce" else f"client:{KEY}"
        with tenant_context(self.tenant):
            access_give(
                endpoint=self.endpoint, secret=secret or made, address=self.api.address, start_at=START, actor=ACTOR
            )

    def on(self, **fields: str) -> WriteBack:
        with tenant_context(self.tenant):
            chosen = fields or {"stage": STAGE[self.source]}
            return writing_set(endpoint=self.endpoint, fields=chosen, on=True, actor=ACTOR)

    def work(self, rounds: int = 1) -> None:
        """Let time pass: everything that waits is due."""
        for _ in range(rounds):
            with tenant_context(self.tenant):
                WriteBack.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
            work.drain(self.tenant.pk)

    def again(self) -> None:
        """What was left for later is due too."""
        with tenant_context(self.tenant):
            WrittenRow.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        self.work()

    @property
    def writes(self) -> list[Any]:
        """The bodies of the requests that wrote."""
        return [asked.body for asked in self.api.asked if asked.path.endswith(("/batch/update", "/sobjects"))]

    def values(self, name: str = "") -> list[Any]:
        """A field over there, of every customer."""
        name = name or STAGE[self.source]
        things = self.api.things[THINGS[self.source]]
        return [(thing.get("properties") or thing).get(name) for thing in things]

    def accounts(self) -> Any:
        return Account.objects.order_by("name")

    def state(self) -> WriteBack:
        with tenant_context(self.tenant):
            found: WriteBack = WriteBack.objects.get()
            return found


def customers_of(source: str) -> Things:
    """The customers of a source without their people and deals, of which nothing is written."""
    return {name: things if name == THINGS[source] else [] for name, things in world_of(source).items()}


@pytest.fixture(params=["hubspot", "salesforce"])
def crm(request: pytest.FixtureRequest, acme: Tenant) -> Iterator[Crm]:
    with served(request.param, customers_of(request.param)) as running:
        yield Crm(acme, running, request.param)


@pytest.fixture
def hubspot(acme: Tenant) -> Iterator[Crm]:
    with served("hubspot", customers_of("hubspot")) as running:
        yield Crm(acme, running, "hubspot")


def size(body: Any) -> int:
    return len(body.get("inputs") or body.get("records"))


def test_what_is_switched_on_is_written_once_in_one_call_and_nothing_before(acme: Tenant, crm: Crm) -> None:
    crm.work()
    with tenant_context(acme):
        writing_set(endpoint=crm.endpoint, fields={"stage": STAGE[crm.source]}, on=False, actor=ACTOR)
    crm.work()
    assert not crm.writes
    crm.on()
    crm.work(3)
    assert [size(body) for body in crm.writes] == [MANY]
    assert crm.values() == ["onboarding"] * MANY
    with tenant_context(acme):
        [call] = WriteCall.objects.all()
        assert (call.code, call.refused, len(call.entries)) == (200, 0, MANY)
        assert {entry["outcome"] for entry in call.entries} == {"written"}
        assert not WrittenRow.objects.filter(due_at__isnull=False).exists()
        assert AuditEvent.objects.filter(action="write.set").count() == 2
    assert crm.state().written == MANY


def test_only_what_changed_is_sent_and_what_is_gone_is_emptied(acme: Tenant, crm: Crm) -> None:
    crm.on(stage=STAGE[crm.source], renews_on=RENEWS[crm.source])
    with tenant_context(acme):
        for account in crm.accounts():
            AccountFacts.objects.update_or_create(account=account, defaults={"renews_on": datetime(2027, 1, 31)})
    crm.work()
    assert crm.values(RENEWS[crm.source]) == ["2027-01-31"] * MANY
    crm.api.asked.clear()
    with tenant_context(acme):
        first, second = crm.accounts()[:2]
        Account.objects.filter(pk=first.pk).update(stage="value")
        AccountFacts.objects.filter(account=second).update(renews_on=None)
    crm.work(2)
    [body] = crm.writes
    assert size(body) == 2
    told = json.dumps(body)
    assert told.count(STAGE[crm.source]) == told.count(RENEWS[crm.source]) == 1
    assert sorted(map(str, crm.values())) == ["onboarding"] * (MANY - 1) + ["value"]
    empty = "" if crm.source == "hubspot" else None
    assert crm.values(RENEWS[crm.source]).count(empty) == 1


def test_what_went_and_came_back_before_it_was_sent_is_not_sent(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    hubspot.work()
    hubspot.api.asked.clear()
    hubspot.api.faults = [500]
    with tenant_context(acme):
        Account.objects.filter(name="Customer 0").update(stage="value")
    hubspot.work()
    assert len(hubspot.writes) == 1
    with tenant_context(acme):
        Account.objects.filter(name="Customer 0").update(stage="onboarding")
        WrittenRow.objects.filter(due_at__isnull=False).update(due_at=timezone.now() + timedelta(hours=1))
    hubspot.work()
    assert len(hubspot.writes) == 1
    assert hubspot.values() == ["onboarding"] * MANY
    with tenant_context(acme):
        assert not WrittenRow.objects.filter(due_at__isnull=False).exists()


@given_by(
    wanted=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2) | st.text(max_size=1)),
    written=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2) | st.text(max_size=1)),
)
def test_a_difference_leads_from_one_to_the_other(wanted: dict[str, Any], written: dict[str, Any]) -> None:
    found = difference(wanted, written)
    reached = {name: value for name, value in {**written, **found}.items() if value is not None}
    assert reached == wanted
    assert all(written.get(name) != value for name, value in found.items())


# --- What the other side answers ----------------------------------------------------------------------------------


def test_one_that_is_refused_holds_up_nobody_else(acme: Tenant, crm: Crm) -> None:
    things = crm.api.things[THINGS[crm.source]]
    bad = str(things[3].get("id") or things[3].get("Id"))
    crm.api.refuses[bad] = "this one is locked"
    crm.on()
    crm.work(2)
    assert crm.values().count("onboarding") == MANY - 1
    with tenant_context(acme):
        [row] = WrittenRow.objects.filter(due_at__isnull=False)
        assert "this one is locked" in row.reason
        assert row.due_at > timezone.now() + timedelta(minutes=4)
        assert WriteCall.objects.get().refused == 1
    crm.api.refuses.clear()
    crm.again()
    assert crm.values().count("onboarding") == MANY


def test_a_call_refused_as_a_whole_is_narrowed_to_the_one_that_cannot_be(acme: Tenant, hubspot: Crm) -> None:
    """HubSpot answers 400 to all when one value is not valid."""
    answer = hubspot.api.answer

    def strict(api: Api, asked: Any) -> Any:
        if asked.path.endswith("/batch/update") and any(entry["id"] == "4" for entry in asked.body["inputs"]):
            raise ValueError("not valid")
        return answer(api, asked)

    hubspot.api.answer = strict
    hubspot.on()
    for _ in range(30):
        hubspot.work()
    assert hubspot.values().count("onboarding") == MANY - 1
    with tenant_context(acme):
        [row] = WrittenRow.objects.filter(due_at__isnull=False)
        assert row.external_id == "4"
        assert "answered 400" in row.reason
    assert hubspot.state().room == 0


def test_when_everything_is_refused_the_system_is_given_a_rest_and_the_page_says_why(
    acme: Tenant, hubspot: Crm
) -> None:
    def strict(api: Api, asked: Any) -> Any:
        raise ValueError("no such property")

    hubspot.api.answer, kept = strict, hubspot.api.answer
    hubspot.on()
    for _ in range(6):
        work.drain(acme.pk)
        with tenant_context(acme):
            soon = WriteBack.objects.filter(due_at__lt=timezone.now() + timedelta(seconds=1))
            soon.update(due_at=timezone.now())
    asked = len(hubspot.writes)
    assert asked <= 6
    state = hubspot.state()
    assert state.alone >= work.MOST_ALONE
    assert state.due_at is not None
    assert state.due_at > timezone.now() + timedelta(seconds=2)
    assert "answered 400" in state.reason
    hubspot.api.answer = kept
    for _ in range(8):
        hubspot.again()
    assert hubspot.values().count("onboarding") == MANY


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        ((429, {"Retry-After": "77"}), 70, 80),
        ((503, {"Retry-After": "nonsense"}), 3, 8),
        (500, 3, 8),
        ("cut", 3, 8),
        ("garbage", 3, 8),
    ],
    ids=["429", "503", "500", "reset", "garbage"],
)
def test_an_answer_that_is_none_is_waited_out_and_nothing_is_lost(
    acme: Tenant, hubspot: Crm, fault: Any, least: int, most: int
) -> None:
    hubspot.on()
    hubspot.api.faults = [fault]
    before = timezone.now()
    work.drain(acme.pk)
    state = hubspot.state()
    assert state.due_at is not None
    assert timedelta(seconds=least) <= state.due_at - before <= timedelta(seconds=most)
    assert (state.attempts, bool(state.reason)) == (1, True)
    assert hubspot.values() == [None] * MANY
    hubspot.work(2)
    assert hubspot.values() == ["onboarding"] * MANY
    assert (hubspot.state().attempts, hubspot.state().reason) == (0, "")


def test_a_system_that_hangs_is_left_after_its_time(
    acme: Tenant, hubspot: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from hub.ingest.pulling import asking

    released = threading.Event()
    answer = hubspot.api.answer

    def slow(api: Api, asked: Any) -> Any:
        released.wait(20)
        return answer(api, asked)

    monkeypatch.setattr(asking, "SECONDS", 0.3)
    hubspot.api.answer = slow
    hubspot.on()
    work.drain(acme.pk)
    assert "no whole answer" in hubspot.state().reason
    with tenant_context(acme):
        assert WriteCall.objects.get().code == 0
    released.set()
    hubspot.api.answer = answer
    monkeypatch.setattr(asking, "SECONDS", 20.0)
    hubspot.work(2)
    assert hubspot.values() == ["onboarding"] * MANY


def test_a_limit_that_is_told_as_403_is_waited_out(acme: Tenant) -> None:
    with served("salesforce", world_of("salesforce")) as running:
        crm = Crm(acme, running, "salesforce")
        respond = running.respond

        def limited(asked: Any) -> tuple[int, dict[str, str], bytes]:
            if asked.path.endswith("/sobjects"):
                return 403, {}, b'[{"message":"limit exceeded","errorCode":"REQUEST_LIMIT_EXCEEDED"}]'
            return respond(asked)

        running.respond = limited  # type: ignore[method-assign]  # this API alone answers so
        crm.on()
        work.drain(acme.pk)
        state = crm.state()
        assert state.stopped_at is None
        assert "too often" in state.reason
        running.respond = respond  # type: ignore[method-assign]  # and as before
        crm.work(2)
        assert crm.values() == ["onboarding"] * MANY


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken_stops_and_alarms_until_another_is_given(
    acme: Tenant, hubspot: Crm, status: int
) -> None:
    hubspot.on()
    hubspot.api.faults = [status]
    work.drain(acme.pk)
    state = hubspot.state()
    assert state.stopped_at is not None
    with tenant_context(acme):
        [alarm] = alarms(timezone.now())
        assert "written to no more" in alarm.trouble
        assert work.backlog() is None
    work.drain(acme.pk)
    assert len(hubspot.writes) == 1
    hubspot.give()
    work.drain(acme.pk)
    assert hubspot.values() == ["onboarding"] * MANY
    with tenant_context(acme):
        assert not alarms(timezone.now())


def test_without_a_key_writing_stops(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    with tenant_context(acme):
        from hub.ingest.models import PullAccess

        access_take(access=PullAccess.objects.get(), actor=ACTOR)
    work.drain(acme.pk)
    assert hubspot.state().stopped_at is not None
    assert not hubspot.writes
    with tenant_context(acme), pytest.raises(ValidationError, match="no key"):
        writing_set(endpoint=hubspot.endpoint, fields={"stage": "tandem_stage"}, on=True, actor=ACTOR)


def test_a_connection_that_is_closed_or_switched_off_writes_no_more(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    with tenant_context(acme):
        writing_set(endpoint=hubspot.endpoint, fields={"stage": "tandem_stage"}, on=False, actor=ACTOR)
        assert work.backlog() is None
    hubspot.on()
    with tenant_context(acme):
        endpoint_revoke(endpoint=hubspot.endpoint, actor=ACTOR)
        assert work.backlog() is None
    hubspot.work(2)
    assert not hubspot.writes
    with tenant_context(acme), pytest.raises(ValidationError, match="closed"):
        writing_set(endpoint=hubspot.endpoint, fields={"stage": "tandem_stage"}, on=True, actor=ACTOR)


def test_a_worker_that_dies_leaves_its_batch_to_the_next(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    with tenant_context(acme):
        dead = work._claim()
    assert dead is not None
    assert len(dead.entries) == MANY
    # While it is taken nobody else writes.
    work.drain(acme.pk)
    assert not hubspot.writes
    # It wrote, and died before it could say so: the same values are written once more.
    outcome = work.send(dead)
    hubspot.work()
    assert [size(body) for body in hubspot.writes] == [MANY, MANY]
    assert hubspot.values() == ["onboarding"] * MANY
    with tenant_context(acme):
        assert not work.keep(dead, outcome)
        assert WriteCall.objects.count() == 1


def test_more_than_a_call_takes_goes_in_several(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    with tenant_context(acme):
        WriteBack.objects.update(room=3)
    for _ in range(4):
        hubspot.work()
    assert [size(body) for body in hubspot.writes] == [3, MANY - 3]
    assert hubspot.values() == ["onboarding"] * MANY


# --- No loops -----------------------------------------------------------------------------------------------------


def test_what_was_written_does_not_come_back_as_their_word(acme: Tenant, crm: Crm) -> None:
    with tenant_context(acme):
        account = crm.accounts()[0]
        fields_set_by_hand(row=account, values={"name": "Ours"}, actor=ACTOR)
        before = SourceWord.objects.count()
    crm.on()
    crm.work(2)
    # The customers were changed over there, by us: they are read once more, and that is all.
    pull(acme, again=True)
    apply(acme)
    with tenant_context(acme):
        assert HookDelivery.objects.exclude(state="applied").count() == 0
        assert SourceWord.objects.count() >= before
        names = {name for facts in SourceWord.objects.values_list("facts", flat=True) for name in facts}
        assert not [name for name in names if "tandem" in name.lower()]
        stages = {
            name for words in Account.objects.values_list("words", flat=True) for name in words[crm.source]["said"]
        }
        assert "stage" not in stages
        # Nor does their old name win over what was said here since.
        assert Account.objects.get(pk=account.pk).name == "Ours"
    writes = len(crm.writes)
    crm.work(3)
    assert len(crm.writes) == writes


def test_a_webhook_about_our_own_property_says_nothing(acme: Tenant, hubspot: Crm) -> None:
    event = {
        "eventId": 1, "subscriptionType": "company.propertyChange", "objectId": 1, "occurredAt": 1_780_000_000_000,
        "propertyName": "tandem_stage", "propertyValue": "onboarding",
    }  # fmt: skip
    with tenant_context(acme):
        before = SourceWord.objects.count()
    call = take(acme, hubspot.endpoint, [event])[-1]
    assert call.state == "nothing"
    with tenant_context(acme):
        assert SourceWord.objects.count() == before


@pytest.mark.parametrize(
    ("source", "field"), [("hubspot", "name"), ("hubspot", "industry"), ("salesforce", "WEBSITE"), ("salesforce", "Id")]
)
def test_what_is_read_from_there_is_never_written(acme: Tenant, source: str, field: str) -> None:
    options = {"organisation": "00D000000000001"} if source == "salesforce" else {}
    to = endpoint(acme, source, options=options)
    with tenant_context(acme), pytest.raises(ValidationError, match=r"come back|cannot be the name|read from there"):
        writing_set(endpoint=to, fields={"stage": field}, on=False, actor=ACTOR)


AT = st.integers(0, 9).map(lambda hour: datetime(2026, 1, 1, hour, tzinfo=UTC))


@given_by(st.lists(st.tuples(AT, st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", "y", ""]))), max_size=8))
def test_saying_the_same_again_is_no_news(history: list[tuple[datetime, dict[str, Any]]]) -> None:
    history = sorted(history, key=lambda entry: entry[0])
    since, now = said_since(history), latest_given(history)
    assert since.keys() == now.keys()
    later = datetime(2026, 1, 2, tzinfo=UTC)
    assert said_since([*history, (later, now)]) == since
    for name, at in since.items():
        # From then on nothing else was said of it, and just before something else, or nothing.
        assert {facts[name] for said, facts in history if said > at and facts.get(name)} <= {now[name]}
        assert (at, now[name]) in [(said, facts.get(name)) for said, facts in history]
        assert said_since([*history, (later, {name: "news"})])[name] == later


# --- Choosing, trying, pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"nonsense": "tandem_stage"}, "has no nonsense"),
        ({"stage": "Tandem Stage"}, "cannot be the name"),
        ({"stage": "tandem", "industry": "tandem"}, "to one field"),
        ({}, "at least one value"),
        ({"stage": " "}, "at least one value"),
    ],
)
def test_fields_that_cannot_be_are_refused(acme: Tenant, hubspot: Crm, fields: dict[str, str], why: str) -> None:
    with tenant_context(acme), pytest.raises(ValidationError, match=why):
        writing_set(endpoint=hubspot.endpoint, fields=fields, on=True, actor=ACTOR)


def test_only_one_connection_of_a_system_writes(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    other = endpoint(acme, "hubspot")
    with tenant_context(acme):
        access_give(endpoint=other, secret=KEY, address=hubspot.api.address, start_at=START, actor=ACTOR)
        with pytest.raises(ValidationError, match="writes already"):
            writing_set(endpoint=other, fields={"stage": "tandem_stage"}, on=True, actor=ACTOR)


def test_a_field_that_is_written_no_more_keeps_what_it_has_and_is_written_anew(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on(stage="tandem_stage", industry="tandem_industry")
    with tenant_context(acme):
        Account.objects.update(industry="mining")
    hubspot.work(2)
    hubspot.on(stage="tandem_stage")
    hubspot.api.asked.clear()
    hubspot.work(2)
    assert not hubspot.writes
    assert hubspot.values("tandem_industry") == ["mining"] * MANY
    hubspot.on(stage="tandem_stage", industry="tandem_industry")
    hubspot.work(2)
    assert [size(body) for body in hubspot.writes] == [MANY]


def test_every_kind_of_value_has_its_form(acme: Tenant, hubspot: Crm) -> None:
    with tenant_context(acme):
        account = Account.objects.get(name="Customer 0")
        Account.objects.filter(pk=account.pk).update(seats=12, signed_up_on=datetime(2025, 3, 1))
        AccountFacts.objects.update_or_create(account=account, defaults={"mrr_minor": 123450, "csat_90d": 4.25})
    hubspot.on(seats="t_seats", signed_up_on="t_on", mrr_minor="t_mrr", csat_90d="t_csat", has_parent="t_child")
    hubspot.work(2)
    properties = hubspot.api.things["companies"][0]["properties"]
    written = {name: properties[name] for name in ("t_seats", "t_on", "t_mrr", "t_csat", "t_child")}
    assert written == {
        "t_seats": "12", "t_on": "2025-03-01", "t_mrr": "1234.5", "t_csat": "4.25", "t_child": "false",
    }  # fmt: skip


def sign_in(tenant: Tenant, role: str = "admin") -> Client:
    client = Client()
    client.force_login(make_member(tenant, role, password=None).user)
    return client


def test_an_admin_chooses_tries_and_switches_on(acme: Tenant, hubspot: Crm) -> None:
    admin, page = sign_in(acme), f"/t/acme/sources/connections/{hubspot.endpoint.pk}/writing/"
    assert "Nothing written yet" in admin.get(page).content.decode()
    saved = admin.post(f"{page}change/", {"to-stage": "tandem_stage"}, follow=True).content.decode()
    assert "Nothing is written" in saved
    wrong = admin.post(f"{page}change/", {"to-stage": "name", "on": "on"})
    assert wrong.status_code == 422
    assert "come back as their word" in wrong.content.decode()

    nobody = admin.get(f"{page}?account=Nobody").content.decode()
    assert "No account is called so" in nobody
    shown = admin.get(f"{page}?account=Customer 0").content.decode()
    assert f"POST {hubspot.api.address}/crm/v3/objects/companies/batch/update" in shown
    assert "tandem_stage" in shown
    assert KEY not in shown
    assert not hubspot.writes

    with tenant_context(acme):
        account = Account.objects.get(name="Customer 0")
    asked = admin.post(f"{page}try/", {"account": str(account.pk)})
    assert "Being sent" in admin.get(asked["Location"]).content.decode()
    # A trial is sent although writing is off, by a worker.
    work.drain(acme.pk)
    answered = admin.get(asked["Location"]).content.decode()
    assert "Answered 200" in answered
    assert "COMPLETE" in answered
    assert hubspot.values().count("onboarding") == 1

    admin.post(f"{page}change/", {"to-stage": "tandem_stage", "other": "industry", "other_field": "t_i", "on": "on"})
    work.drain(acme.pk)
    # What the trial wrote is known.
    assert [size(body) for body in hubspot.writes] == [1, MANY - 1]
    assert "8 written" not in admin.get(page).content.decode()
    assert hubspot.state().fields == {"stage": "tandem_stage", "industry": "t_i"}


def test_who_may_not_change_sources_sees_the_log_alone(acme: Tenant, hubspot: Crm) -> None:
    hubspot.on()
    hubspot.work()
    csm, page = sign_in(acme, "csm"), f"/t/acme/sources/connections/{hubspot.endpoint.pk}/writing/"
    shown = csm.get(page).content.decode()
    assert "tandem_stage" in shown
    assert "Save" not in shown
    assert csm.post(f"{page}change/", {"to-stage": "x"}).status_code == 403
    assert csm.post(f"{page}try/", {"account": "Customer 0"}).status_code == 403


def test_the_log_asks_the_same_number_of_questions_for_one_and_for_twenty(acme: Tenant, hubspot: Crm) -> None:
    writing, admin = hubspot.on(), sign_in(acme)
    page = f"/t/acme/sources/connections/{hubspot.endpoint.pk}/writing/"
    entry = {"account": str(writing.pk), "name": "A", "external_id": "1", "values": {}, "outcome": "written"}

    def questions(rows: int) -> int:
        with tenant_context(acme):
            for _ in range(rows):
                WriteCall.objects.create(writing=writing, at=timezone.now(), code=200, entries=[entry])
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert admin.get(page).status_code == 200
        return len(asked)

    assert questions(1) == questions(19)


def test_a_system_that_nothing_is_written_to_has_no_such_page(acme: Tenant) -> None:
    to = endpoint(acme, "stripe")
    assert sign_in(acme).get(f"/t/acme/sources/connections/{to.pk}/writing/").status_code == 404


def test_writing_is_asked_for_at_once(acme: Tenant, hubspot: Crm) -> None:
    writing = hubspot.on()
    hubspot.work(2)
    with tenant_context(acme):
        Account.objects.update(stage="value")
    work.drain(acme.pk)
    assert hubspot.values() == ["onboarding"] * MANY
    with tenant_context(acme):
        writing_now(writing=writing, actor=ACTOR)
    work.drain(acme.pk)
    assert hubspot.values() == ["value"] * MANY


def test_an_account_without_an_id_there_is_told_so(acme: Tenant, hubspot: Crm) -> None:
    writing = hubspot.on()
    with tenant_context(acme), pytest.raises(ValidationError, match="has no id there"):
        trial_ask(writing=writing, account=make_account("Elsewhere"), actor=ACTOR)
    hubspot.work(2)
    assert sum(map(size, hubspot.writes)) == MANY
