"""Choices and plays over REST: read, approved, vetoed, undone; plays made, changed and put away."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.models import Choice, Play
from tests.journeys.decisions import table
from tests.rest.test_rest import Api, api_of, check_problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def choice(acme: Tenant) -> Choice:
    cache.clear()
    account = table.lay(acme)
    table.play(acme)
    table.signal(acme, account)
    [made] = table.decide(acme)
    return made


@pytest.fixture
def api(acme: Tenant, choice: Choice) -> Api:
    return api_of(acme)


def test_a_choice_is_read_with_every_verdict(api: Api, choice: Choice) -> None:
    body = api("GET", "choices?status=asked").json()["results"]
    assert [row["id"] for row in body] == [str(choice.pk)]
    assert body[0]["verdicts"][0]["verdict"] == "chosen"
    assert api("GET", "choices?status=done").json()["results"] == []
    assert api("GET", f"choices?day={choice.day}&play=call").json()["results"] == body


def test_approving_and_undoing_are_done_once(api: Api, choice: Choice) -> None:
    assert api("POST", f"choices/{choice.pk}/approve", {}).json()["status"] == "scheduled"
    check_problem(api("POST", f"choices/{choice.pk}/approve", {}), 409)
    assert api("POST", f"choices/{choice.pk}/undo", {}).json()["status"] == "undone"
    check_problem(api("POST", f"choices/{choice.pk}/veto", {"reason": "known"}), 409)


def test_a_veto_needs_a_reason(api: Api, choice: Choice) -> None:
    check_problem(api("POST", f"choices/{choice.pk}/veto", {}), 400)
    check_problem(api("POST", f"choices/{choice.pk}/veto", {"reason": "other"}), 400)
    assert api("POST", f"choices/{choice.pk}/veto", {"reason": "other", "note": "no"}).json()["note"] == "no"


def test_a_choice_of_another_tenant_is_not_there(globex: Tenant, choice: Choice) -> None:
    stranger = api_of(globex)
    check_problem(stranger("GET", f"choices/{choice.pk}"), 404)
    for act in ("approve", "veto", "undo"):
        check_problem(stranger("POST", f"choices/{choice.pk}/{act}", {"reason": "known"}), 404)


def test_plays_are_made_changed_and_put_away(api: Api, acme: Tenant) -> None:
    made = api("POST", "plays", {"name": "Ask", "terms": table.terms(purpose="advocacy")})
    assert made.status_code == 201, made.content
    address = f"plays/{made.json()['id']}"
    changed = api("PATCH", address, {"terms": table.terms(purpose="save"), "version": 1, "is_on": False}).json()
    assert (changed["version"], changed["is_on"], changed["terms"]["purpose"]) == (2, False, "save")
    check_problem(api("PATCH", address, {"name": "Late", "version": 1}), 409)
    check_problem(api("POST", "plays", {"name": "Wrong", "terms": {"action": "rm -rf"}}), 400)
    assert api("DELETE", address).status_code == 204
    with tenant_context(acme):
        assert Play.objects.get(name="Ask").archived_at is not None
