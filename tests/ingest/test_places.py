"""Whose a thing is when its source takes it away again: by the source's clock, in any order of the calls."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.models import Account, Change, Contact, ContactStatus, TimelineEntry
from hub.feedback.models import Ticket
from hub.ingest.connectors.base import ALSO, MAIN, THE_MAIN_ONE
from hub.ingest.connectors.places import Place, owner_of, places_of
from hub.ingest.models import HookEndpoint
from hub.revenue.models import Opportunity
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import states, take
from tests.ingest.test_connectors import APR, FEB, JAN, MAR, change, make, zen

pytestmark = pytest.mark.django_db(transaction=True)

NAMED = [change("company", 1, "name", "One"), change("company", 2, "name", "Two")]
KIM = change("contact", 7, "email", "kim@x.example")
DEAL = [change("deal", 3, "dealname", "More"), change("deal", 3, "amount", "10")]
TICKET = [change("ticket", 4, "subject", "Broken"), change("ticket", 4, "createdate", str(JAN * 1000))]


def link(kind: str, pk: int, company: int, at: int, **more: Any) -> dict[str, Any]:
    return {
        "eventId": at + company, "subscriptionId": 2, "subscriptionType": f"{kind.lower()}.associationChange",
        "associationType": f"{kind}_TO_COMPANY", "fromObjectId": pk, "toObjectId": company, "occurredAt": at * 1000,
        "associationRemoved": False, "isPrimaryAssociation": False, **more,
    }  # fmt: skip


def unlink(kind: str, pk: int, company: int, at: int) -> dict[str, Any]:
    return link(kind, pk, company, at, associationRemoved=True)


@pytest.fixture
def hubspot(acme: Tenant) -> HookEndpoint:
    return make(acme, "hubspot", makes_accounts=True)


def people(tenant: Tenant) -> list[tuple[str, str, str]]:
    with tenant_context(tenant):
        rows = Contact.objects.select_related("account").order_by("account__name")
        return [(row.account.name, row.status, str(row.left_on or "")) for row in rows]


def test_somebody_who_is_taken_away_from_a_company_has_left_it(acme: Tenant, hubspot: HookEndpoint) -> None:
    take(acme, hubspot, NAMED, [KIM, link("CONTACT", 7, 1, JAN)])
    with tenant_context(acme):
        Contact.objects.update(roles=["champion"])
    take(acme, hubspot, [unlink("CONTACT", 7, 1, FEB)])
    assert people(acme) == [("One", "left", "2026-02-01")]
    with tenant_context(acme):
        told = Change.objects.get(kind="contact.left")
        assert (told.data, told.occurred_at.date()) == ({"roles": ["champion"]}, date(2026, 2, 1))
        assert TimelineEntry.objects.filter(title__contains="left the company").count() == 1
    # The same again tells nothing, and who comes back is there again.
    take(acme, hubspot, [unlink("CONTACT", 7, 1, FEB), change("contact", 7, "jobtitle", "CTO", MAR)])
    take(acme, hubspot, [link("CONTACT", 7, 1, APR)])
    assert people(acme) == [("One", "active", "")]
    with tenant_context(acme):
        assert Change.objects.filter(kind="contact.left").count() == 1


def test_somebody_at_two_companies_is_a_contact_of_both_until_one_lets_go(acme: Tenant, hubspot: HookEndpoint) -> None:
    take(acme, hubspot, NAMED, [KIM, link("CONTACT", 7, 1, JAN, isPrimaryAssociation=True), link("CONTACT", 7, 2, FEB)])
    assert people(acme) == [("One", "active", ""), ("Two", "active", "")]
    take(acme, hubspot, [unlink("CONTACT", 7, 1, MAR)])
    assert people(acme) == [("One", "left", "2026-03-01"), ("Two", "active", "")]


def test_a_bounce_is_not_undone_by_an_association_that_never_ended(acme: Tenant, hubspot: HookEndpoint) -> None:
    take(acme, hubspot, NAMED, [KIM, link("CONTACT", 7, 1, JAN)])
    with tenant_context(acme):
        Contact.objects.update(status=ContactStatus.BOUNCED)
    take(acme, hubspot, [link("CONTACT", 7, 1, FEB)])
    assert people(acme)[0][1] == "bounced"


def test_the_property_of_the_company_that_becomes_empty_takes_the_main_one_away(
    acme: Tenant, hubspot: HookEndpoint
) -> None:
    take(acme, hubspot, NAMED, [KIM, change("contact", 7, "associatedcompanyid", "1")])
    take(acme, hubspot, [change("contact", 7, "associatedcompanyid", "", FEB)])
    assert people(acme) == [("One", "left", "2026-02-01")]


def held(tenant: Tenant) -> dict[str, str]:
    with tenant_context(tenant):
        return {
            row.external_id: row.account.name
            for model in (Opportunity, Ticket)
            for row in model.objects.select_related("account")
        }


def test_a_deal_and_a_ticket_that_are_taken_away_are_out_of_the_record_until_somebody_has_them(
    acme: Tenant, hubspot: HookEndpoint
) -> None:
    take(acme, hubspot, NAMED, [*DEAL, *TICKET, link("DEAL", 3, 1, JAN), link("TICKET", 4, 1, JAN)])
    assert held(acme) == {"3": "One", "4": "One"}
    gone = take(acme, hubspot, [unlink("DEAL", 3, 1, FEB), unlink("TICKET", 4, 1, FEB)])[-1]
    assert gone.state == "applied"
    assert sorted((entry["noun"], entry["outcome"]) for entry in gone.became) == [
        ("opportunity", "removed"), ("ticket", "removed"),
    ]  # fmt: skip
    assert held(acme) == {}
    with tenant_context(acme):
        assert not TimelineEntry.objects.filter(kind__in=["opportunity", "ticket"]).exists()
    # What is said meanwhile is kept; the next company gets all of it.
    take(acme, hubspot, [change("deal", 3, "amount", "25", MAR)], [link("DEAL", 3, 2, APR)])
    assert held(acme) == {"3": "Two"}
    with tenant_context(acme):
        assert Opportunity.objects.get().amount_minor == 2500


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_deal_that_moves_to_a_company_nobody_knows_is_at_none(
    acme: Tenant, hubspot: HookEndpoint, order: tuple[int, int]
) -> None:
    take(acme, hubspot, NAMED, DEAL)
    moves = [
        [link("DEAL", 3, 1, JAN, isPrimaryAssociation=True)], [link("DEAL", 3, 99, FEB, isPrimaryAssociation=True)],
    ]  # fmt: skip
    calls = take(acme, hubspot, *(moves[number] for number in order))
    assert held(acme) == {}
    assert "unmatched" in states(calls)
    take(acme, hubspot, [change("company", 99, "name", "Late")])
    assert held(acme) == {"3": "Late"}


def test_either_end_of_an_association_tells_of_it(acme: Tenant, hubspot: HookEndpoint) -> None:
    turned = {"associationType": "COMPANY_TO_DEAL", "fromObjectId": 1, "toObjectId": 3}
    take(acme, hubspot, NAMED, [*DEAL, link("DEAL", 3, 1, JAN, **turned)])
    assert held(acme) == {"3": "One"}
    take(acme, hubspot, [link("DEAL", 3, 1, FEB, **turned, associationRemoved=True)])
    assert held(acme) == {}


STORY = [
    [NAMED[0]], [NAMED[1]], [KIM, *DEAL], [link("CONTACT", 7, 1, JAN), link("DEAL", 3, 1, JAN)],
    [unlink("CONTACT", 7, 1, FEB), unlink("DEAL", 3, 1, FEB)], [link("CONTACT", 7, 2, MAR), link("DEAL", 3, 2, MAR)],
]  # fmt: skip


@pytest.mark.slow
def test_any_order_of_the_calls_gives_the_same_places(acme: Tenant) -> None:
    for number, order in enumerate(list(permutations(range(len(STORY))))[::29]):
        tenant = Tenant.objects.create(slug=f"order-{number}", name="x")
        to = make(tenant, "hubspot", makes_accounts=True)
        calls = take(tenant, to, *(STORY[position] for position in order))
        assert people(tenant) == [("One", "left", "2026-02-01"), ("Two", "active", "")], order
        assert held(tenant) == {"3": "Two"}, order
        assert set(states(calls)) == {"applied"}, (order, [call.reason for call in calls])


def test_who_moves_to_another_organization_has_left_the_first(acme: Tenant) -> None:
    """Zendesk knows one organization of a user: another one takes its place."""
    to = make(acme, "zendesk", makes_accounts=True)
    organizations = [
        zen("organization.created", "2026-01-01T09:00:00Z", id=str(n), name=name, domain_names=[])
        for n, name in ((8, "One"), (9, "Two"))
    ]
    user = {"id": "77", "name": "Kim", "email": "kim@x.example", "role": "end-user"}
    first = zen("user.created", "2026-01-02T09:00:00Z", **user, organization_id="8")
    then = zen("user.updated", "2026-02-02T09:00:00Z", **user, organization_id="9")
    take(acme, to, then, first, *organizations)
    assert people(acme) == [("One", "left", "2026-02-02"), ("Two", "active", "")]
    with tenant_context(acme):
        # Both are told as history: nobody was seen to leave.
        assert not Change.objects.filter(kind="contact.left").exists()
        assert Account.objects.count() == 2


# --- Pure -------------------------------------------------------------------------------------------------------------

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = st.one_of(
    st.fixed_dictionaries({"_company": st.sampled_from("abc"), "_hold": st.sampled_from(["", ALSO, MAIN])}),
    st.builds(lambda company: {"_left": company}, st.sampled_from(["a", "b", "c", THE_MAIN_ONE])),
    st.just({}),
)  # fmt: skip


def history(words: list[dict[str, Any]]) -> list[tuple[datetime, dict[str, Any]]]:
    return [(START + timedelta(days=number), entry) for number, entry in enumerate(words)]


@given(st.lists(WORDS, max_size=8))
def test_places_hold_together(words: list[dict[str, Any]]) -> None:
    places = places_of(history(words))
    companies = [place.company for place in places]
    assert len(companies) == len(set(companies))
    assert set(companies) <= {entry.get("_company") for entry in words}
    now = [place for place in places if place.left_on is None]
    assert places[: len(now)] == now, "those that have it stand first"
    assert all(place.again for place in places[len(now) :])
    last: dict[str, Any] = next((entry for entry in reversed(words) if entry), {})
    if last.get("_company") and last["_hold"] in ("", MAIN):
        assert owner_of(places) == last["_company"]
        assert last["_hold"] == MAIN or len(now) == 1
    if last.get("_left") in ("a", "b", "c"):
        assert last["_left"] not in [place.company for place in now]


def test_places_by_example() -> None:
    words = [{"_company": "a", "_hold": MAIN}, {"_company": "b", "_hold": ALSO}, {"_left": "a"}]
    assert places_of(history(words)) == [Place("b"), Place("a", date(2026, 1, 3), again=True)]
    assert places_of(history([*words, {"_company": "a", "_hold": ALSO}])) == [Place("a", None, again=True), Place("b")]
    assert owner_of(places_of(history([{"_left": "a"}]))) == ""
