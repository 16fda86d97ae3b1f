"""Staff sign-in: sessions that nobody can plant or keep, and mail that tells nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.embedded.server import free_port
from hub.people.mail import staff_mail_send
from hub.people.models import StaffMail, User
from hub.people.services import member_remove
from hub.tenancy.models import Tenant
from tests.world import ACTOR, PASSWORD, make_member

EMAIL = "csm@acme.example"
COOKIE = "tandem_session"


@pytest.fixture(autouse=True)
def _fresh_throttle() -> None:
    cache.clear()


def ask_for_code(client: Client, email: str = EMAIL) -> Any:
    return client.post("/accounts/login/code/", {"email": email}, follow=True)


def mailed_code() -> str:
    staff_mail_send()
    found = re.search(r"^([A-Z0-9]{4,}-?[A-Z0-9]*)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("way", ["password", "code"])
def test_the_session_key_changes_on_sign_in(acme: Tenant, way: str) -> None:
    make_member(acme)
    client = Client()
    if way == "password":
        client.session.save()
        before = client.cookies[COOKIE].value
        client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    else:
        ask_for_code(client)
        before = client.cookies[COOKIE].value
        client.post("/accounts/login/code/confirm/", {"code": mailed_code()})
    assert client.get("/t/acme/").status_code == 200
    assert client.cookies[COOKIE].value != before
    thief = Client()
    thief.cookies[COOKIE] = before
    assert thief.get("/t/acme/").status_code == 302


def test_a_planted_cookie_does_not_become_a_signed_in_one(acme: Tenant) -> None:
    make_member(acme)
    client = Client()
    client.cookies[COOKIE] = "plantedplantedplantedplantedplan"
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert client.get("/t/acme/").status_code == 200
    assert client.cookies[COOKIE].value != "plantedplantedplantedplantedplan"


def test_a_session_ends_when_access_is_taken_away(acme: Tenant) -> None:
    membership = make_member(acme)
    client = Client()
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert client.get("/t/acme/").status_code == 200
    member_remove(membership=membership, actor=ACTOR)
    assert client.get("/t/acme/").status_code == 404


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}], ids=["left", "new password"])
def test_a_session_ends_when_the_person_changes(acme: Tenant, change: dict[str, Any]) -> None:
    make_member(acme)
    client = Client()
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    User.objects.update(**change)
    assert client.get("/t/acme/").headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_known_and_unknown_addresses_get_the_same_answer_before_any_mail_is_sent(acme: Tenant, path: str) -> None:
    make_member(acme)
    answers, writes = [], []
    for email in (EMAIL, "who@nowhere.example"):
        with CaptureQueriesContext(connection) as caught:
            answer = Client().post(path, {"email": email}, follow=True)
        text = re.sub(r"(csrfmiddlewaretoken|X-CSRFToken)[^>]*", "", answer.content.decode()).replace(email, "")
        answers.append((answer.redirect_chain, text))
        writes.append([q["sql"][:30] for q in caught.captured_queries if "staffmail" in q["sql"]])
    assert answers[0] == answers[1]
    assert writes[0] == writes[1] != []
    assert mail.outbox == []


def test_a_mail_is_sent_once_and_its_row_goes_with_it(acme: Tenant) -> None:
    make_member(acme)
    ask_for_code(Client())
    assert StaffMail.objects.count() == 1
    assert staff_mail_send() == 1
    assert staff_mail_send() == 0
    assert not StaffMail.objects.exists()
    assert [m.to for m in mail.outbox] == [[EMAIL]]


def test_a_mail_server_that_is_down_is_asked_again(acme: Tenant, settings: Any) -> None:
    make_member(acme)
    ask_for_code(Client())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    assert staff_mail_send() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    StaffMail.objects.update(due_at=timezone.now())
    assert staff_mail_send() == 1


def test_a_mail_whose_code_is_over_is_not_sent(acme: Tenant) -> None:
    make_member(acme)
    ask_for_code(Client())
    StaffMail.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    assert staff_mail_send() == 0
    assert mail.outbox == []


def test_mail_of_tenants_that_keep_their_mail_stays_in_the_house(
    acme: Tenant, globex: Tenant, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path)
    acme.settings = {"delivery": "viewer"}
    acme.save()
    make_member(acme)
    ask_for_code(Client())
    staff_mail_send()
    assert mail.outbox == []
    assert any(tmp_path.iterdir())
    make_member(globex, email=EMAIL)
    ask_for_code(Client())
    staff_mail_send()
    assert len(mail.outbox) == 1
