from __future__ import annotations

import pytest
from django.test import Client

from hub.registry.panels import TodayPanel, nav_items, today_panels
from hub.shell.navigation import navigation
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.services import task_open
from tests.world import PASSWORD, make_account, make_member


def signed_in(tenant: Tenant, role: str) -> Client:
    client = Client()
    member = make_member(tenant, role)
    response = client.post("/accounts/login/", {"login": member.user.email, "password": PASSWORD})
    assert response.status_code == 302
    return client


@pytest.fixture
def only_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today without the panels that the apps have registered."""
    monkeypatch.setattr(today_panels, "_items", {})
    monkeypatch.setattr(today_panels, "_sorted", None)


def test_a_member_sees_today(acme: Tenant) -> None:
    response = signed_in(acme, "csm").get("/t/acme/")
    assert response.status_code == 200
    assert "What needs you now" in response.text
    assert 'aria-current="page"' in response.text


def test_a_stranger_sees_nothing_of_another_tenant(acme: Tenant, globex: Tenant) -> None:
    response = signed_in(globex, "admin").get("/t/acme/")
    assert response.status_code == 404
    assert "Nothing here" in response.text


def test_nobody_sees_today_without_signing_in(acme: Tenant) -> None:
    response = Client().get("/t/acme/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_today_teaches_when_there_is_nothing(acme: Tenant, only_panels: None) -> None:
    assert "Nothing needs you now" in signed_in(acme, "csm").get("/t/acme/").text


def test_a_panel_shows_only_to_roles_that_may_see_it(acme: Tenant, only_panels: None) -> None:
    today_panels.register(TodayPanel("a", "For admins", 10, "sources.edit", lambda request: "<p>panel-a</p>"))
    today_panels.register(TodayPanel("b", "Silent", 20, "today.view", lambda request: None))
    assert "panel-a" in signed_in(acme, "admin").get("/t/acme/").text
    page = signed_in(acme, "csm").get("/t/acme/").text
    assert "panel-a" not in page
    assert "Silent" not in page


def test_the_policy_of_a_page_allows_nothing_inline(acme: Tenant) -> None:
    policy = signed_in(acme, "csm").get("/t/acme/")["Content-Security-Policy"]
    assert "unsafe" not in policy


def test_the_navigation_marks_the_page_that_one_is_under() -> None:
    links = navigation(slug="acme", role="csm", path="/t/acme/somewhere/deep/").daily
    assert [link.key for link in links if link.current] == ["today"]
    assert len(links) <= len(nav_items)


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/login/code/", "/accounts/password/reset/"])
@pytest.mark.django_db
def test_the_ways_in_are_open_to_everyone(path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 200
    assert "<h1>" in response.text


def test_a_wrong_password_says_what_to_do_and_keeps_the_address(acme: Tenant) -> None:
    make_member(acme, "csm")
    response = Client().post("/accounts/login/", {"login": "csm@acme.example", "password": "wrong wrong"})
    assert response.status_code == 200
    assert 'role="alert"' in response.text
    assert 'value="csm@acme.example"' in response.text


@pytest.mark.django_db
def test_a_code_can_be_asked_for(acme: Tenant) -> None:
    make_member(acme, "csm")
    client = Client()
    response = client.post("/accounts/login/code/", {"email": "csm@acme.example"}, follow=True)
    assert response.status_code == 200
    assert "Enter your code" in response.text
    assert "code-input" in response.text


def test_today_answers_a_look_for_news_only_when_there_is_some(acme: Tenant) -> None:
    client = signed_in(acme, "admin")
    first = client.get("/t/acme/")
    url = f"/t/acme/?whose=all&seen={first.context['digest']}"
    assert client.get(url, headers={"HX-Request": "true"}).status_code == 204
    assert client.get(url).status_code == 200
    with tenant_context(acme):
        account = make_account("Blue Harbor")
        task_open(account_id=account.pk, title="Call them", origin_key="t")
    news = client.get(url, headers={"HX-Request": "true"})
    assert news.status_code == 200
    assert news.text.lstrip().startswith("<div")
    assert "Call them" in news.text


@pytest.mark.parametrize(
    ("page", "entry"),
    [
        ("set-up/products", "record"),
        ("set-up/currencies", "record"),
        ("set-up/attributes", "record"),
        ("people/1", "accounts"),
        ("contacts/1", "accounts"),
        ("imports/new", "imports"),
    ],
)
def test_pages_that_belong_together_light_up_one_entry(acme: Tenant, page: str, entry: str) -> None:
    found = navigation(slug="acme", role="admin", path=f"/t/acme/{page}/")
    assert [link.key for link in (*found.daily, *found.set_up) if link.current] == [entry]
