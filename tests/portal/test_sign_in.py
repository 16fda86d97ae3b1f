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
from hub.accounts.models import Account, Contact
from hub.people.models import AuditEvent
from hub.people.services import member_remove
from hub.plans.models import Milestone
from hub.plans.services import plan_create
from hub.portal.mailing import drain
from hub.portal.models import HubSession, SignIn, SignInRequest
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, PASSWORD, make_account, make_contact, make_member

EMAIL = "kim@northwind.example"


@pytest.fixture(autouse=True)
def _fresh_throttle() -> None:
    cache.clear()


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        account = make_account()
        make_contact(account, EMAIL)
        plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
    return account


def link(tenant: Tenant, email: str = EMAIL) -> str:
    with tenant_context(tenant):
        return f"/hub/{tenant.slug}/enter/{sign_in_prepare(email=email).token}/"


def signed_in(tenant: Tenant, email: str = EMAIL) -> Client:
    client = Client()
    assert client.post(link(tenant, email)).status_code == 302
    return client


def asked(email: str = EMAIL, tenant: str = "acme") -> str:
    """The answer to asking for a sign-in mail, without what every answer has of its own."""
    page = Client().post(f"/hub/{tenant}/sign-in/", {"email": email}).content.decode()
    return re.sub(r"(csrfmiddlewaretoken|X-CSRFToken)[^>]*", "", page).replace(email, "")


def test_known_and_unknown_addresses_cost_the_same_work_and_get_the_same_answer(acme: Tenant, account: Account) -> None:
    asked("first@nowhere.example")
    answers, statements = [], []
    for email in (EMAIL, "who@nowhere.example"):
        with CaptureQueriesContext(connection) as caught:
            answers.append(asked(email))
        statements.append([re.sub(r"'[^']*'|_x\d+", "?", query["sql"]) for query in caught.captured_queries])
    assert answers[0] == answers[1]
    assert statements[0] == statements[1]
    assert mail.outbox == []
    drain(acme.pk)
    assert [m.to for m in mail.outbox] == [[EMAIL]]
    with tenant_context(acme):
        assert not SignInRequest.objects.exists()


def test_mail_of_a_tenant_that_keeps_its_mail_stays_in_the_house(
    acme: Tenant, account: Account, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path)
    acme.settings = {"delivery": "viewer"}
    acme.save()
    asked()
    drain(acme.pk)
    assert mail.outbox == []
    assert EMAIL in "".join(path.read_text() for path in tmp_path.iterdir())


