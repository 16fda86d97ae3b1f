"""Saved views: whose they are, who sees them, and how a list opens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.shell.models import DefaultView, SavedView
from hub.shell.services.views import ViewError, view_change, view_default, view_remove, view_save
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from qbr.services import qbr_generate_all
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_member

LIST = "/t/acme/accounts/"
RULE = json.dumps({"all": [{"fact": "country", "op": "eq", "value": "NO"}]})


def keep(client: Client, name: str, **given: str) -> Any:
    return client.post("/t/acme/views/new/", {"list": "accounts", "name": name, **given})


def test_a_view_is_a_link_that_shows_the_list_as_it_was_kept(acme: Tenant) -> None:
    with tenant_context(acme):
        make_account("Ash", country="NO")
        make_account("Birch", country="SE")
    client = staff(acme)
    answer = keep(client, "Norway", rule=RULE, columns="country,seats", sort="-created_at", cursor="x", junk="y")
    page = client.get(answer["Location"]).text
    assert "Birch" not in page
    assert 'aria-current="page">Norway' in page
    with tenant_context(acme):
        view = SavedView.objects.get()
        assert view.params == {"rule": RULE, "columns": "country,seats", "sort": "-created_at"}
        assert AuditEvent.objects.filter(action="view.save").exists()
    assert client.get(f"{LIST}?view={view.pk}")["Location"] == answer["Location"]


def test_a_view_is_its_owners_alone_until_it_is_shared(acme: Tenant, globex: Tenant) -> None:
    owner, mate, stranger = staff(acme, "leader"), staff(acme, "csm"), staff(globex, "admin")
    keep(owner, "Risky", rule=RULE)
    with tenant_context(acme):
        view = SavedView.objects.get()
    path = f"/t/acme/views/{view.pk}/"
    assert mate.get(path).status_code == stranger.get(path).status_code == 404
    assert "Risky" not in mate.get(LIST).text
    owner.post(path, {"name": "Risky", "shared": "1"})
    assert "Risky" in mate.get(LIST).text
    assert stranger.get(path).status_code == 404
    assert stranger.get(path.replace("acme", "globex")).status_code == 404


def test_what_is_shared_is_changed_by_its_owner_and_by_those_who_may_share(acme: Tenant) -> None:
    keep(staff(acme, "leader"), "Risky", shared="1", rule=RULE)
    with tenant_context(acme):
        view = SavedView.objects.get()
    path, csm, admin = f"/t/acme/views/{view.pk}/", staff(acme, "csm"), staff(acme, "admin")
    for act, given in (("", {"name": "Mine"}), ("keep/", {"q": "x"}), ("forget/", {})):
        csm.post(path + act, given)
    with tenant_context(acme):
        view.refresh_from_db()
        assert (view.name, view.params) == ("Risky", {"rule": RULE})
    admin.post(path, {"name": "At risk", "shared": "1"})
    admin.post(f"{path}keep/", {"q": "x"})
    with tenant_context(acme):
        view.refresh_from_db()
        assert (view.name, view.params) == ("At risk", {"q": "x"})
    admin.post(f"{path}forget/")
    assert admin.get(path).status_code == 200
    admin.post(f"{path}forget/", {"sure": "1"})
    assert admin.get(path).status_code == 404


def test_who_may_not_share_keeps_the_view_to_themselves(acme: Tenant) -> None:
    keep(staff(acme, "csm"), "Mine", shared="1", q="a")
    with tenant_context(acme):
        assert not SavedView.objects.get().shared


def test_a_list_opens_with_the_members_own_view_and_all_of_it_is_a_tab_away(acme: Tenant) -> None:
    client, other = staff(acme, "csm"), staff(acme, "admin")
    kept = keep(client, "Mine", q="ash", default="1")["Location"]
    assert client.get(LIST)["Location"] == kept
    assert client.get(f"{LIST}?view=all").status_code == 200
    assert client.get(f"{LIST}?q=b").status_code == 200
    assert other.get(LIST).status_code == 200
    with tenant_context(acme):
        view = SavedView.objects.get()
    client.post(f"/t/acme/views/{view.pk}/", {"name": "Mine"})
    assert client.get(LIST).status_code == 200
    client.post(f"/t/acme/views/{view.pk}/", {"name": "Mine", "default": "1"})
    client.post(f"/t/acme/views/{view.pk}/forget/", {"sure": "1"})
    assert client.get(LIST).status_code == 200
    with tenant_context(acme):
        assert not DefaultView.objects.exists()


def test_a_view_that_is_taken_back_opens_nobody_elses_list(acme: Tenant) -> None:
    owner, mate = staff(acme, "leader"), staff(acme, "csm")
    keep(owner, "Ours", q="ash", shared="1")
    with tenant_context(acme):
        view = SavedView.objects.get()
    mate.post(f"/t/acme/views/{view.pk}/", {"default": "1"})
    assert mate.get(LIST).status_code == 302
    owner.post(f"/t/acme/views/{view.pk}/", {"name": "Ours"})
    assert mate.get(LIST).status_code == 200


def test_another_address_under_a_view_can_be_kept_for_it(acme: Tenant) -> None:
    client = staff(acme)
    keep(client, "Mine", q="ash")
    with tenant_context(acme):
        view = SavedView.objects.get()
    assert "Save changes" not in client.get(f"{LIST}?q=ash&view={view.pk}").text
    assert "Save changes" in client.get(f"{LIST}?q=oak&view={view.pk}").text


def test_other_lists_have_views_too(acme: Tenant) -> None:
    client = staff(acme)
    answer = client.post("/t/acme/views/new/", {"list": "signals", "name": "Bad", "severity": "critical"})
    assert answer["Location"].startswith("/t/acme/signals/?severity=critical&view=")
    assert 'aria-current="page">Bad' in client.get(answer["Location"]).text
    assert "Bad" not in client.get(LIST).text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "  "}, "needs a name"),
        ({"name": "A", "rule": "{"}, "cannot be read"),
        ({"name": "A", "q": "x" * 21_000}, "longer than"),
    ],
)
def test_a_view_that_cannot_be_is_refused_with_a_reason(acme: Tenant, given: dict[str, str], told: str) -> None:
    client = staff(acme)
    answer = client.post("/t/acme/views/new/", {"list": "accounts", **given})
    assert answer.status_code == 422
    assert told in answer.text
    keep(client, "Twice")
    assert "already" in keep(client, "Twice").text
    assert client.post("/t/acme/views/new/", {"list": "shoes", "name": "A"}).status_code == 404


def test_programs_read_and_keep_the_views_that_the_team_shares(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        _, key = credential_create(tenant=acme, name="k", actor=ACTOR)
        view_save(list_key="accounts", name="Private", params={}, owner=None, shared=True, actor=ACTOR)
    with tenant_context(globex):
        foreign = view_save(list_key="accounts", name="Theirs", params={}, owner=None, shared=True, actor=ACTOR)
    keep(staff(acme), "Secret", q="x")
    client = Client(headers={"Authorization": f"Bearer {key}"})
    body = {"list": "accounts", "name": "Norway", "params": {"rule": RULE}}
    made = client.post("/api/v1/views", body, content_type="application/json")
    assert made.status_code == 201
    names = [row["name"] for row in client.get("/api/v1/views?list=accounts").json()["results"]]
    assert names == ["Private", "Norway"]
    path = f"/api/v1/views/{made.json()['id']}"
    changed = client.patch(path, {"name": "NO"}, content_type="application/json").json()
    assert (changed["name"], changed["params"]) == ("NO", {"rule": RULE})
    wrong = client.patch(path, {"params": {"rule": "{"}}, content_type="application/json")
    assert wrong.status_code == 409
    assert client.get(f"/api/v1/views/{foreign.pk}").status_code == 404
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_a_member_has_no_two_views_of_one_name_and_two_members_may(acme: Tenant) -> None:
    keep(staff(acme, "csm"), "Same")
    keep(staff(acme, "leader"), "Same")
    with tenant_context(acme):
        assert SavedView.objects.count() == 2
        view_save(list_key="accounts", name="Same", params={}, owner=None, shared=True, actor=ACTOR)
        with pytest.raises(ViewError):
            view_save(list_key="accounts", name="Same", params={}, owner=None, shared=True, actor=ACTOR)


def test_who_uses_a_view_while_somebody_removes_it_is_told(acme: Tenant) -> None:
    with tenant_context(acme):
        user = make_member(acme, "csm").user
        view = view_save(list_key="accounts", name="Mine", params={}, owner=user, shared=True, actor=ACTOR)
        known = SavedView.objects.get()
        view_remove(view=view, actor=ACTOR)
        with pytest.raises(ViewError, match="in the meantime"):
            view_default(user=user, list_key="accounts", view=known, actor=ACTOR)
        with pytest.raises(ViewError, match="in the meantime"):
            view_change(view=known, name="Yours", actor=ACTOR)
        view_remove(view=known, actor=ACTOR)
        assert AuditEvent.objects.filter(action="view.remove").count() == 1


LISTS = {
    "tasks": ("/t/acme/tasks/", {"due": "overdue", "whose": "all"}),
    "signals": ("/t/acme/signals/", {"severity": "critical"}),
    "qbrs": ("/t/acme/qbrs/", {"state": "draft"}),
    "messages": ("/t/acme/journeys/outbox/", {"status": "failed"}),
    "conflicts": ("/t/acme/set-up/conflicts/", {"state": "settled"}),
}


@pytest.mark.parametrize("key", LISTS)
def test_every_list_keeps_its_filters_as_a_view_and_opens_with_it(acme: Tenant, key: str) -> None:
    path, params = LISTS[key]
    with tenant_context(acme):
        make_account("Ash")
        qbr_generate_all(tenant=acme, actor=ACTOR)
    client = staff(acme, "admin")
    assert "Save as view" in client.get(path, {**params}).text
    assert "Save as view" not in client.get(path).text
    answer = client.post("/t/acme/views/new/", {"list": key, "name": "Mine", "junk": "y", "first": "1", **params})
    with tenant_context(acme):
        view = SavedView.objects.get()
        assert (view.list_key, view.params) == (key, params)
        view_default(user=view.owner, list_key=key, view=view, actor=ACTOR)
    opened = client.get(path)
    assert opened["Location"] == answer["Location"]
    assert 'aria-current="page">Mine' in client.get(opened["Location"]).text
    assert client.get(path, {"view": "all"}).status_code == 200
    assert "Save changes" not in client.get(opened["Location"]).text
    changed = {**dict.fromkeys(params, ""), "view": str(view.pk)}
    assert "Save changes" in client.get(path, changed).text


def test_the_list_of_all_is_called_as_its_title_is_written(acme: Tenant) -> None:
    client = staff(acme, "admin")
    with tenant_context(acme):
        make_account("Ash")
        qbr_generate_all(tenant=acme, actor=ACTOR)
    assert ">All QBRs<" in client.get("/t/acme/qbrs/?state=draft").text
    assert ">All tasks<" in client.get("/t/acme/tasks/?due=week").text
