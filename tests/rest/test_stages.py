"""Stages over REST: the rules as a whole, whom they would move, an account's stage and setting it by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts
from tests.rest.test_rest import api_of, check_problem
from tests.world import make_account

pytestmark = pytest.mark.django_db
SEATS: dict[str, Any] = {"fact": "seats", "op": "gte", "value": 10}
RULES: list[dict[str, Any]] = [{"stage": "value", "rule": SEATS}, {"stage": "adoption", "rule": {"all": []}}]
BODY: dict[str, Any] = {"rules": RULES, "note": "By size", "version": 0}


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def evaluated(tenant: Tenant, *seats: int) -> list[Account]:
    with tenant_context(tenant):
        accounts = [make_account(f"With {number}", seats=number) for number in seats]
        evaluate_accounts(tenant, [account.pk for account in accounts])
    return accounts


def test_the_rules_are_read_tried_and_published_as_a_whole(acme: Tenant) -> None:
    api = api_of(acme)
    evaluated(acme, 5, 20)
    shipped = api("GET", "stages").json()
    assert shipped["version"] == 0
    assert [rule["stage"] for rule in shipped["rules"]] == ["churned", "renewal", "onboarding", "adoption", "value"]
    assert api("POST", "stages/try", {"rules": RULES}).json() == {
        "accounts": 2, "moved": 1, "moves": [{"before": "adoption", "stage": "value", "accounts": 1}],
    }  # fmt: skip
    published = api("PUT", "stages", BODY).json()
    assert published["version"] == 1
    assert published["rules"][0]["sentence"] == "seats is at least 10"
    check_problem(api("PUT", "stages", BODY), 409)
    flagged = api("PUT", "stages", BODY | {"version": 1, "flags": {"advocacy": SEATS}}).json()
    assert flagged["flags"] == shipped["flags"] | {"advocacy": SEATS}
    with tenant_context(acme):
        assert set(AuditEvent.objects.filter(action="stages.publish").values_list("actor_kind", flat=True)) == {"key"}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"rules": [{"stage": "value", "rule": {"fact": "shoe", "op": "eq", "value": 1}}, RULES[1]]},
         "/rules/0/rule/fact"),
        ({"rules": RULES[:1]}, "/rules/0/rule"),
        ({"rules": []}, "/rules"),
        ({"rules": [{"stage": "heaven", "rule": {}}]}, "/rules/0/stage"),
        ({"rules": "value"}, "/rules"),
        ({"note": ""}, "/note"),
        ({"flags": {"luck": {"all": []}}}, "/flags"),
        ({"flags": {"expansion": {"fact": "shoe", "op": "eq", "value": 1}}}, "/flags/expansion/fact"),
        ({"flags": {"advocacy": {"fact": "flag_expansion", "op": "eq", "value": True}}}, "/flags/advocacy"),
        ({"version": "x"}, "/version"),
    ],
)  # fmt: skip
def test_what_cannot_be_published_is_named_by_its_place(acme: Tenant, given: dict[str, Any], pointer: str) -> None:
    answer = api_of(acme)("PUT", "stages", BODY | given)
    check_problem(answer, 400)
    assert any(each["pointer"].startswith(pointer) for each in answer.json()["errors"])


def test_an_accounts_stage_says_why_and_is_set_by_hand_until_a_day(acme: Tenant) -> None:
    api = api_of(acme)
    api("PUT", "stages", BODY)
    (account,) = evaluated(acme, 20)
    address = f"accounts/{account.pk}/stage"
    found = api("GET", address).json()
    assert (found["stage"], found["by_rules"], found["reason"]) == ("value", "value", "seats 20 ≥ 10")
    until = (timezone.now() + timedelta(days=10)).date().isoformat()
    given = {"stage": "renewal", "reason": "Asked for it", "until": until}
    assert api("PUT", address, given).json()["override"] == given
    check_problem(api("PUT", address, given | {"until": "2040-01-01"}), 400)
    with tenant_context(acme):
        evaluate_accounts(acme, [account.pk])
    assert api("GET", address).json()["stage"] == "renewal"
    changes = api("GET", f"stage-changes?account={account.pk}").json()["results"]
    assert [(row["before"], row["stage"], row["cause"]) for row in changes] == [
        ("value", "renewal", "hand"), ("", "value", "first"),
    ]  # fmt: skip
    assert api("DELETE", address).status_code == 204
    assert api("GET", address).json()["override"] is None


def test_another_tenants_account_has_no_stage_here(acme: Tenant, globex: Tenant) -> None:
    (account,) = evaluated(globex, 20)
    for method in ("GET", "DELETE"):
        check_problem(api_of(acme)(method, f"accounts/{account.pk}/stage"), 404)
