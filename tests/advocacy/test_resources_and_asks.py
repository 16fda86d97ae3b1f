"""Resources and asks: what journeys unlock and ask for, what customers find in their hub and answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from advocacy.asks.models import LEVEL_OF, Ask, AskKind
from advocacy.asks.services import AskRefused, ask_answer, ask_create
from advocacy.models import Candidate
from advocacy.resources.models import Resource, ResourceUnlock
from advocacy.resources.services import LARGEST, ResourceError, resource_archive, resource_create, resource_unlock
from hub.accounts.models import Account, AccountFacts, Contact, ContactStatus, TimelineEntry
from hub.outbox.services import consent_set
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.steps.ask_advocate import ASKS
from qbr.models import QbrLine
from qbr.services import qbr_generate_all
from tests.journeys import stage
from tests.journeys.graphs import go, graph, node, publish, step, world
from tests.world import ACTOR, make_account, make_contact, make_member


@pytest.fixture
def account(acme: Tenant) -> Account:
    return world(acme)


def customer(tenant: Tenant, email: str = "kim@northwind.example") -> Client:
    with tenant_context(tenant):
        token = sign_in_prepare(email=email).token
    client = Client()
    client.post(f"/hub/{tenant.slug}/enter/{token}/")
    return client


def link(tenant: Tenant, title: str = "Migration guide") -> Resource:
    with tenant_context(tenant):
        return resource_create(title=title, url="https://docs.example/guide", actor=ACTOR)


# --- Resources ----------------------------------------------------------------------------------------------------


def test_a_journey_unlocks_a_resource_and_the_customer_opens_it(acme: Tenant, account: Account) -> None:
    guide = link(acme)
    publish(acme, graph(node("unlock_resource", resource="migration-guide")))
    kim = customer(acme)
    assert "Migration guide" not in kim.get("/hub/acme/resources/").content.decode()
    assert kim.get(f"/hub/acme/resources/{guide.pk}/").status_code == 404
    go(acme, account)
    assert step(acme).outcome == "done"
    assert "Migration guide" in kim.get("/hub/acme/resources/").content.decode()
    assert "Migration guide" in kim.get("/hub/acme/").content.decode()
    opened = kim.get(f"/hub/acme/resources/{guide.pk}/")
    assert (opened.status_code, opened["Location"]) == (302, "https://docs.example/guide")
    with tenant_context(acme):
        assert ResourceUnlock.objects.get().opened_at is not None
        assert TimelineEntry.objects.filter(kind="resource").count() == 1


def test_what_is_unlocked_for_one_account_is_not_there_for_another(acme: Tenant, account: Account) -> None:
    guide = link(acme)
    with tenant_context(acme):
        other = make_account("Southwind")
        make_contact(other, "lee@southwind.example")
        assert resource_unlock(resource=guide, account=account, cause="test")
        assert not resource_unlock(resource=guide, account=account, cause="test")
    lee = customer(acme, "lee@southwind.example")
    assert "Migration guide" not in lee.get("/hub/acme/resources/").content.decode()
    assert lee.get(f"/hub/acme/resources/{guide.pk}/").status_code == 404


def test_a_file_is_a_download_whatever_it_holds(acme: Tenant, account: Account, client: Client) -> None:
    client.force_login(make_member(acme, "marketer", password=None).user)
    file = SimpleUploadedFile("übersicht.html", b"<script>alert(1)</script>")
    assert client.post("/t/acme/advocacy/resources/new/", {"title": "Overview", "file": file}).status_code == 302
    with tenant_context(acme):
        kept = Resource.objects.get()
        resource_unlock(resource=kept, account=account, cause="test")
    answer = customer(acme).get(f"/hub/acme/resources/{kept.pk}/")
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%C3%BCbersicht.html")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert answer.content == b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"title": " ", "url": "https://a.example"}, "title"),
        ({"title": "A"}, "either a link or a file"),
        ({"title": "A", "url": "https://a.example", "body": b"x"}, "either a link or a file"),
        ({"title": "A", "url": "javascript:alert(1)"}, "https://"),
        ({"title": "A", "body": b"x" * (LARGEST + 1)}, "5 MB"),
    ],
)
def test_a_resource_that_cannot_be_kept_says_why(acme: Tenant, given: dict[str, Any], problem: str) -> None:
    with tenant_context(acme), pytest.raises(ResourceError, match=problem):
        resource_create(actor=ACTOR, **given)


def test_what_is_put_away_is_gone_for_customers_and_journeys(acme: Tenant, account: Account) -> None:
    guide = link(acme)
    publish(acme, graph(node("unlock_resource", resource="migration-guide")))
    with tenant_context(acme):
        resource_unlock(resource=guide, account=account, cause="test")
        assert resource_archive(resource=guide, actor=ACTOR)
    assert customer(acme).get(f"/hub/acme/resources/{guide.pk}/").status_code == 404
    go(acme, account)
    assert (step(acme).outcome, step(acme).reason) == ("skipped", "no_such_resource")


def test_two_resources_of_one_title_have_keys_of_their_own(acme: Tenant) -> None:
    assert [link(acme).key, link(acme).key] == ["migration-guide", "migration-guide-2"]


# --- Asks ---------------------------------------------------------------------------------------------------------


def test_a_journey_asks_and_the_contact_answers_in_the_hub(acme: Tenant, account: Account, client: Client) -> None:
    text = "Would you tell others how {{ account.name }} closes its month?"
    publish(acme, graph(node("ask_advocate", ask="review", role="champion", text=text)))
    go(acme, account)
    with tenant_context(acme):
        ask = Ask.objects.get()
    assert (ask.level, ask.text) == ("reference", "Would you tell others how Northwind closes its month?")
    kim = customer(acme)
    assert "Would you? Review" in kim.get("/hub/acme/").content.decode()
    assert ask.text in kim.get("/hub/acme/asks/").content.decode()
    kim.post(f"/hub/acme/asks/{ask.pk}/answer/", {"status": "accepted", "answer": "Gladly, in May"})
    kim.post(f"/hub/acme/asks/{ask.pk}/answer/", {"status": "declined", "answer": "No"})
    with tenant_context(acme):
        ask.refresh_from_db()
    assert (ask.status, ask.answer) == ("accepted", "Gladly, in May")
    client.force_login(make_member(acme, "csm", email="cs@acme.example", password=None).user)
    assert "Gladly, in May" in client.get("/t/acme/advocacy/asks/").content.decode()


def test_what_a_colleague_is_asked_is_not_mine_to_answer(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        ask = ask_create(account=account, kind="call", roles=["champion"], text="", cause="one")
        make_contact(account, "lee@northwind.example", name="Lee")
    lee = customer(acme, "lee@northwind.example")
    assert lee.post(f"/hub/acme/asks/{ask.pk}/answer/", {"status": "accepted"}).status_code == 404


def test_nobody_is_asked_twice_within_sixty_days_and_once_for_a_cause(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        first = ask_create(account=account, kind="review", roles=["champion"], text="", cause="one")
        assert ask_create(account=account, kind="review", roles=["champion"], text="", cause="one") == first
        with pytest.raises(AskRefused, match="asked_lately"):
            ask_create(account=account, kind="call", roles=["champion"], text="", cause="two")
        Ask.objects.update(asked_at=timezone.now() - timedelta(days=61))
        assert ask_create(account=account, kind="call", roles=["champion"], text="", cause="two") != first


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"open_urgent_tickets": 1}, "arbitration:open_p1"),
        ({"health_band": "red"}, "arbitration:red_health"),
        ({}, "no_contact_for_role"),
    ],
)
def test_trouble_comes_before_an_ask(acme: Tenant, account: Account, facts: dict[str, Any], reason: str) -> None:
    stage.run(acme)
    with tenant_context(acme):
        AccountFacts.objects.update(**facts)
        with pytest.raises(AskRefused, match=reason):
            ask_create(account=account, kind="review", roles=["nobody"], text="", cause="one")


def test_who_has_left_or_wants_no_such_invitations_is_not_asked(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        kim = account.contacts.get()
        lee = make_contact(account, "lee@northwind.example", roles=["champion"])
        Candidate.objects.create(account=account, contact=kim, qualifies=True)
        consent_set(contact=kim, status="denied", topic="advocacy", source="link", actor=ACTOR)
        assert ask_create(account=account, kind="review", roles=["champion"], text="", cause="one").contact == lee
        with pytest.raises(AskRefused, match="no_consent"):
            ask_create(account=account, kind="review", roles=[], text="", cause="two")
        consent_set(contact=kim, status="granted", topic="advocacy", source="link", actor=ACTOR)
        Contact.objects.filter(pk=kim.pk).update(status=ContactStatus.LEFT)
        with pytest.raises(AskRefused, match="no_contact_for_role"):
            ask_create(account=account, kind="review", roles=[], text="", cause="three")


def test_an_answer_is_yes_or_not_now(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        ask = ask_create(account=account, kind="review", roles=["champion"], text="", cause="one")
        with pytest.raises(ValueError, match="yes or not now"):
            ask_answer(ask=ask, status="open", answer="", actor=ACTOR)


def test_every_kind_of_ask_has_a_level_and_a_step() -> None:
    assert set(LEVEL_OF) == set(AskKind)
    assert set(ASKS) == set(AskKind.values)


@pytest.mark.parametrize("page", ["resources", "asks"])
def test_lists_ask_the_database_as_often_for_twenty_rows_as_for_one(
    acme: Tenant, account: Account, client: Client, page: str, django_assert_max_num_queries: Any
) -> None:
    client.force_login(make_member(acme, "csm", email="cs@acme.example", password=None).user)
    counts = []
    for number in (1, 20):
        with tenant_context(acme):
            for n in range(number):
                resource_create(title=f"R{n}", url="https://a.example", actor=ACTOR)
                Ask.objects.create(
                    account=account,
                    contact=account.contacts.get(),
                    kind="review",
                    level="reference",
                    cause=f"{number} {n}",
                )
        client.get(f"/t/acme/advocacy/{page}/")
        with django_assert_max_num_queries(60) as captured:
            client.get(f"/t/acme/advocacy/{page}/")
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- QBRs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [False, True])
def test_a_journey_writes_a_line_into_the_qbr(acme: Tenant, account: Account, shared: bool) -> None:
    with tenant_context(acme):
        qbr_generate_all(tenant=acme, actor=ACTOR)
    publish(acme, graph(node("update_qbr", text="{{ account.name }} wants more seats", block="goals", shared=shared)))
    go(acme, account)
    with tenant_context(acme):
        line = QbrLine.objects.select_related("block").get(text="Northwind wants more seats")
    assert (line.block.kind, line.internal, line.edited_by_id) == ("goals", not shared, None)


def test_without_a_qbr_there_is_a_reason(acme: Tenant, account: Account) -> None:
    publish(acme, graph(node("update_qbr", text="x")))
    go(acme, account)
    assert (step(acme).outcome, step(acme).reason) == ("skipped", "no_qbr")
