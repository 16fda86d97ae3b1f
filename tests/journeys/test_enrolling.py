"""Accounts that somebody has ticked in their list, put into a journey: foreseen, decided one by one, done once."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import Account
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Cause, Decision, Enrollment, Journey
from journeys.services import journey_pause
from tests.journeys import graphs, stage
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

CHOOSE, MANY = "/t/acme/journeys/enter/", "/t/acme/journeys/enter/many/"
SEATS = {"fact": "seats", "op": "gte", "value": 100}


@pytest.fixture
def journey(acme: Tenant) -> Journey:
    graphs.world(acme)
    return graphs.publish(acme, graphs.graph(graphs.email(), entry={"by": "hand", "when": SEATS}))


def accounts_of(tenant: Tenant, *seats: int) -> list[str]:
    with tenant_context(tenant):
        made = [make_account(f"{number} seats, {place}", seats=number) for place, number in enumerate(seats)]
    stage.evaluate(tenant)
    return [str(account.pk) for account in made]


def outcomes(tenant: Tenant) -> Counter[str]:
    with tenant_context(tenant):
        return Counter(code.partition(":")[0] for code in Decision.objects.values_list("outcome", flat=True))


def test_a_marketer_ticks_accounts_and_sees_what_would_come_of_it(acme: Tenant, journey: Journey) -> None:
    ids = accounts_of(acme, 200, 300, 5)
    client = staff(acme, "marketer")
    listed = client.get("/t/acme/accounts/").text
    assert f'name="account" value="{ids[0]}"' in listed
    assert f'formaction="{CHOOSE}"' in listed
    assert "Change chosen" not in listed
    page = client.get(CHOOSE, {"account": ids, "journey": str(journey.pk)}).text
    assert "2 would come in" in page
    assert "1 would stay out" in page
    assert outcomes(acme) == {}
    sent = {"journey": str(journey.pk), "account": ids, "form": str(uuid4())}
    said = client.post(MANY, sent, follow=True).text
    assert "2 accounts came into “Mine”" in said
    assert "1 stayed out" in said
    assert "done before" in client.post(MANY, sent, follow=True).text
    assert outcomes(acme) == {"entered": 2, "rule_false": 1}
    with tenant_context(acme):
        assert set(Enrollment.objects.values_list("cause", flat=True)) == {Cause.MANUAL}


def test_a_csm_who_may_not_run_journeys_is_not_offered_it(acme: Tenant, journey: Journey) -> None:
    accounts_of(acme, 200)
    listed = staff(acme, "csm").get("/t/acme/accounts/").text
    assert "Change chosen" in listed
    assert CHOOSE not in listed
    assert 'type="checkbox" name="account"' not in staff(acme, "leader").get("/t/acme/accounts/").text


def test_what_cannot_be_chosen_changes_nothing(acme: Tenant, globex: Tenant, journey: Journey) -> None:
    with tenant_context(globex):
        theirs = str(make_account("Theirs").pk)
    ids = accounts_of(acme, 200)
    client = staff(acme, "admin")
    assert client.get(CHOOSE).status_code == 302
    assert 'id="coming"' not in client.get(CHOOSE, {"account": [*ids, "x"], "journey": "x"}).text
    assert "0 would come in" in client.get(CHOOSE, {"account": [theirs], "journey": str(journey.pk)}).text
    for sent in (
        {"journey": str(journey.pk), "account": ids},
        {"journey": "x", "account": ids, "form": str(uuid4())},
        {"journey": str(journey.pk), "account": [theirs, "x"], "form": str(uuid4())},
    ):
        assert "Nothing was changed" in client.post(MANY, sent, follow=True).text
    with tenant_context(acme):
        journey_pause(journey=journey, actor=ACTOR)
    client.post(MANY, {"journey": str(journey.pk), "account": ids, "form": str(uuid4())})
    assert outcomes(acme) == {"paused": 1}


def test_looking_ahead_costs_as_many_queries_for_twenty_as_for_one(acme: Tenant, journey: Journey) -> None:
    one, many = accounts_of(acme, 200), accounts_of(acme, *range(200, 220))
    client, asked = staff(acme, "admin"), {"journey": str(journey.pk)}
    client.get(CHOOSE, {**asked, "account": one})
    with CaptureQueriesContext(connection) as first:
        client.get(CHOOSE, {**asked, "account": one})
    with CaptureQueriesContext(connection) as second:
        client.get(CHOOSE, {**asked, "account": many})
    assert len(second) == len(first)


def test_a_program_puts_many_in_once_for_a_key(acme: Tenant, globex: Tenant, journey: Journey) -> None:
    ids = accounts_of(acme, 200, 5)

    def api(of: Tenant, **body: Any) -> Any:
        key = credential_create(tenant=of, name="program", actor=ACTOR)[1]
        client = Client(headers={"authorization": f"Bearer {key}"})
        return client.post("/api/v1/journeys/mine/enrollments/many", body, "application/json")

    assert api(globex, accounts=ids).status_code == 404
    assert api(acme, accounts=[]).status_code == 400
    told = api(acme, accounts=ids, key="batch-1").json()
    assert (told["entered"], sorted(one["outcome"][:10] for one in told["decisions"])) == (1, ["entered", "rule_false"])
    assert api(acme, accounts=ids, key="batch-1").json() == {"entered": 0, "decisions": []}
    with tenant_context(acme):
        assert {row.account_id for row in Enrollment.objects.all()} == {Account.objects.get(seats=200).pk}
