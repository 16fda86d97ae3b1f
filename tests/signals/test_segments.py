"""Segments: members with every evaluation, who came and went, rules that ask for membership, never in a circle."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from hub.accounts.models import Account, AccountFacts
from hub.people.models import AuditEvent
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.language import RuleError, parse
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts
from signals.health.cards import CardError, checked
from signals.models import Signal, Trigger
from signals.segments.models import Segment, SegmentMember
from signals.segments.refresh import segments_refresh
from signals.segments.selectors import member_rule, segment_lines
from signals.segments.services import SegmentError, StaleError, segment_archive, segment_change, segment_create
from tests.rest.test_rest import api_of, check_problem
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
TODAY = date(2026, 6, 10)
LARGE: dict[str, Any] = {"fact": "seats", "op": "gte", "value": 10}


def inside(key: str) -> dict[str, Any]:
    return {"fact": "in_segment", "with": {"segment": key}, "op": "eq", "value": True}


def make(name: str = "Large", rule: dict[str, Any] = LARGE) -> Segment:
    segment = segment_create(name=name, rule=rule, user=None, actor=ACTOR)
    Segment.objects.filter(pk=segment.pk).update(since=TODAY - timedelta(days=30))
    segment.refresh_from_db()
    return segment


def at(days: int) -> datetime:
    return NOW + timedelta(days=days)


def seat(account: Account, seats: int, tenant: Tenant, days: int) -> None:
    Account.objects.filter(pk=account.pk).update(seats=seats)
    evaluate_accounts(tenant, [account.pk], now=at(days))


def spans(key: str = "large") -> list[tuple[int, int | None]]:
    rows = SegmentMember.objects.filter(segment__key=key).order_by("joined_on")
    return [((row.joined_on - TODAY).days, (row.left_on - TODAY).days if row.left_on else None) for row in rows]


def test_who_comes_and_goes_is_remembered_and_who_stays_costs_nothing(acme: Tenant) -> None:
    with tenant_context(acme):
        make()
        account = make_account(seats=12)
        for seats, days in ((12, 0), (30, 3), (4, 5), (4, 6), (11, 9)):
            seat(account, seats, acme, days)
        assert spans() == [(0, 5), (9, None)]


def test_a_new_segment_of_few_accounts_has_its_members_at_once(acme: Tenant) -> None:
    with tenant_context(acme):
        for seats in (12, 30, 4):
            evaluate_accounts(acme, [make_account(f"S{seats}", seats=seats).pk])
        segment = segment_create(name="Large", rule=LARGE, user=None, actor=ACTOR)
        rule = {"all": [inside("large"), {"fact": "seats", "op": "gte", "value": 30}]}
        inner = segment_create(name="Very large", rule=rule, user=None, actor=ACTOR)
        rows = SegmentMember.objects.order_by("account__seats")
        found = [list(rows.filter(segment=each).values_list("account__seats", flat=True)) for each in (segment, inner)]
        assert found == [[12, 30], [30]]


def test_the_page_of_a_segment_names_those_that_pay_most_and_asks_the_same_for_many(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with tenant_context(acme):
        segment = make()
        accounts = [make_account(f"Member {number:02}", seats=12) for number in range(12)]
        make_account("Small", seats=1)
        evaluate_accounts(acme, [account.pk for account in accounts], now=NOW)
        for number, account in enumerate(accounts):
            AccountFacts.objects.filter(account=account).update(mrr_minor=100 * number)
    client = staff(acme, "admin")
    address = f"/t/acme/segments/{segment.pk}/"
    page = client.get(address).text
    named = re.findall(r"Member \d\d|Small", page)
    assert named == [f"Member {number:02}" for number in range(11, 1, -1)]
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    with tenant_context(acme):
        SegmentMember.objects.exclude(account=accounts[0]).delete()
    with django_assert_num_queries(len(many)):
        client.get(address)


def test_a_segment_may_read_another_and_a_trigger_both_in_the_same_evaluation(acme: Tenant) -> None:
    with tenant_context(acme):
        make()
        # By their keys the one that reads comes first.
        make("A few of them", {"all": [inside("large"), {"fact": "industry", "op": "eq", "value": "Retail"}]})
        Trigger.objects.create(
            key="watch", name="Watch", family="x", kind=Trigger.Kind.COMPUTED, rule=inside("a-few-of-them")
        )
        account = make_account(seats=3, industry="Retail")
        evaluate_accounts(acme, [account.pk], now=NOW)
        seat(account, 12, acme, 1)
        assert spans("a-few-of-them") == [(1, None)]
        assert Signal.objects.filter(trigger__key="watch").count() == 1


def test_membership_keeps_its_past_from_the_day_on_which_the_rule_began_to_count(acme: Tenant) -> None:
    with tenant_context(acme):
        make()
        account = make_account(seats=12)
        for seats, days in ((12, 0), (4, 5)):
            seat(account, seats, acme, days)
        known = known_facts()
        rule = parse(inside("large"), known)
        missing = parse({"fact": "in_segment", "with": {"segment": "large"}, "op": "is_not_set"}, known)
        held, unknown = [], []
        for days in (-31, -30, 0, 4, 5):
            clock = Clock(at(days), TODAY + timedelta(days=days), past=True)
            held.append(read_rule(rule, [account.pk], clock)[0].holds)
            unknown.append(read_rule(missing, [account.pk], clock)[0].holds)
        assert held == [False, False, True, True, False]
        assert unknown == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (inside("small"), "lie in one another: large → small → large"),
        (inside("large"), "lie in one another: large → large"),
        (inside("nowhere"), "there is no segment nowhere"),
        ({"fact": "signals", "with": {"trigger": "x"}, "op": "gte", "value": 1}, "cannot depend on signals"),
        ({"fact": "luck", "op": "eq", "value": 1}, "unknown fact"),
    ],
)
def test_rules_that_cannot_be_are_refused(acme: Tenant, rule: dict[str, Any], words: str) -> None:
    with tenant_context(acme):
        large = make()
        make("Small", {"not": inside("large")})
        with pytest.raises(RuleError, match=words):
            segment_change(segment=large, name="Large", description="", rule=rule, seen=1, actor=ACTOR)
        assert Segment.objects.get(key="large").version == 1


def test_a_scorecard_is_not_made_of_what_is_decided_after_it(acme: Tenant) -> None:
    measures = [
        {"key": n, "label": n, "fact": "expansion_score", "worst": 0, "best": 100, "weight": 1} for n in ("a", "b", "c")
    ]
    with tenant_context(acme), pytest.raises(CardError, match="expansion"):
        checked(measures)


def test_another_rule_is_another_version_whose_past_begins_today(acme: Tenant) -> None:
    with tenant_context(acme):
        large = make()
        kept: dict[str, Any] = {"segment": large, "name": "Larger", "description": "d", "actor": ACTOR}
        assert segment_change(rule=LARGE, seen=1, **kept).version == 1
        changed = segment_change(rule=LARGE | {"value": 20}, seen=1, **kept)
        assert (changed.version, changed.key, changed.name) == (2, "large", "Larger")
        assert changed.since > TODAY - timedelta(days=30)
        with pytest.raises(StaleError):
            segment_change(rule=LARGE, seen=1, **kept)
        with pytest.raises(SegmentError, match="give the segment a name"):
            segment_create(name=" \x00", rule=LARGE, user=None, actor=ACTOR)
        assert segment_create(name="Large", rule=LARGE, user=None, actor=ACTOR).key == "large-2"
        assert AuditEvent.objects.filter(action="segment.change").count() == 2


def test_one_that_another_reads_is_not_put_away(acme: Tenant) -> None:
    with tenant_context(acme):
        large, small = make(), make("Small", {"not": inside("large")})
        with pytest.raises(SegmentError, match="“Small” reads it"):
            segment_archive(segment=large, actor=ACTOR)
        assert segment_archive(segment=small, actor=ACTOR)
        assert segment_archive(segment=large, actor=ACTOR)
        assert not segment_archive(segment=large, actor=ACTOR)


def test_members_who_stand_still_cost_as_many_queries_for_twenty_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with tenant_context(acme):
        make(), make("Huge", LARGE | {"value": 1000})
        ids = [make_account(f"A{n}", seats=n).pk for n in range(20)]
        evaluate_accounts(acme, ids, now=NOW)
        clock = Clock(NOW, TODAY)
        for some in (ids, ids[:1]):
            # The segments, who is in them, and what their rules say now.
            with django_assert_num_queries(3):
                segments_refresh(some, clock)


def test_the_change_in_90_days_is_who_was_in_it_or_what_the_rule_says_of_that_day(acme: Tenant) -> None:
    with tenant_context(acme):
        segment = make()
        stays, came, left = (make_account(name) for name in ("Stays", "Came", "Left"))
        then = TODAY - timedelta(days=90)
        Segment.objects.filter(pk=segment.pk).update(since=then)
        rows = [(stays, then, None), (came, TODAY - timedelta(days=9), None), (left, then, TODAY - timedelta(days=5))]
        for account, joined, gone in rows:
            SegmentMember.objects.create(segment=segment, account=account, joined_on=joined, left_on=gone)
        (line,) = segment_lines(TODAY)
        assert (line.members, line.before, line.change, line.joined, line.left) == (2, 2, 0, 1, 1)
        Segment.objects.filter(pk=segment.pk).update(since=TODAY - timedelta(days=89))
        (line,) = segment_lines(TODAY)
        assert (line.before, line.change) == (None, None)
        (line,) = segment_lines(TODAY, segment.pk)
        assert line.before is None, "seats keep no past"
        signed = {"fact": "signed_up_on", "op": "is_set"}
        Segment.objects.filter(pk=segment.pk).update(rule=signed)
        (line,) = segment_lines(TODAY, segment.pk)
        assert (line.before, line.asked) == (0, True)


# --- Pages and REST -----------------------------------------------------------------------------------------------


def test_a_filter_of_the_accounts_list_becomes_a_segment(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account("Big", seats=12)
        evaluate_accounts(acme, [account.pk])
    client = staff(acme)
    listed = client.get("/t/acme/accounts/", {"rule": json.dumps(LARGE)}).text
    assert "Make a segment of it" in listed
    text = client.get("/t/acme/segments/new/", {"rule": json.dumps(LARGE)}).text
    assert 'value="10"' in text
    assert client.get("/t/acme/segments/new/", {"rule": "{nonsense"}).status_code == 200
    form = {"match": "all", "fact": "seats", "op": "gte", "value": "10", "description": "x"}
    assert "1 account now" in client.post("/t/acme/segments/try/", form).text
    assert client.post("/t/acme/segments/new/", form).status_code == 422
    assert client.post("/t/acme/segments/new/", {"name": "n", "match": "all"}).status_code == 422
    assert client.post("/t/acme/segments/new/", form | {"name": "Large ones"}).status_code == 302
    with tenant_context(acme):
        segment = Segment.objects.get()
        evaluate_accounts(acme, [account.pk])
    page = client.get(f"/t/acme/segments/{segment.pk}/").text
    assert "Seats is at least 10" in page
    assert "large-ones" in page
    assert "Large ones" in client.get("/t/acme/segments/").text
    members = client.get("/t/acme/accounts/", {"rule": member_rule("large-ones")})
    assert "Big" in members.text
    edit = f"/t/acme/segments/{segment.pk}/edit/"
    assert client.get(edit).status_code == 200
    assert client.post(edit, form | {"name": "Large ones", "seen": "7"}).status_code == 409
    assert client.post(edit, form | {"name": "Large", "seen": "1", "fact": "in_segment"}).status_code == 422
    assert client.post(edit, form | {"name": "Large", "seen": "1"}).status_code == 302
    assert client.post(f"/t/acme/segments/{segment.pk}/archive/").status_code == 302
    assert "put away" in client.get(f"/t/acme/segments/{segment.pk}/").text
    assert staff(acme, "leader").post("/t/acme/segments/new/", form).status_code == 403


def test_segments_over_rest(acme: Tenant) -> None:
    cache.clear()
    api = api_of(acme)
    made = api("POST", "segments", {"name": "Large", "rule": LARGE})
    assert made.status_code == 201
    assert (made.json()["key"], made.json()["sentence"]) == ("large", "seats is at least 10")
    address = f"segments/{made.json()['id']}"
    with tenant_context(acme):
        account = make_account(seats=12)
        evaluate_accounts(acme, [account.pk])
    (member,) = api("GET", "segment-members?segment=large").json()["results"]
    assert (member["account"], member["left_on"]) == (str(account.pk), None)
    assert api("PATCH", address, {"rule": LARGE | {"value": 20}}).json()["version"] == 2
    check_problem(api("PATCH", address, {"name": "L", "version": 1}), 409)
    wrong = api("PATCH", address, {"rule": {"fact": "luck", "op": "eq", "value": 1}})
    check_problem(wrong, 400)
    assert wrong.json()["errors"][0]["pointer"] == "/rule/fact"
    assert api("DELETE", address).status_code == 204
    assert api("GET", address).json()["is_active"] is False
