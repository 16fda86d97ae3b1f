"""Pages of the library: by stage, what is lacking, the tree, and a draft by one press."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Playbook
from journeys.library import BY_KEY, LIBRARY
from journeys.library.needs import SOURCES, Have, needs_of, roles_of, signals_of
from journeys.models import Journey
from signals.catalogue import BY_KEY as TRIGGERS
from signals.models import Trigger
from tests.shell.staff import staff
from tests.world import make_account, make_contact

LIBRARY_QUERIES = 20


def test_the_library_lists_every_journey_and_says_what_is_lacking(acme: Tenant) -> None:
    page = staff(acme, "marketer").get("/t/acme/journeys/library/")
    assert [ready.name for ready in LIBRARY if ready.name not in page.text] == []
    assert "lacks onboarding plans" in page.text


def test_what_is_there_is_not_lacking(acme: Tenant) -> None:
    with tenant_context(acme):
        make_contact(make_account(), roles=["admin"])
        found = {need.words: need.met for need in needs_of(BY_KEY["champion-missing"], Have.read())}
        assert found["contacts with roles"]
        assert found["the trigger “No champion”"]
        Trigger.objects.filter(key="champion-missing").update(is_active=False)
        again = {need.words: need.met for need in needs_of(BY_KEY["champion-missing"], Have.read())}
        assert not again["the trigger “No champion”"]


def test_what_a_journey_needs_can_be_had() -> None:
    for ready in LIBRARY:
        assert set(ready.needs) <= set(SOURCES)
        assert set(signals_of(ready)) <= set(TRIGGERS)
        assert roles_of(ready)


def test_each_has_a_page_with_its_steps_and_its_hypothesis(acme: Tenant) -> None:
    client = staff(acme, "leader")
    for ready in LIBRARY:
        page = client.get(f"/t/acme/journeys/library/{ready.key}/")
        assert page.status_code == 200, ready.key
        assert ready.hypothesis["baseline"] in html.unescape(page.text), ready.key
        assert "Use it" not in page.text
        assert len(page.context["letters"]) == len(ready.proofs)
        assert all(letter["subject"] and "{" not in letter["text"] for letter in page.context["letters"])


def test_one_press_makes_a_draft_with_its_playbooks(acme: Tenant) -> None:
    client = staff(acme, "marketer")
    answer = client.post("/t/acme/journeys/library/win-back/use/")
    with tenant_context(acme):
        journey = Journey.objects.get(key="win-back")
        assert (journey.status, journey.live, journey.owner) == ("draft", 0, "marketing")
        assert Playbook.objects.get().key == "win-back-call"
    assert answer["Location"] == f"/t/acme/journeys/{journey.pk}/build/"
    assert "In use" in client.get("/t/acme/journeys/library/").text


def test_what_is_not_in_the_library_is_404_and_a_csm_only_looks(acme: Tenant) -> None:
    client = staff(acme, "csm")
    assert client.get("/t/acme/journeys/library/nothing/").status_code == 404
    assert client.post("/t/acme/journeys/library/save/use/").status_code == 403
    assert client.get("/t/acme/journeys/library/save/").status_code == 200


@pytest.mark.parametrize("count", [1, 20])
def test_the_library_asks_as_often_for_any_number_of_accounts(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        for at in range(count):
            make_contact(make_account(f"A{at}"), roles=["champion"])
    client = staff(acme, "leader")
    client.get("/t/acme/journeys/library/")
    with django_assert_num_queries(LIBRARY_QUERIES):
        client.get("/t/acme/journeys/library/")


def test_the_documents_list_every_journey_of_the_library() -> None:
    told = Path("docs/journeys.md").read_text()
    for ready in LIBRARY:
        begins = ready.graph["entry"]["trigger"]
        assert f"| `{ready.key}` | {ready.stage} | `{begins}` |" in told, ready.key
