"""One person across accounts: found by address, merged, split, and put back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from hub.accounts.models import Account, Change, Contact, ContactStatus, Person, PersonAddress, PersonEvent
from hub.accounts.services import (
    PersonError,
    contact_left,
    people_link,
    person_merge,
    person_split,
    person_undo,
)
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from tests.rest.test_rest import api_of, check_problem
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_contact, make_tenant

pytestmark = pytest.mark.django_db


def person(contact: Contact) -> Person:
    contact.refresh_from_db()
    assert contact.person is not None
    found: Person = contact.person
    return found


@pytest.fixture
def two(acme: Tenant) -> tuple[Account, Account]:
    with tenant_context(acme):
        return make_account("One"), make_account("Two")


def test_the_same_address_is_the_same_person_and_linking_again_changes_nothing(
    acme: Tenant, two: tuple[Account, Account]
) -> None:
    with tenant_context(acme):
        kims = [make_contact(account, "kim@x.example") for account in two]
        lee = make_contact(two[0], "lee@x.example")
        nameless, _ = (Contact.objects.create(account=account, name="?") for account in two)
        while evaluate_batch(acme):
            pass
        assert person(kims[0]) == person(kims[1]) != person(lee) != person(nameless)
        before = set(Contact.objects.values_list("pk", "person_id"))
        people_link([account.pk for account in two])
        assert set(Contact.objects.values_list("pk", "person_id")) == before
        assert Person.objects.count() == 4
        assert PersonAddress.objects.count() == 2


def test_merged_people_share_their_addresses_until_it_is_undone(acme: Tenant, two: tuple[Account, Account]) -> None:
    with tenant_context(acme):
        work, private = make_contact(two[0], "kim@work.example"), make_contact(two[1], "kim@home.example")
        people_link([account.pk for account in two])
        keep, other = person(work), person(private)
        event = person_merge(keep=keep, other=other, actor=ACTOR)
        assert person(private) == keep
        third = make_contact(make_account("Three"), "kim@home.example")
        people_link([third.account_id])
        assert person(third) == keep, "who comes later with the address is the merged person"
        person_undo(event=event, actor=ACTOR)
        assert (person(work), person(private)) == (keep, other)
        assert PersonAddress.objects.get(email="kim@home.example").person == other
        assert person(third) == keep, "what came after the merge stays where it came"
        with pytest.raises(PersonError, match="undone before"):
            person_undo(event=event, actor=ACTOR)
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {"person.merge", "person.merge_undone"} <= actions


def test_a_person_is_not_merged_with_themselves_nor_with_nobody(acme: Tenant, two: tuple[Account, Account]) -> None:
    with tenant_context(acme):
        kim = make_contact(two[0], "kim@x.example")
        people_link([two[0].pk])
        with pytest.raises(PersonError, match="one person already"):
            person_merge(keep=person(kim), other=person(kim), actor=ACTOR)
        with pytest.raises(PersonError, match="no contact"):
            person_merge(keep=person(kim), other=Person.objects.create(), actor=ACTOR)
        assert not PersonEvent.objects.exists()


def test_contacts_are_split_off_with_the_addresses_that_only_they_have(
    acme: Tenant, two: tuple[Account, Account]
) -> None:
    with tenant_context(acme):
        shared = [make_contact(account, "info@x.example") for account in two]
        own = make_contact(two[1], "lee@x.example")
        people_link([account.pk for account in two])
        person_merge(keep=person(shared[0]), other=person(own), actor=ACTOR)
        whole = person(shared[0])
        event = person_split(person=whole, contact_ids=[shared[1].pk, own.pk], actor=ACTOR)
        assert person(shared[0]) == whole
        assert person(shared[1]) == person(own) != whole
        assert PersonAddress.objects.get(email="info@x.example").person == whole
        assert PersonAddress.objects.get(email="lee@x.example").person == person(own)
        for wrong in ([], [shared[0].pk], [own.pk]):
            with pytest.raises(PersonError):
                person_split(person=whole, contact_ids=wrong, actor=ACTOR)
        later = person_merge(keep=person(own), other=whole, actor=ACTOR)
        person_undo(event=later, actor=ACTOR)
        person_undo(event=event, actor=ACTOR)
        assert {person(contact) for contact in (*shared, own)} == {whole}


def test_what_moved_on_since_must_be_undone_first(acme: Tenant, two: tuple[Account, Account]) -> None:
    with tenant_context(acme):
        people = [make_contact(two[0], f"k{n}@x.example") for n in range(3)]
        people_link([two[0].pk])
        first = person_merge(keep=person(people[1]), other=person(people[0]), actor=ACTOR)
        person_merge(keep=person(people[2]), other=person(people[1]), actor=ACTOR)
        with pytest.raises(PersonError, match="undo that first"):
            person_undo(event=first, actor=ACTOR)


def test_somebody_who_left_is_told_once_with_their_roles(acme: Tenant, two: tuple[Account, Account]) -> None:
    from datetime import date

    with tenant_context(acme):
        kim = make_contact(two[0], roles=["champion"])
        assert contact_left(contact=kim, left_on=date(2026, 1, 5), actor=ACTOR)
        assert not contact_left(contact=kim, left_on=date(2026, 1, 5), actor=ACTOR)
        kim.refresh_from_db()
        assert (kim.status, kim.left_on) == (ContactStatus.LEFT, date(2026, 1, 5))
        assert Change.objects.get(kind="contact.left").data == {"roles": ["champion"]}


def test_merging_splitting_and_undoing_on_the_page(acme: Tenant, two: tuple[Account, Account]) -> None:
    with tenant_context(acme):
        work, home = make_contact(two[0], "kim@work.example"), make_contact(two[1], "kim@home.example")
        people_link([account.pk for account in two])
        keep, other = person(work), person(home)
    csm, leader = staff(acme, "csm"), staff(acme, "leader")
    assert csm.get(f"/t/acme/contacts/{work.pk}/").headers["Location"] == f"/t/acme/people/{keep.pk}/"
    merge = f"/t/acme/people/{keep.pk}/merge/"
    assert leader.post(merge, {"other": "kim@home.example"}).status_code == 403
    assert "one person already" in csm.post(merge, {"other": "KIM@work.example"}, follow=True).text
    assert "nobody is known" in csm.post(merge, {"other": "who@x.example"}, follow=True).text
    page = csm.post(merge, {"other": "kim@home.example"}, follow=True).text
    assert "At 2 accounts" in page
    assert "there now" in csm.get(f"/t/acme/people/{other.pk}/").text
    split = f"/t/acme/people/{keep.pk}/split/"
    assert "leave at least one" in csm.post(split, {"contact": [str(work.pk), str(home.pk)]}, follow=True).text
    with tenant_context(acme):
        event = PersonEvent.objects.get()
    assert "It is undone" in csm.post(f"/t/acme/people/events/{event.pk}/undo/", follow=True).text
    csm.post(f"/t/acme/contacts/{home.pk}/left/", {"left_on": "2026-01-05"})
    csm.post(f"/t/acme/contacts/{work.pk}/roles/", {"roles": ["champion", "admin"]})
    with tenant_context(acme):
        home.refresh_from_db()
        work.refresh_from_db()
        assert (home.status, work.roles) == ("left", ["admin", "champion"])
    csm.post(f"/t/acme/contacts/{home.pk}/returned/")
    with tenant_context(acme):
        home.refresh_from_db()
        assert (home.status, home.left_on) == ("active", None)


def test_a_person_over_rest(acme: Tenant, globex: Tenant, two: tuple[Account, Account]) -> None:
    with tenant_context(acme):
        kims = [make_contact(account, "kim@x.example") for account in two]
        people_link([account.pk for account in two])
        kim = person(kims[0])
    api = api_of(acme)
    assert api("GET", f"contacts/{kims[1].pk}").json()["person"] == str(kim.pk)
    body = api("GET", f"people/{kim.pk}").json()
    assert body["addresses"] == ["kim@x.example"]
    assert {place["account"] for place in body["contacts"]} == {str(account.pk) for account in two}
    check_problem(api_of(globex)("GET", f"people/{kim.pk}"), 404)


def test_what_was_merged_there_and_back_is_undone_from_the_last_one_on(
    acme: Tenant, two: tuple[Account, Account]
) -> None:
    with tenant_context(acme):
        kim, lee = make_contact(two[0], "kim@x.example"), make_contact(two[1], "lee@x.example")
        people_link([account.pk for account in two])
        a, b = person(kim), person(lee)
        events = [person_merge(keep=keep, other=other, actor=ACTOR) for keep, other in ((a, b), (b, a), (a, b))]
        # Lee is where the first merge brought them, but by the third.
        for event in events[:2]:
            with pytest.raises(PersonError, match="undo that first"):
                person_undo(event=event, actor=ACTOR)
        for event in reversed(events):
            person_undo(event=event, actor=ACTOR)
        assert (person(kim), person(lee)) == (a, b)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_merges_and_undos_at_the_same_moment_wait_for_one_another_and_can_all_be_taken_back() -> None:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        contacts = [make_contact(make_account(f"A{n}{m}"), f"kim{n}@x{m}.example") for m in range(3) for n in range(3)]
        people_link([contact.account_id for contact in contacts])
        people = [person(contact) for contact in contacts]
        # Three who are at three accounts each.
        for m in range(3):
            for n in (1, 2):
                person_merge(keep=people[m], other=people[m + 3 * n], actor=ACTOR)
        before = set(Contact.objects.values_list("pk", "person_id"))
    first, second, third = people[:3]
    pairs = [(first, second), (second, first), (third, first), (first, third), (second, third), (third, second)]
    for _ in range(6):
        failed = at_once(tenant, [partial(person_merge, keep=a, other=b, actor=ACTOR) for a, b in pairs])
        assert not failed, failed
        with tenant_context(tenant):
            events = open_events()
        for _ in range(20):
            if not events:
                break
            failed = at_once(tenant, [partial(person_undo, event=event, actor=ACTOR) for event in events])
            assert not failed, failed
            with tenant_context(tenant):
                events = open_events()
        with tenant_context(tenant):
            assert set(Contact.objects.values_list("pk", "person_id")) == before


def open_events() -> list[PersonEvent]:
    """Merges that stand, but for the six of the beginning; newest first."""
    return list(PersonEvent.objects.filter(undone_at=None).order_by("pk")[6:])[::-1]


def at_once(tenant: Tenant, acts: list[Callable[[], object]]) -> list[Exception]:
    """Do all of it in threads that begin together; what was raised beside refusals in words."""
    barrier, failed = threading.Barrier(len(acts)), []

    def do(act: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            with tenant_context(tenant):
                act()
        except PersonError:
            pass
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return failed


def test_the_people_of_an_account_that_hangs_on_one_person_say_so(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account("Thread")
        make_contact(account, "one@thread.example", name="One", roles=["champion", "decision_maker"])
    client, url = staff(acme), f"/t/acme/accounts/{account.pk}/"
    assert "nobody else is known here" in client.get(url).text
    with tenant_context(acme):
        make_contact(account, "two@thread.example", name="Two", roles=["user"])
    assert "Everything hangs on One, who alone speaks or decides" in client.get(url).text
    with tenant_context(acme):
        make_contact(account, "three@thread.example", name="Three", roles=["executive_sponsor"])
    assert "Single-threaded" not in client.get(url).text