def test_a_mail_server_that_is_down_is_asked_again(
    acme: Tenant, account: Account, settings: Any, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    asked()
    again = drain(acme.pk)
    assert again is not None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with tenant_context(acme):
        SignInRequest.objects.update(due_at=timezone.now())
    drain(acme.pk)
    assert [m.to for m in mail.outbox] == [[EMAIL]]


def test_a_request_that_nobody_waits_for_any_more_is_forgotten(acme: Tenant, account: Account) -> None:
    asked()
    with tenant_context(acme):
        SignInRequest.objects.update(asked_at=timezone.now() - timedelta(minutes=16))
    assert drain(acme.pk) is None
    assert mail.outbox == []


def test_a_planted_cookie_does_not_become_a_signed_in_one(acme: Tenant, account: Account) -> None:
    client = Client()
    client.cookies["tandem_hub_acme"] = "planted-by-somebody-else"
    assert client.post(link(acme)).status_code == 302
    assert client.cookies["tandem_hub_acme"].value != "planted-by-somebody-else"
    thief = Client()
    thief.cookies["tandem_hub_acme"] = "planted-by-somebody-else"
    assert thief.get("/hub/acme/").headers["Location"] == "/hub/acme/sign-in/"


def test_signing_in_again_gives_another_session(acme: Tenant, account: Account) -> None:
    client = signed_in(acme)
    before = client.cookies["tandem_hub_acme"].value
    assert client.post(link(acme)).status_code == 302
    assert client.cookies["tandem_hub_acme"].value != before


def test_the_mailed_link_and_code_both_open_the_hub(acme: Tenant, account: Account) -> None:
    asked()
    drain(acme.pk)
    body = str(mail.outbox[0].body)
    code = re.search(r"sign-in page: (\S+)", body)
    path = re.search(r"http://[^/]+(/hub/acme/enter/\S+)", body)
    assert code
    assert path
    assert "almost in" in Client().get(path[1]).content.decode()
    client = Client()
    assert client.post("/hub/acme/sign-in/code/", {"email": EMAIL, "code": code[1].lower()}).status_code == 302
    assert "Hold the kick-off" in client.get("/hub/acme/").content.decode()


def test_opening_a_link_does_not_use_it_up_but_posting_does(acme: Tenant, account: Account) -> None:
    path = link(acme)
    scanner = Client()
    assert scanner.get(path).status_code == 200
    assert "tandem_hub_acme" not in scanner.cookies
    assert Client().post(path).status_code == 302
    assert Client().post(path).status_code == 410


def test_an_old_link_is_refused(acme: Tenant, account: Account) -> None:
    path = link(acme)
    with tenant_context(acme):
        SignIn.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().post(path).status_code == 410


def test_five_wrong_codes_end_the_invitation(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        code = sign_in_prepare(email=EMAIL).code
    client = Client()
    for _ in range(5):
        assert client.post("/hub/acme/sign-in/code/", {"email": EMAIL, "code": "WRONGONE"}).status_code == 422
    assert client.post("/hub/acme/sign-in/code/", {"email": EMAIL, "code": code}).status_code == 422


def test_a_link_of_one_tenant_opens_nothing_at_another(acme: Tenant, globex: Tenant, account: Account) -> None:
    token = link(acme).split("/")[-2]
    assert Client().post(f"/hub/globex/enter/{token}/").status_code == 410


def test_a_person_at_two_accounts_chooses(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        second = make_contact(make_account("Southwind"), EMAIL)
    client = signed_in(acme)
    assert client.get("/hub/acme/").headers["Location"] == "/hub/acme/choose/"
    page = client.get("/hub/acme/choose/").content.decode()
    assert "Northwind" in page
    assert "Southwind" in page
    client.post("/hub/acme/choose/", {"contact": str(second.pk)})
    assert "Southwind" in client.get("/hub/acme/").content.decode()


def test_nobody_chooses_a_contact_that_is_not_theirs(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        make_contact(make_account("Southwind"), EMAIL)
        stranger = make_contact(make_account("Other"), "lee@other.example")
    assert signed_in(acme).post("/hub/acme/choose/", {"contact": str(stranger.pk)}).status_code == 404


def test_a_contact_who_left_is_out_at_once(acme: Tenant, account: Account) -> None:
    client = signed_in(acme)
    assert client.get("/hub/acme/").status_code == 200
    with tenant_context(acme):
        Contact.objects.update(status="left")
    assert client.get("/hub/acme/").headers["Location"] == "/hub/acme/sign-in/"


def test_a_session_ends_when_the_contact_gets_another_address(acme: Tenant, account: Account) -> None:
    client = signed_in(acme)
    with tenant_context(acme):
        Contact.objects.update(email="lee@northwind.example")
    assert client.get("/hub/acme/").headers["Location"] == "/hub/acme/sign-in/"


def test_a_contact_completes_a_milestone(acme: Tenant, account: Account) -> None:
    client = signed_in(acme)
    with tenant_context(acme):
        milestone = Milestone.objects.get(key="kick-off")
    assert client.post(f"/hub/acme/plan/{milestone.pk}/done/").status_code == 302
    with tenant_context(acme):
        milestone.refresh_from_db()
        assert milestone.completed_via == "hub"
        assert milestone.completed_by is not None
        assert AuditEvent.objects.filter(action="milestone.complete", actor_kind="contact").exists()


def test_a_contact_cannot_complete_a_milestone_of_another_account_or_tenant(
    acme: Tenant, globex: Tenant, account: Account
) -> None:
    with tenant_context(acme):
        other = plan_create(account=make_account("Other"), started_on=timezone.localdate(), actor=ACTOR)
        foreign = [str(other.milestones.get(key="kick-off").pk)]
    with tenant_context(globex):
        plan = plan_create(account=make_account("Far"), started_on=timezone.localdate(), actor=ACTOR)
        foreign.append(str(plan.milestones.get(key="kick-off").pk))
    client = signed_in(acme)
    for pk in foreign:
        assert client.post(f"/hub/acme/plan/{pk}/done/").status_code == 404
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert not Milestone.objects.filter(completed_at__isnull=False).exists()


def test_staff_view_a_hub_as_a_contact_but_change_nothing(acme: Tenant, account: Account) -> None:
    make_member(acme, "csm")
    client = Client()
    client.login(email="csm@acme.example", password=PASSWORD)
    with tenant_context(acme):
        contact = Contact.objects.get()
        milestone = Milestone.objects.get(key="kick-off")
    assert client.post(f"/t/acme/contacts/{contact.pk}/view-as/").status_code == 302
    assert "You see this hub as" in client.get("/hub/acme/").content.decode()
    assert client.post(f"/hub/acme/plan/{milestone.pk}/done/").status_code == 403
    with tenant_context(acme):
        assert AuditEvent.objects.filter(action="hub.view_as").count() == 1
        assert Contact.objects.get().last_seen_at is None


def test_a_staff_session_does_not_open_the_hub_nor_the_other_way(acme: Tenant, account: Account) -> None:
    make_member(acme, "admin")
    staff = Client()
    staff.login(email="admin@acme.example", password=PASSWORD)
    assert staff.get("/hub/acme/").headers["Location"] == "/hub/acme/sign-in/"
    assert signed_in(acme).get("/t/acme/").headers["Location"].startswith("/accounts/login/")


def test_signing_out_ends_the_session(acme: Tenant, account: Account) -> None:
    client = signed_in(acme)
    client.post("/hub/acme/sign-out/")
    with tenant_context(acme):
        assert not HubSession.objects.exists()


def test_sign_in_is_throttled_per_address(acme: Tenant, account: Account) -> None:
    for _ in range(7):
        asked()
    drain(acme.pk)
    assert len(mail.outbox) == 5


def test_viewing_as_a_contact_ends_with_the_viewers_membership(acme: Tenant, account: Account) -> None:
    membership = make_member(acme, "csm", password=None)
    client = Client()
    client.force_login(membership.user)
    with tenant_context(acme):
        contact = Contact.objects.get(email=EMAIL)
    assert client.post(f"/t/acme/contacts/{contact.pk}/view-as/").status_code == 302
    assert client.get("/hub/acme/").status_code == 200
    member_remove(membership=membership, actor=ACTOR)
    assert client.get("/hub/acme/").headers["Location"] == "/hub/acme/sign-in/"
