"""An edit of what a rule rests on is an edit: what turns true by it is taken as it is, and fires nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import Account
from hub.accounts.services import facts_touch
from hub.registry.facts import known_facts
from hub.rules.language import parse
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.editions import editions
from signals.engine import evaluate_batch
from signals.health.models import Scorecard, ScorecardVersion
from signals.health.services import scorecards_install
from signals.models import DayClose, Signal, Trigger, TriggerState
from signals.readiness.services import figures_publish
from signals.segments.models import Segment
from signals.segments.services import segment_archive, segment_change, segment_create
from signals.services import trigger_edit
from signals.stages.rules import current_stages
from signals.stages.services import stages_publish
from signals.states import looks_forget
from signals.triggers.services import trigger_switch
from tests.signals.test_engine import use_weekly
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
MANY = {"fact": "seats", "op": "gte", "value": 100}
SOME = {"fact": "seats", "op": "gte", "value": 10}


def watching(key: str, rule: dict[str, Any]) -> Trigger:
    trigger: Trigger = Trigger.objects.create(key=key, name=key, family="usage", kind=Trigger.Kind.COMPUTED, rule=rule)
    return trigger


def asks(fact: str, value: Any, **given: Any) -> dict[str, Any]:
    return {"fact": fact, "op": "eq", "value": value, **({"with": given} if given else {})}


def look(tenant: Tenant, *accounts: Account) -> set[tuple[str, str]]:
    """Every account evaluated; the signals that came of it, as trigger and account."""
    known = set(Signal.objects.values_list("pk", flat=True))
    facts_touch([account.pk for account in accounts])
    while evaluate_batch(tenant):
        pass
    found = Signal.objects.exclude(pk__in=known).values_list("trigger__key", "account__name")
    return set(found)


def edit_trigger() -> None:
    trigger_edit(trigger=Trigger.objects.get(key="base"), rule=SOME, actor=ACTOR)


def switch_off() -> None:
    trigger_switch(trigger=Trigger.objects.get(key="off"), is_active=False, actor=ACTOR)


def edit_segment() -> None:
    segment = Segment.objects.get(key="big")
    segment_change(segment=segment, name="Big", description="", rule=SOME, seen=segment.version, actor=ACTOR)


def archive_segment() -> None:
    segment_archive(segment=Segment.objects.get(key="small"), actor=ACTOR)


def publish_scorecard() -> None:
    card = Scorecard.objects.get()
    before = ScorecardVersion.objects.get(scorecard=card, number=card.version)
    measures = [row | {"worst": 0, "best": 1000} for row in before.measures]
    ScorecardVersion.objects.create(scorecard=card, number=card.version + 1, measures=measures, note="harder")
    Scorecard.objects.filter(pk=card.pk).update(version=card.version + 1)


def publish_stages() -> None:
    rules = current_stages().stored()
    rules = [{"stage": "renewal", "rule": SOME}, *(row for row in rules if row["stage"] != "renewal")]
    stages_publish(rules=rules, note="seats", seen=0, user=None, actor=ACTOR, confirmed=True)


EDITS: dict[str, tuple[dict[str, Any], Callable[[], None]]] = {
    "a trigger that a composite reads": (asks("trigger_stands", True, trigger="base"), edit_trigger),
    "one that a composite of a composite reads": (asks("trigger_stands", True, trigger="between"), edit_trigger),
    "a trigger that is switched off": ({"not": asks("trigger_stands", True, trigger="off")}, switch_off),
    "a segment": (asks("in_segment", True, segment="big"), edit_segment),
    "a segment within a segment": (asks("in_segment", True, segment="outer"), edit_segment),
    "a segment that is put away": ({"not": asks("in_segment", True, segment="small")}, archive_segment),
    "the rules of the stages": (asks("stage", "renewal"), publish_stages),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_an_edit_elsewhere_makes_true_fires_nothing_and_what_happens_later_does(acme: Tenant, name: str) -> None:
    rule, edit = EDITS[name]
    with tenant_context(acme):
        twenty, one = make_account("Twenty", seats=20), make_account("One", seats=1)
        Trigger.objects.update(is_active=False)
        watching("base", MANY)
        watching("between", {"all": [asks("trigger_stands", True, trigger="base")]})
        watching("off", {"fact": "seats", "op": "gte", "value": 1})
        segment_create(name="Big", rule=MANY, user=None, actor=ACTOR)
        segment_create(name="Outer", rule=asks("in_segment", True, segment="big"), user=None, actor=ACTOR)
        segment_create(name="Small", rule={"fact": "seats", "op": "lt", "value": 1000}, user=None, actor=ACTOR)
        watching("reader", rule)
        assert look(acme, twenty, one) == set()
        edit()
        assert look(acme, twenty, one) == set()
        assert TriggerState.objects.get(trigger__key="reader", account=twenty).is_true
        if not name.endswith(("off", "away")):
            Account.objects.filter(pk=one.pk).update(seats=30)
            assert ("reader", "One") in look(acme, one)


def test_another_scorecard_turns_nobody_red_as_news(acme: Tenant) -> None:
    with tenant_context(acme):
        Trigger.objects.update(is_active=False)
        scorecards_install(actor=ACTOR)
        account = make_account("Twenty", seats=20)
        use_weekly(account, [100] * 10, today_of(acme))
        watching("low", {"fact": "health_score", "op": "lt", "value": 5})
        assert look(acme, account) == set()
        publish_scorecard()
        assert look(acme, account) == set()
        assert TriggerState.objects.get(account=account).baseline


def test_other_criteria_of_readiness_are_no_news(acme: Tenant) -> None:
    with tenant_context(acme):
        node = parse({"fact": "expansion_ready_seat", "op": "eq", "value": True}, known_facts())
        before = editions({"ready": (1, node)})
        figures_publish(given={"use_case_days": 50}, note="sooner", seen=0, user=None, actor=ACTOR)
        assert editions({"ready": (1, node)}) != before


def test_a_rule_that_rests_on_nothing_else_goes_by_its_version(acme: Tenant, django_assert_num_queries: Any) -> None:
    with tenant_context(acme), django_assert_num_queries(0):
        assert editions({"base": (3, parse(SOME, known_facts()))}) == {"base": 3}


@pytest.mark.parametrize("ends", ["an edit", "history"])
def test_a_signal_clears_when_an_edit_or_history_ends_what_it_said(acme: Tenant, ends: str) -> None:
    with tenant_context(acme):
        Trigger.objects.update(is_active=False)
        account = make_account("Twenty", seats=1)
        trigger = watching("base", SOME)
        look(acme, account)
        Account.objects.filter(pk=account.pk).update(seats=20)
        assert look(acme, account) == {("base", "Twenty")}
        if ends == "an edit":
            trigger_edit(trigger=trigger, rule=MANY, actor=ACTOR)
        else:
            Account.objects.filter(pk=account.pk).update(seats=1)
            looks_forget(acme.pk, [account.pk])
        look(acme, account)
        assert Signal.objects.get().cleared_at is not None


def test_history_tells_no_second_time_what_stands_of_a_trigger_that_fires_on_first_sight(acme: Tenant) -> None:
    with tenant_context(acme):
        Trigger.objects.update(is_active=False)
        account = make_account("Twenty", seats=20)
        Trigger.objects.filter(pk=watching("base", SOME).pk).update(fire_on_first_sight=True)
        assert look(acme, account) == {("base", "Twenty")}
        looks_forget(acme.pk, [account.pk])
        assert look(acme, account) == set()


def test_accounts_are_looked_at_again_when_what_others_read_is_switched_off(acme: Tenant) -> None:
    with tenant_context(acme):
        trigger = watching("off", SOME)
        DayClose.objects.create(day=today_of(acme), done_at=timezone.now())
        trigger_switch(trigger=trigger, is_active=False, actor=ACTOR)
        assert DayClose.objects.filter(done_at__isnull=True).exists()
