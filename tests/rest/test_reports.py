"""Signals and milestones that other systems bring by key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import Account
from hub.people.services import credential_create
from hub.plans.models import Milestone
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from signals.models import Signal
from tests.world import ACTOR, make_account


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


def put(tenant: Tenant, path: str, body: dict[str, Any]) -> Any:
    _, key = credential_create(tenant=tenant, name="test", actor=ACTOR)
    client = Client(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client.put(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


def test_a_reported_signal_appears_once(acme: Tenant, account: Account) -> None:
    body = {"account": {"source": "test", "external_id": "Northwind"}, "text": "Seat limit hit", "details": {"n": 3}}
    answers = [put(acme, "signals/by/billing/evt-1", body) for _ in range(2)]
    assert [(a.status_code, a.json()["new"]) for a in answers] == [(202, True), (202, False)]
    with tenant_context(acme):
        while evaluate_batch(acme):
            pass
        signal = Signal.objects.get(account=account)
    assert signal.sentence == "billing: Seat limit hit"
    assert signal.evidence["data"]["n"] == 3


def test_a_report_about_a_foreign_account_is_refused(acme: Tenant, globex: Tenant, account: Account) -> None:
    answer = put(globex, "signals/by/billing/evt-1", {"account": str(account.pk), "text": "x"})
    assert answer.status_code == 400
    assert put(acme, "signals/by/billing/evt-1", {"text": "x"}).status_code == 400


def test_a_milestone_is_made_changed_and_completed_by_put(acme: Tenant, account: Account) -> None:
    path = "milestones/by/test/Northwind/go-live"
    made = put(acme, path, {"title": "Go live", "due_on": "2026-12-01"})
    assert made.status_code == 201
    same = put(acme, path, {"title": "Go live"})
    assert (same.status_code, same.json()["due_on"]) == (200, "2026-12-01")
    done = put(acme, path, {"completed_at": "2026-11-20T10:00:00Z"}).json()
    assert done["completed_via"] == "api"
    assert put(acme, path, {"completed_at": "2026-11-21T10:00:00Z"}).json()["completed_at"] == done["completed_at"]
    with tenant_context(acme):
        assert Milestone.objects.get().plan.activated_at is not None


def test_a_milestone_of_a_foreign_or_unknown_account_is_not_found(
    acme: Tenant, globex: Tenant, account: Account
) -> None:
    assert put(globex, "milestones/by/test/Northwind/go-live", {"title": "x"}).status_code == 404
    assert put(acme, "milestones/by/test/Nobody/go-live", {"title": "x"}).status_code == 404
    assert put(acme, "milestones/by/test/Northwind/go-live", {"due_on": "soon"}).status_code == 400
