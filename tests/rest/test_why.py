"""`GET /api/v1/accounts/{id}/why`: the decision log over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.journeys.stage import plan, reach, run, set_up, tag_expansion
from tests.rest.test_rest import api_of, check_problem
from tests.world import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def test_it_tells_signal_candidates_choice_and_steps(acme: Tenant) -> None:
    account = set_up(acme)
    tag_expansion(acme, account)
    run(acme)
    answer = api_of(acme)("GET", f"accounts/{account.pk}/why").json()
    (story,) = answer["results"]
    assert answer["next"] is None
    assert (story["signal"]["trigger"], story["outcome"]) == ("qbr-expansion", "entered")
    assert story["enrollment"]["journey"] == "upsell"
    assert [c["journey"] for c in story["candidates"] if c["verdict"] == "entered"] == ["upsell"]
    assert story["steps"][0]["outcome"] == "done"
    subjects = [message["subject"] for step in story["steps"] for message in step["messages"]]
    tasks = [step["task"]["title"] for step in story["steps"] if step["task"]]
    assert subjects or tasks


def test_pages_follow_each_other_and_since_cuts_the_past_off(acme: Tenant) -> None:
    account = set_up(acme)
    for number in range(5):
        tag_expansion(acme, account, key=f"line-{number}")
        run(acme)
    api = api_of(acme)
    first = api("GET", f"accounts/{account.pk}/why?limit=2").json()
    second = api("GET", first["next"].split("/api/v1/")[1]).json()
    ids = [story["signal"]["id"] for page in (first, second) for story in page["results"]]
    assert len(set(ids)) == 4
    assert ids == sorted(ids, reverse=True)
    later = quote((timezone.now() + timedelta(minutes=1)).isoformat())
    assert api("GET", f"accounts/{account.pk}/why?since={later}").json()["results"] == []
    check_problem(api("GET", f"accounts/{account.pk}/why?since=yesterday"), 400)


def test_another_tenants_account_and_none_at_all_are_404(acme: Tenant, globex: Tenant) -> None:
    account = set_up(acme)
    with tenant_context(acme):
        other = make_account("Other")
    tag_expansion(acme, account)
    run(acme)
    check_problem(api_of(globex)("GET", f"accounts/{account.pk}/why"), 404)
    check_problem(api_of(acme)("GET", f"accounts/{uuid4()}/why"), 404)
    check_problem(api_of(acme, "write")("GET", f"accounts/{account.pk}/why"), 403)
    assert api_of(acme)("GET", f"accounts/{other.pk}/why").json()["results"] == []


def test_it_asks_as_often_for_many_signals_as_for_one(acme: Tenant, django_assert_num_queries: Any) -> None:
    account = set_up(acme)
    plan(acme, account)
    reach(acme, "kick-off")
    api = api_of(acme)
    for number in (1, 6):
        for line in range(number):
            tag_expansion(acme, account, key=f"{number}-{line}")
        run(acme)
        # key, savepoint, tenant, account, signals, decisions, steps, messages, savepoint, tenant
        with django_assert_num_queries(10):
            assert len(api("GET", f"accounts/{account.pk}/why").json()["results"]) >= number
