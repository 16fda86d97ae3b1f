"""Clicks: counted without an open redirect, and a scanner is not a reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Contact
from hub.outbox import sending
from hub.outbox.gates import MessageClass, Purpose
from hub.outbox.html import sanitised
from hub.outbox.models import Click, Message
from hub.outbox.services import Draft, message_queue
from hub.outbox.services.clicks import click_token
from hub.outbox.tracking import WEIGHTS, links_of, score_of, tracked
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.outbox.provider import Provider, in_place_of_email
from tests.world import make_account, make_contact, make_member

BODY = (
    '<p>Hi</p><a href="https://one.example/?a=1&amp;b=2">One</a><a title="t" href="http://two.example/">Two</a>'
    '<a href="mailto:kim@x.example">Mail</a><a href="https://three.example/">Three</a>'
)
LINKS = ["https://one.example/?a=1&b=2", "http://two.example/", "https://three.example/"]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-03-03T12:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def provider() -> Iterator[Provider]:
    with in_place_of_email(Provider()) as provider:
        yield provider


@pytest.fixture
def kim(acme: Tenant) -> Contact:
    acme.settings = {"outbox": {"assume_consent": True, "holdout_percent": 0}}
    acme.save()
    with tenant_context(acme):
        return make_contact(make_account())


def sent(contact: Contact, kind: str = "programme") -> Message:
    with tenant_context(contact.tenant):
        message = message_queue(
            Draft(
                key=kind, contact=contact, channel="email", message_class=MessageClass(kind),
                purpose=Purpose.ADOPTION, subject="Hi", body=BODY,
            )
        )  # fmt: skip
    sending.drain(contact.tenant.pk)
    return message


def address(message: Message, link: int) -> str:
    with tenant_context(message.tenant):
        return f"/u/c/{click_token(message.pk, link)}/"


def scores(tenant: Tenant) -> list[int]:
    with tenant_context(tenant):
        return list(Click.objects.order_by("id").values_list("bot_score", flat=True))


def click(url: str, agent: str = FIREFOX, method: str = "get") -> Any:
    return getattr(Client(), method)(url, headers={"User-Agent": agent})


def test_programme_mail_has_counted_links_that_lead_where_the_message_does(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any
) -> None:
    message = sent(kim)
    found = links_of(provider.taken[0].html)
    assert [url.removeprefix("http://localhost:8000") for url in found] == [address(message, n) for n in range(3)]
    assert 'href="mailto:kim@x.example"' in provider.taken[0].html
    clock.shift(timedelta(minutes=5))
    for place, target in enumerate(LINKS):
        clock.shift(timedelta(minutes=1))
        answer = click(address(message, place))
        assert (answer.status_code, answer["Location"], answer["Referrer-Policy"]) == (302, target, "no-referrer")
    assert scores(acme) == [0, 0, 0]


def test_service_mail_and_tenants_that_do_not_count_keep_their_links(
    acme: Tenant, kim: Contact, provider: Provider
) -> None:
    sent(kim, "service")
    acme.settings = {**acme.settings, "brand": {"track_clicks": False}}
    acme.save()
    sent(kim)
    assert [links_of(mail.html) for mail in provider.taken] == [LINKS, LINKS]


def test_no_address_can_be_made_to_lead_elsewhere(acme: Tenant, kim: Contact, provider: Provider) -> None:
    message = sent(kim)
    good = address(message, 0)
    token = good.removeprefix("/u/c/").rstrip("/")
    for bad in (token[:-1] + ("A" if token[-1] != "A" else "B"), "B" + token[1:], "https://evil.example", "x.y"):
        assert click(f"/u/c/{bad}/").status_code == 404
    assert click(address(message, 3)).status_code == 404
    assert click(f"{good}?url=https://evil.example/")["Location"] == LINKS[0]
    assert Client().post(good).status_code == 405
    assert len(scores(acme)) == 1


@pytest.mark.parametrize(
    ("agent", "method", "after", "machine"),
    [
        (FIREFOX, "get", 600, False),
        (FIREFOX, "get", 5, False),
        (FIREFOX, "get", 1, True),
        (FIREFOX, "head", 600, True),
        ("", "get", 600, True),
        ("BarracudaCentral", "get", 600, True),
        ("python-requests/2.32", "get", 600, True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "get", 600, True),
        ("Mozilla/5.0 HeadlessChrome/120", "get", 600, True),
    ],
)
def test_what_looks_like_a_machine(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any, agent: str, method: str, after: int, machine: bool
) -> None:
    message = sent(kim)
    clock.shift(timedelta(seconds=after))
    click(address(message, 0), agent, method)
    [score] = scores(acme)
    assert (score >= 50) is machine


def test_many_links_within_seconds_speak_against_all_of_them(
    acme: Tenant, kim: Contact, provider: Provider, clock: Any
) -> None:
    message = sent(kim)
    clock.shift(timedelta(minutes=10))
    for place in range(3):
        click(address(message, place))
        clock.shift(timedelta(seconds=1))
    assert all(score >= 50 for score in scores(acme))
    clock.shift(timedelta(minutes=1))
    click(address(message, 0))
    assert scores(acme)[-1] == 0
    client = Client()
    client.force_login(make_member(acme, "csm", password=None).user)
    assert "1<div" in client.get(f"/t/acme/journeys/outbox/{message.pk}/").text
    assert "and 1 by machines" in client.get(f"/t/acme/journeys/outbox/{message.pk}/").text


@given(st.lists(st.sampled_from(sorted(WEIGHTS))))
def test_a_score_grows_with_every_sign_and_stays_within_its_scale(signs: list[str]) -> None:
    assert 0 <= score_of(signs) <= 100
    assert score_of(signs) >= max((WEIGHTS[sign] for sign in signs), default=0)


@given(st.lists(st.sampled_from(["https://a.example/?x=1&y=2", 'http://b.example/#"<>', "mailto:x@x.example"])))
def test_every_web_address_is_replaced_and_nothing_else(urls: list[str]) -> None:
    html = sanitised("".join(f'<a href="{url.replace(chr(34), "%22")}">x</a>' for url in urls))
    web = links_of(html)
    made = tracked(html, lambda place: f"https://t.example/{place}")
    assert links_of(made) == [f"https://t.example/{place}" for place in range(len(web))]
    assert made.count("mailto:") == html.count("mailto:")
