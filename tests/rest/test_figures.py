"""Figures of journeys and the time from signal to action, over REST."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from hub.accounts.models import Account
from hub.tenancy.models import Tenant
from tests.journeys import stage
from tests.journeys.graphs import email, go, graph, publish, world
from tests.rest.test_rest import Api, api_of, check_problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(acme: Tenant) -> Account:
    cache.clear()
    account = world(acme)
    publish(acme, graph(email("mail")))
    return account


@pytest.fixture
def api(acme: Tenant, account: Account) -> Api:
    return api_of(acme)


def test_the_figures_of_a_journey(api: Api, acme: Tenant, account: Account) -> None:
    go(acme, account)
    body = api("GET", "journeys/mine/figures").json()
    assert (body["entered"], body["inside"], body["goal"]) == (1, 0, None)
    assert [(step["node"], step["passed"]) for step in body["steps"]] == [("mail", 1), ("end", 1)]
    assert [(one["node"], one["sent"], one["why"]) for one in body["messages"]] == [("mail", 1, [])]
    later = api("GET", "journeys/mine/figures?since=2100-01-01T00:00:00Z").json()
    assert (later["entered"], later["messages"]) == (0, [])


def test_the_time_from_signal_to_action(api: Api, acme: Tenant, account: Account) -> None:
    empty = api("GET", "signal-to-action").json()
    assert (empty["whole"], empty["journeys"], empty["breaches"], empty["limit_seconds"]) == (None, [], [], 5)
    go(acme, account)
    body = api("GET", "signal-to-action").json()
    assert body["whole"]["signals"] == 1
    assert [row["journey"] for row in body["journeys"]] == ["mine"]
    stage.tag_expansion(acme, account, "line-2")
    stage.evaluate(acme)
    assert api("GET", "signal-to-action").json()["whole"]["signals"] == 2


def test_what_is_not_there_and_what_is_no_time(api: Api, globex: Tenant) -> None:
    check_problem(api("GET", "journeys/nothing/figures"), 404)
    check_problem(api("GET", "journeys/mine/figures?since=yesterday"), 400)
    check_problem(api("GET", "signal-to-action?since=x"), 400)
    check_problem(api_of(globex)("GET", "journeys/mine/figures"), 404)
