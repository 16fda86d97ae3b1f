"""Test as account: the real steps walk, and nothing of it stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps

from hub.accounts.models import Account
from hub.outbound.webhooks.services import endpoint_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantModel
from journeys.drafts import operations as ops
from journeys.drafts.shape import BEGINNING
from journeys.drafts.trial import Trial, trial
from journeys.models import Journey
from tests.journeys import stage
from tests.world import ACTOR

MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]
SENT = {"to": {"roles": ["champion"], "fallback": "skip"}, "class": "programme", "topic": "growth", "body": "<p>Hi</p>"}
ACTING: dict[str, dict[str, Any]] = {
    "email": SENT | {"subject": "Hello {{ contact.first_name }}"},
    "in_hub_message": SENT | {"title": "Hello"},
    "task": {"title": "Call {{ account.name }}", "owner": "account_owner"},
    "set_field": {"field": "stage", "value": "adoption", "days": 30},
    "start_journey": {"journey": "save"},
    "stop_journey": {"journey": "activation"},
    "webhook": {"event": "trial.extended"},
    "slack": {"text": "{{ account.name }}"},
    "wait": {"rule": {"days": 2}},
    "branch": {
        "cases": [{"label": "Large", "when": {"fact": "seats", "op": "gte", "value": 5}}],
    },
}


@pytest.fixture
def account(acme: Tenant) -> Account:
    return stage.set_up(acme)


def graph_of(*kinds: str) -> dict[str, Any]:
    """The steps of these kinds one after the other."""
    graph = ops.empty_graph()
    graph["entry"] = {"trigger": "milestone-reached", "reentry": {"rule": "once"}}
    for kind in reversed(kinds):
        graph, node_id = ops.insert(graph, BEGINNING, kind)
        node = next(node for node in graph["nodes"] if node["id"] == node_id)
        graph = ops.edit(graph, node_id, {**node, **ACTING[kind]})
    return graph


def walked(tenant: Tenant, account: Account, *kinds: str) -> Trial:
    with tenant_context(tenant):
        return trial(Journey.objects.get(key="activation"), graph_of(*kinds), tenant, account, {})


def rows(tenant: Tenant) -> dict[str, int]:
    with tenant_context(tenant):
        return {model._meta.label: model._default_manager.count() for model in MODELS}


def test_every_kind_of_step_is_walked_and_nothing_is_written(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        endpoint_create(url="https://other.example/", kinds=["journey.webhook", "journey.slack"], actor=ACTOR)
    before = rows(acme)
    found = walked(acme, account, *ACTING)
    assert [taken.node.kind.key for taken in found.taken] == [*ACTING, "exit"]
    assert rows(acme) == before
    with tenant_context(acme):
        assert Account.objects.get(pk=account.pk).stage == account.stage


def test_the_gates_say_what_they_would_say_at_that_moment(acme: Tenant, account: Account) -> None:
    (letter,) = walked(acme, account, "wait", "email").taken[1].letters
    assert (letter.subject, letter.verdict) == ("Hello Kim", "withheld")
    assert letter.reason == "the contact has not agreed to this topic"


def test_a_branch_shows_the_values_that_it_saw(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        Account.objects.filter(pk=account.pk).update(seats=3)
    taken = walked(acme, account, "branch").taken[0]
    assert [value for value in taken.values if "seats" in value and "3" in value]
