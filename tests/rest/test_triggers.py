"""Triggers over REST: made, changed and tried, with the place in the rule that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts
from signals.models import Trigger
from tests.rest.test_rest import Api, api_of, check_problem
from tests.world import make_account

pytestmark = pytest.mark.django_db
BUSY: dict[str, Any] = {"fact": "uses", "with": {"days": 7}, "op": "gte", "value": 50}
BODY: dict[str, Any] = {"name": "Busy week", "family": "usage", "severity": "info", "cooldown_days": 7, "rule": BUSY}


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def seats(least: int) -> dict[str, Any]:
    return {"fact": "seats", "op": "gt", "value": least}


def make(api: Api, **more: Any) -> str:
    answer = api("POST", "triggers", BODY | more)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def test_a_trigger_is_made_and_read(acme: Tenant) -> None:
    api = api_of(acme)
    made = api("POST", "triggers", BODY).json()
    assert (made["key"], made["version"], made["kind"]) == ("busy-week", 1, "computed")
    assert made["sentence"] == "When uses in 7 days is at least 50."
    assert api("GET", f"triggers/{made['id']}").json() == made
    assert [row["key"] for row in api("GET", "triggers?key=busy-week").json()["results"]] == ["busy-week"]
    check_problem(api("POST", "triggers", BODY | {"key": "busy-week"}), 400)
    with tenant_context(acme):
        assert AuditEvent.objects.get(action="trigger.create").actor_kind == "key"


@pytest.mark.parametrize(
    ("rule", "pointer", "told"),
    [
        ({"fact": "shoe", "op": "eq", "value": 1}, "/rule/fact", "unknown fact"),
        (
            {"all": [{"any": [{"fact": "seats", "op": "gt", "value": "x"}]}]},
            "/rule/all/0/any/0/value",
            "expected a number",
        ),
        (BUSY | {"with": {"days": 9999}}, "/rule/with/days", "from 1 to 730"),
        ({"not": {"sustained": seats(1), "days": 3}}, "/rule/not/sustained", "keeps no past"),
        (
            {"fact": "trigger_stands", "with": {"trigger": "nobody"}, "op": "eq", "value": True},
            "/rule",
            "no trigger nobody",
        ),
        ({}, "/rule", "expected one of"),
    ],
)
def test_what_is_wrong_in_a_rule_has_its_place(acme: Tenant, rule: dict[str, Any], pointer: str, told: str) -> None:
    api = api_of(acme)
    made = make(api)
    for call in (("POST", "triggers", BODY | {"rule": rule}), ("PATCH", f"triggers/{made}", {"rule": rule}),
                 ("POST", f"triggers/{made}/try", {"rule": rule})):  # fmt: skip
        (error,) = check_problem(api(*call), 400)["errors"]
        assert error["pointer"] == pointer
        assert told in error["detail"]


def test_a_change_is_the_next_version_and_of_the_version_that_was_read(acme: Tenant) -> None:
    api = api_of(acme)
    path = f"triggers/{make(api)}"
    changed = api("PATCH", path, {"rule": BUSY | {"value": 60}, "name": "Busier", "version": 1}).json()
    assert (changed["version"], changed["name"], changed["rule"]["value"]) == (2, "Busier", 60)
    assert "at version 2" in check_problem(api("PATCH", path, {"name": "Late", "version": 1}), 409)["detail"]
    assert api("PATCH", path, {"is_active": False}).json()["is_active"] is False
    assert api("PATCH", path, {"is_active": True}).json()["version"] == 3
    check_problem(api("PATCH", path, {"severity": "loud"}), 400)


def test_what_reaches_many_accounts_waits_for_a_confirmation(acme: Tenant) -> None:
    api = api_of(acme)
    with tenant_context(acme):
        ids = [make_account(f"A{n:02}", seats=50 if n < 12 else 1).pk for n in range(30)]
        evaluate_accounts(acme, ids)
    path = f"triggers/{make(api, rule=seats(100))}"
    refused = check_problem(api("PATCH", path, {"rule": seats(10), "name": "Wide"}), 409)
    assert "12 of 30 accounts" in refused["detail"]
    assert api("GET", path).json()["name"] == "Busy week"
    assert api("PATCH", path, {"rule": seats(10), "confirm": True}).json()["version"] == 2
    api("PATCH", path, {"is_active": False})
    check_problem(api("PATCH", path, {"is_active": True}), 409)
    assert api("PATCH", path, {"is_active": True, "confirm": True}).json()["is_active"] is True


def test_a_candidate_is_tried_and_nothing_changes(acme: Tenant) -> None:
    api = api_of(acme)
    with tenant_context(acme):
        evaluate_accounts(acme, [make_account("Ash", seats=9).pk, make_account("Birch", seats=1).pk])
    path = f"triggers/{make(api)}"
    tried = api("POST", f"{path}/try", {"rule": seats(5)}).json()
    assert (tried["matches"], tried["first"][0]["name"]) == (1, "Ash")
    assert (tried["fired"], tried["without_past"]) == (None, ["seats"])
    own = api("POST", f"{path}/try", {}).json()
    assert (own["matches"], own["fired"], own["asked"], own["accounts"]) == (0, 0, 2, 2)
    with tenant_context(acme):
        told = Trigger.objects.get(key="milestone-reached")
        assert Trigger.objects.get(key="busy-week").version == 1
    assert api("POST", f"triggers/{told.pk}/try", {}).json()["fired"] is None


def test_readers_and_strangers_change_nothing(acme: Tenant, globex: Tenant) -> None:
    made = make(api_of(acme))
    for path, method in ((f"triggers/{made}", "PATCH"), (f"triggers/{made}/try", "POST")):
        check_problem(api_of(globex)(method, path, {}), 404)
        check_problem(api_of(acme, "read")(method, path, {}), 403)
