from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from hub.accounts.models import Account, Contact
from hub.people.models import AuditEvent
from hub.people.services import member_remove
from hub.plans.models import Milestone
from hub.plans.services import plan_create
from hub.portal.models import HubSession, SignIn
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


def test_a_known_and_an_unknown_address_get_the_same_answer(
    acme: Tenant, account: Account, django_capture_on_commit_callbacks: object
) -> None:
    pages = []
    for email in (EMAIL, "who@nowhere.example"):
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
            response = Client().post("/hub/acme/sign-in/", {"email": email})
        pages.append(
            re.sub(r"(csrfmiddlewaretoken|X-CSRFToken)[^>]*", "", response.content.decode()).replace(email, "")
        )
    assert pages[0] == pages[1]
    assert [m.to for m in mail.outbox] == [[EMAIL]]


def test_the_mailed_link_and_code_both_open_the_hub(
    acme: Tenant, account: Account, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
        Client().post("/hub/acme/sign-in/", {"email": EMAIL})
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


def test_sign_in_is_throttled_per_address(
    acme: Tenant, account: Account, django_capture_on_commit_callbacks: object
) -> None:
    for _ in range(7):
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
            Client().post("/hub/acme/sign-in/", {"email": EMAIL})
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


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_down_does_not_tell_who_is_known(
    acme: Tenant, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise OSError("nobody listens")

    monkeypatch.setattr("hub.portal.services.send_mail", down)
    answers = [Client().post("/hub/acme/sign-in/", {"email": email}) for email in (EMAIL, "who@nowhere.example")]
    assert [answer.status_code for answer in answers] == [200, 200]
