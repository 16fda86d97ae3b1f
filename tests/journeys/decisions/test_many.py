"""One word on many decisions: those that are ticked, or all that the queue's filter leaves and nobody saw later."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.models import Choice
from tests.journeys.decisions import table
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

MANY = "/t/acme/decisions/act/"


def waiting(tenant: Tenant, number: int, play: str = "Call", trigger: str = "usage-decline") -> list[Account]:
    table.play(tenant, play, triggers=[trigger])
    with tenant_context(tenant):
        accounts = [make_account(f"{play} {n}") for n in range(number)]
    for account in accounts:
        table.signal(tenant, account, trigger)
    table.decide(tenant)
    return accounts


@pytest.fixture
def tenant(acme: Tenant) -> Tenant:
    table.lay(acme)
    waiting(acme, 3)
    waiting(acme, 2, "Sell", "seats-near-limit")
    return acme


def statuses(tenant: Tenant) -> Counter[tuple[str, str]]:
    with tenant_context(tenant):
        return Counter(Choice.objects.filter(play__isnull=False).values_list("play__key", "status"))


def form_of(client: Client, address: str) -> dict[str, str]:
    """The hidden fields of the page that an address of the queue leads to."""
    text = client.get(address).text
    found = re.search(r'href="(/t/acme/decisions/all/[^"]*)"', text)
    assert found, "the queue offers all of them"
    page = client.get(found[1].replace("&amp;", "&")).text
    return dict(re.findall(r'type="hidden" name="(all|status|play|whose|until)" value="([^"]*)"', page))


def test_all_of_a_filter_are_approved_and_no_others(tenant: Tenant) -> None:
    client = staff(tenant, "marketer")
    form = form_of(client, "/t/acme/decisions/?play=call")
    said = client.post(MANY, {**form, "action": "approve"}, follow=True).text
    assert "3 decisions approved" in said
    assert statuses(tenant) == {("call", "scheduled"): 3, ("sell", "asked"): 2}
    with tenant_context(tenant):
        told = AuditEvent.objects.get(action="choices.approve")
        assert len(told.changes["choices"]) == 3
    undo = form_of(client, "/t/acme/decisions/?play=call&status=scheduled")
    assert "3 decisions undone" in client.post(MANY, {**undo, "action": "undo"}, follow=True).text


def test_what_was_decided_after_the_list_was_shown_is_not_meant(tenant: Tenant) -> None:
    client = staff(tenant, "marketer")
    form = form_of(client, "/t/acme/decisions/?play=call")
    with tenant_context(tenant):
        late = make_account("Late")
    table.signal(tenant, late)
    table.decide(tenant)
    client.post(MANY, {**form, "action": "veto", "reason": "wrong_time"})
    assert statuses(tenant) == {("call", "vetoed"): 3, ("call", "asked"): 1, ("sell", "asked"): 2}


def test_a_csm_means_their_own_accounts_unless_they_say_otherwise(tenant: Tenant) -> None:
    client = staff(tenant, "csm", "lee@acme.example")
    assert "None of them is open" in client.get("/t/acme/decisions/all/").text
    assert "Approve 5 decisions" in client.get("/t/acme/decisions/all/?whose=all").text


@pytest.mark.parametrize(
    "spoiled", [{"until": ""}, {"until": "soon"}, {"until": "2026-01-01"}, {"reason": ""}, {"action": "nothing"}]
)
def test_a_form_that_does_not_say_all_changes_nothing(tenant: Tenant, spoiled: dict[str, str]) -> None:
    client = staff(tenant, "admin")
    form = form_of(client, "/t/acme/decisions/") | {"action": "veto", "reason": "known"} | spoiled
    assert "Nothing was changed" in client.post(MANY, form, follow=True).text
    assert statuses(tenant) == {("call", "asked"): 3, ("sell", "asked"): 2}


def test_closed_decisions_are_never_meant(tenant: Tenant) -> None:
    client = staff(tenant, "admin")
    form = form_of(client, "/t/acme/decisions/") | {"action": "veto", "reason": "known"}
    client.post(MANY, form)
    client.post(MANY, form | {"status": "vetoed", "action": "approve"})
    assert statuses(tenant) == {("call", "vetoed"): 3, ("sell", "vetoed"): 2}


def test_a_program_says_one_word_on_many(tenant: Tenant, globex: Tenant) -> None:
    def api(of: Tenant, body: dict[str, Any]) -> Any:
        key = credential_create(tenant=of, name="program", actor=ACTOR)[1]
        client = Client(headers={"authorization": f"Bearer {key}"})
        return client.post("/api/v1/choices/acts", body, "application/json")

    with tenant_context(tenant):
        ids = [str(pk) for pk in Choice.objects.filter(play__key="sell").values_list("pk", flat=True)]
    assert api(globex, {"action": "approve", "ids": ids}).json() == {"changed": [], "left": 2}
    assert api(tenant, {"action": "approve"}).status_code == 400
    assert api(tenant, {"action": "veto", "ids": ids}).status_code == 400
    done = api(tenant, {"action": "veto", "filter": {"play": "sell"}, "reason": "known"}).json()
    assert (sorted(done["changed"]), done["left"]) == (sorted(ids), 0)
    assert len(api(tenant, {"action": "approve", "filter": {}}).json()["changed"]) == 3
    assert statuses(tenant) == {("call", "scheduled"): 3, ("sell", "vetoed"): 2}
