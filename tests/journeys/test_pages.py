"""Journeys and the outbox as staff see them, and what the customer sees of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import Account, Contact
from hub.outbox.models import Consent, Message
from hub.outbox.services import unsubscribe_token
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Journey
from tests.journeys import stage
from tests.outbox.test_sending import queue
from tests.world import make_account, make_contact, make_member


def staff(tenant: Tenant, role: str) -> Client:
    client = Client()
    member = make_member(tenant, role, f"{role}-2@{tenant.slug}.example")
    client.force_login(member.user)
    return client


@pytest.fixture
def account(acme: Tenant) -> Account:
    account = stage.set_up(acme)
    stage.plan(acme, account)
    stage.reach(acme, "kick-off")
    stage.run(acme)
    return account


def journey(tenant: Tenant, key: str = "activation") -> Journey:
    with tenant_context(tenant):
        found: Journey = Journey.objects.get(key=key)
        return found


def message(tenant: Tenant, **fields: Any) -> Message:
    with tenant_context(tenant):
        found: Message = Message.objects.get(**fields)
        return found


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_list_counts_accounts_per_journey(acme: Tenant, account: Account) -> None:
    text = flat(staff(acme, "leader").get("/t/acme/journeys/").text)
    assert "Activation" in text
    assert "Running" in text


def test_the_tree_shows_where_accounts_are(acme: Tenant, account: Account) -> None:
    page = staff(acme, "marketer").get(f"/t/acme/journeys/{journey(acme).pk}/").text
    place = page[page.index('id="node-next-step"') :][:2500]
    assert re.search(r"here</dt><dd[^>]*>1<", place)
    assert "Onboarding milestone reached" in page


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("sentences", "Wait for “Onboarding milestone reached”, at most 5 business days"),
        ("versions", "Ready journey"),
    ],
)
def test_a_journey_reads_in_sentences_and_versions(acme: Tenant, account: Account, mode: str, words: str) -> None:
    assert words in staff(acme, "csm").get(f"/t/acme/journeys/{journey(acme).pk}/?mode={mode}").text


def test_only_who_runs_journeys_may_pause_them(acme: Tenant, account: Account) -> None:
    url = f"/t/acme/journeys/{journey(acme).pk}/"
    csm, marketer = staff(acme, "csm"), staff(acme, "marketer")
    assert "Pause</button>" not in csm.get(url).text
    assert csm.post(f"{url}pause/").status_code == 403
    assert marketer.get(f"{url}pause/").status_code == 405
    assert marketer.post(f"{url}pause/").status_code == 302
    assert journey(acme).status == "paused"
    assert "1 inside go on" in marketer.get(url).text
    marketer.post(f"{url}resume/", {"those_inside": "continue"})
    assert journey(acme).status == "active"


def test_a_stranger_finds_no_journey_message_or_account(acme: Tenant, globex: Tenant, account: Account) -> None:
    theirs = staff(globex, "admin")
    for path in (
        f"journeys/{journey(acme).pk}/",
        f"journeys/why/{account.pk}/",
        f"journeys/{journey(acme).pk}/preview/reached/",
        f"journeys/outbox/{message(acme).pk}/",
        f"journeys/outbox/{message(acme).pk}/body/",
    ):
        assert theirs.get(f"/t/globex/{path}").status_code == 404, path
        assert theirs.get(f"/t/acme/{path}").status_code == 404, path


def test_why_tells_the_chain_from_the_signal_to_the_message(acme: Tenant, account: Account) -> None:
    text = flat(staff(acme, "leader").get(f"/t/acme/journeys/why/{account.pk}/").text)
    for words in ("Reached the milestone “Hold the kick-off”", "A journey began", "Done: Hold the kick-off", "Sent"):
        assert words in text


def test_why_tells_what_was_not_done(acme: Tenant, account: Account) -> None:
    stage.tag_expansion(acme, account)
    stage.run(acme)
    text = flat(staff(acme, "csm").get(f"/t/acme/journeys/why/{account.pk}/").text)
    assert "the contact has not agreed to this topic" in text


def test_a_message_is_previewed_against_a_real_account(acme: Tenant, account: Account) -> None:
    client, base = staff(acme, "marketer"), f"/t/acme/journeys/{journey(acme).pk}/preview/reached/"
    page = client.get(base, {"account": str(account.pk)})
    assert "Done: Hold the kick-off. Next: Invite your team" in page.text
    letter = client.get(f"{base}{account.pk}/")
    assert "Go on with the plan" in letter.text
    assert "script-src 'none'" in letter["Content-Security-Policy"]
    assert "sandbox" in letter["Content-Security-Policy"]
    with tenant_context(acme):
        assert Message.objects.count() == 1
    assert client.get(f"/t/acme/journeys/{journey(acme).pk}/preview/next-step/").status_code == 404
    assert client.get(base, {"account": "nonsense"}).status_code == 404


def test_the_outbox_lists_and_filters(acme: Tenant, account: Account) -> None:
    stage.tag_expansion(acme, account)
    stage.run(acme)
    client = staff(acme, "leader")
    assert "How teams like yours grow" in client.get("/t/acme/journeys/outbox/").text
    withheld = client.get("/t/acme/journeys/outbox/?status=withheld&reason=no_consent").text
    assert "How teams like yours grow" in withheld
    assert "Done: Hold the kick-off" not in withheld
    assert "No message fits" in client.get("/t/acme/journeys/outbox/?status=withheld&reason=capped").text


def test_the_outbox_pages_without_repeats(acme: Tenant) -> None:
    with tenant_context(acme):
        kim = make_contact(make_account())
    for number in range(60):
        queue(kim, subject=f"Number {number:02}")
    client = staff(acme, "leader")
    first = client.get("/t/acme/journeys/outbox/").text
    following = re.search(r'href="([^"]*cursor=[^"]+)"[^>]*rel="next"', first)
    assert following is not None
    second = client.get("/t/acme/journeys/outbox/" + following[1].replace("&amp;", "&")).text
    numbers = [re.findall(r"Number (\d\d)", page) for page in (first, second)]
    assert [len(page) for page in numbers] == [50, 10]
    assert not set(numbers[0]) & set(numbers[1])


@pytest.mark.parametrize("path", ["journeys/", "journeys/outbox/"])
def test_lists_ask_the_same_number_of_questions_at_one_row_and_at_twenty(acme: Tenant, path: str) -> None:
    with tenant_context(acme):
        kim = make_contact(make_account())
        Journey.objects.create(key="j", name="J", purpose="adoption")
    queue(kim)
    client = staff(acme, "leader")

    def questions() -> int:
        client.get(f"/t/acme/{path}")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/t/acme/{path}").status_code == 200
        return len(captured)

    one = questions()
    with tenant_context(acme):
        for number in range(20):
            make_contact(make_account(f"Account {number}"))
            Journey.objects.create(key=f"j{number}", name=f"J{number}", purpose="adoption")
        people = list(Contact.objects.all())
    for person in people:
        queue(person)
    assert questions() == one


def test_why_asks_a_constant_number_of_questions(acme: Tenant, account: Account) -> None:
    client = staff(acme, "leader")

    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/t/acme/journeys/why/{account.pk}/").status_code == 200
        return len(captured)

    questions()
    few = questions()
    stage.reach(acme, "invite-team", "connect-data", "first-report")
    stage.run(acme)
    assert questions() <= few + 1


def test_the_letter_of_a_message_cannot_run_anything(acme: Tenant) -> None:
    with tenant_context(acme):
        kim = make_contact(make_account())
    bad = queue(kim, body='<p onclick="x()">Hi</p><script>alert(1)</script><a href="javascript:x()">y</a>')
    letter = staff(acme, "leader").get(f"/t/acme/journeys/outbox/{bad.pk}/body/")
    assert "<script" not in letter.text
    assert "onclick" not in letter.text
    assert "javascript:" not in letter.text
    assert letter["X-Frame-Options"] == "SAMEORIGIN"


def test_an_unknown_message_is_settled_by_who_may(acme: Tenant, account: Account) -> None:
    lost = message(acme)
    with tenant_context(acme):
        Message.objects.update(status="unknown", reason="lease_expired")
    url = f"/t/acme/journeys/outbox/{lost.pk}/"
    csm, marketer = staff(acme, "csm"), staff(acme, "marketer")
    assert csm.post(f"{url}settle/", {"outcome": "arrived"}).status_code == 403
    assert "Did it arrive?" in marketer.get(url).text
    assert "1 of unknown fate" in flat(marketer.get("/t/acme/").text)
    assert marketer.post(f"{url}settle/", {"outcome": "nonsense"}).status_code == 404
    assert marketer.post(f"{url}settle/", {"outcome": "arrived"}).status_code == 302
    assert message(acme).status == "sent"


def test_today_and_the_account_page_say_what_was_decided(acme: Tenant, account: Account) -> None:
    client = staff(acme, "csm")
    assert "Decided lately" in client.get("/t/acme/").text
    page = client.get(f"/t/acme/accounts/{account.pk}/").text
    assert f"/t/acme/journeys/why/{account.pk}/" in page
    assert "Done: Hold the kick-off" in page


# --- The customer's side ------------------------------------------------------------------------------------------


def test_a_hub_message_waits_in_the_hub_until_it_is_seen(acme: Tenant, account: Account) -> None:
    kim = stage.champion(acme)
    queue(kim, channel="in_hub", subject="Half an hour for your goals")
    stage.run(acme)
    client = Client()
    with tenant_context(acme):
        token = sign_in_prepare(email=kim.email).token
    client.post(f"/hub/acme/enter/{token}/")
    assert "New" in flat(client.get("/hub/acme/").text)
    text = client.get("/hub/acme/").text
    assert "Half an hour for your goals" in text
    assert message(acme, channel="in_hub").read_at is not None


def test_opening_an_unsubscribe_link_does_nothing_and_posting_it_does(acme: Tenant, account: Account) -> None:
    kim = stage.champion(acme)
    letter = queue(kim, "programme", topic="growth")
    with tenant_context(acme):
        url = f"/u/{unsubscribe_token(letter.pk)}/"
    client = Client(enforce_csrf_checks=True)
    assert "Unsubscribe?" in client.get(url).text
    with tenant_context(acme):
        assert not Consent.objects.exists()
    assert "You are unsubscribed" in client.post(url, {"List-Unsubscribe": "One-Click"}).text
    with tenant_context(acme):
        assert Consent.objects.get().status == "denied"
    assert message(acme, pk=letter.pk).reason == "no_consent"
    assert client.get("/u/made-up/").status_code == 404
