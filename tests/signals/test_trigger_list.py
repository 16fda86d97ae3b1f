"""The list of triggers, how often each was right, and what people set beside a rule."""

from __future__ import annotations

import re
from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from hub.accounts.services import attribute_define
from hub.registry.facts import known_facts
from hub.rules.explain import sentence
from hub.rules.language import parse
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from signals.models import Signal, SignalStatus, Trigger
from signals.precision import ENOUGH, Precision, wilson
from signals.trigger_page import TriggerCounts, counts_of, unreadable
from signals.triggers.services import WideError, trigger_change, trigger_create
from tests.shell.staff import staff
from tests.signals.test_inbox import signal_of
from tests.world import ACTOR, make_account

LIST_QUERIES = 12
LIST = "/t/acme/signals/triggers/"


def test_triggers_stand_under_their_families_by_name(acme: Tenant) -> None:
    page = staff(acme, "admin").get(LIST).text
    families = [words.strip() for words in re.findall(r'<th scope="rowgroup"[^>]*>([^<]+)<', page)]
    assert families == sorted(families)
    assert "QBR" in families
    assert "Qbr" not in page


@pytest.mark.parametrize(("query", "there", "gone"), [
    ("q=renewal+120", "Renewal within 120 days", "Renewal within 90 days"),
    ("q=escalated", "Ticket escalated", "NPS promoter"),
    ("family=qbr", "QBR line tagged risk", "Usage decline"),
    ("state=off", "Usage decline", "NPS promoter"),
    ("state=on", "NPS promoter", "Usage decline"),
])  # fmt: skip
def test_words_family_and_state_narrow_the_list(acme: Tenant, query: str, there: str, gone: str) -> None:
    with tenant_context(acme):
        Trigger.objects.filter(key="usage-decline").update(is_active=False)
    page = staff(acme, "admin").get(f"{LIST}?{query}").text
    assert f">{there}" in page
    assert f">{gone}" not in page


def test_a_search_that_finds_nothing_leads_back(acme: Tenant) -> None:
    page = staff(acme, "admin").get(f"{LIST}?q=zebra").text
    assert "No trigger fits" in page


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_asks_as_often_for_twenty_signals_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        for at in range(count):
            signal_of(f"A{at}", "usage-decline")
    client = staff(acme, "admin")
    client.get(LIST)
    with django_assert_num_queries(LIST_QUERIES):
        client.get(LIST)


def test_a_trigger_whose_attribute_is_gone_says_so_and_can_be_mended(acme: Tenant) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="tier", label="Tier", kind="number", actor=ACTOR)
        rule = {"fact": "attribute.tier", "op": "gt", "value": 3}
        trigger = trigger_create(
            name="High tier", family="usage", severity="info", cooldown_days=0, rule=rule, actor=ACTOR
        )
        Trigger.objects.filter(pk=trigger.pk).update(rule=rule | {"fact": "attribute.gone"})
        trigger.refresh_from_db()
        assert "unknown fact" in unreadable(trigger)
    client = staff(acme, "admin")
    assert "Cannot be read" in client.get(f"{LIST}?state=broken").text
    page = client.get(f"{LIST}{trigger.pk}/").text
    assert "The rule cannot be read any more" in page
    with tenant_context(acme):
        trigger_change(trigger=trigger, rule=rule, actor=ACTOR, confirmed=True)
        trigger.refresh_from_db()
        assert unreadable(trigger) == ""


def test_counts_leave_out_what_a_storm_holds(acme: Tenant) -> None:
    with tenant_context(acme):
        signal_of("A", "usage-decline", status=SignalStatus.RESOLVED)
        signal_of("B", "usage-decline", status=SignalStatus.DISMISSED, closed_as="not_true")
        signal_of("C", "usage-decline", status=SignalStatus.HELD)
        signal_of("D", "usage-decline")
        trigger = Trigger.objects.get(key="usage-decline")
        (counts,) = counts_of([trigger.pk]).values()
    assert counts == TriggerCounts(
        fired=3, fired_lately=3, open=1, resolved=1, dismissed=1, acted=1, not_true=1, held=1
    )
    assert counts.precision.value is None
    assert "2 of 20 judged" in staff(acme, "admin").get(f"{LIST}{trigger.pk}/").text


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_narrows_with_the_count(pair: tuple[int, int]) -> None:
    right, count = pair
    low, high = wilson(right, count)
    assert 0 <= low <= right / count <= high <= 1
    wider = wilson(right * 4, count * 4)
    assert wider[1] - wider[0] < high - low
    turned = wilson(count - right, count)
    assert isclose(1 - turned[1], low, abs_tol=1e-9)
    assert isclose(1 - turned[0], high, abs_tol=1e-9)


def test_the_interval_is_the_one_of_the_books() -> None:
    # Newcombe 1998, table I: 81 of 263 and 15 of 148.
    assert [round(end, 4) for end in wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(end, 4) for end in wilson(15, 148)] == [0.0624, 0.1605]


def test_of_too_few_nothing_is_said() -> None:
    assert Precision(ENOUGH - 1, 0).value is None
    assert Precision(ENOUGH - 1, 0).interval is None
    assert Precision(ENOUGH, 5).value == 0.75


def test_fire_on_first_sight_is_set_in_the_form_and_fires_where_it_is_true_already(acme: Tenant) -> None:
    with tenant_context(acme):
        make_account("Bank", segment="Bank")
    given = {"name": "Banks", "family": "usage", "severity": "info", "cooldown_days": "0", "save": "1"}
    row = {"match": "all", "fact": "segment", "op": "eq", "value": "Bank", "second": ""}
    client = staff(acme, "admin")
    answer = client.post(f"{LIST}new/", given | row | {"fire_on_first_sight": "on"}, follow=True)
    assert "fires also where it is true already" in answer.text
    with tenant_context(acme):
        make_account("Bank", domain="bank.example")
        while evaluate_batch(acme):
            pass
        assert Signal.objects.filter(trigger__name="Banks").count() == 1


def test_first_sight_of_many_accounts_waits_for_a_confirmation(acme: Tenant) -> None:
    rule = {"fact": "segment", "op": "eq", "value": "Bank"}
    settings: Any = {"name": "Banks", "family": "usage", "severity": "info", "cooldown_days": 0}
    with tenant_context(acme):
        for at in range(12):
            make_account(f"Bank {at}", segment="Bank")
        while evaluate_batch(acme):
            pass
        trigger_create(**settings, rule=rule, actor=ACTOR)
        with pytest.raises(WideError) as wide:
            trigger_create(**settings, rule=rule, actor=ACTOR, fire_on_first_sight=True)
        assert wide.value.fires
        assert trigger_create(**settings, rule=rule, actor=ACTOR, fire_on_first_sight=True, confirmed=True).pk


def test_a_rule_names_another_trigger_by_its_name(acme: Tenant) -> None:
    rule = {"fact": "segment", "op": "eq", "value": "Bank"}
    with tenant_context(acme):
        banks = trigger_create(
            name="Big banks", family="usage", severity="info", cooldown_days=0, rule=rule, actor=ACTOR
        )
        reads = {"fact": "trigger_stands", "op": "eq", "value": True, "with": {"trigger": banks.key}}
        assert sentence(parse(reads, known_facts())) == "“Big banks” stands"
        both = trigger_create(name="Both", family="usage", severity="info", cooldown_days=0, rule=reads, actor=ACTOR)
    page = staff(acme, "admin").get(f"{LIST}{both.pk}/edit/").text
    assert f'<option value="{banks.key}" selected>Big banks</option>' in page
