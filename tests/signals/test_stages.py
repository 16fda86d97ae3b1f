"""Lifecycle stages: rules in order, what a change tells, other rules, and what people set against them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account, AccountFacts, TimelineEntry
from hub.people.models import AuditEvent
from hub.plans.services import milestone_complete, plan_create
from hub.registry.facts import known_facts
from hub.registry.handlers import history_loaded
from hub.revenue.models import ContractLine
from hub.rules.compile import Clock
from hub.rules.language import RuleError, parse
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_accounts
from signals.models import Signal
from signals.stages.models import StageChange, StageOverride, StageState, StageVersion
from signals.stages.refresh import stages_refresh
from signals.stages.rules import BREADTH_TARGET, SHIPPED, checked
from signals.stages.services import (
    StageError,
    StaleError,
    WideError,
    stage_override_end,
    stage_override_set,
    stages_publish,
    stages_restore,
)
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 10)
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
CLOCK = Clock(NOW, TODAY)
SEATS = {"fact": "seats", "op": "gte", "value": 10}
REST = {"stage": "value", "rule": {"all": []}}
BY_SEATS = [{"stage": "adoption", "rule": SEATS}, REST]


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)


def publish(rules: list[Any], seen: int = 0, **more: Any) -> StageVersion:
    return stages_publish(rules=rules, note="tried", seen=seen, user=None, actor=ACTOR, **more)


def seated(tenant: Tenant, *seats: int) -> list[Account]:
    """Accounts with so many seats, under rules that ask for them, evaluated once."""
    publish(BY_SEATS)
    accounts = [make_account(f"With {number}", seats=number) for number in seats]
    evaluate_accounts(tenant, [account.pk for account in accounts], now=NOW)
    return accounts


def seat(account: Account, seats: int, tenant: Tenant, at: datetime) -> str:
    """Give an account other seats; its stage afterwards."""
    Account.objects.filter(pk=account.pk).update(seats=seats)
    evaluate_accounts(tenant, [account.pk], now=at)
    account.refresh_from_db()
    return str(account.stage)


def stage_signals() -> list[str]:
    return list(Signal.objects.filter(trigger__key="stage-changed").values_list("sentence", flat=True))


@pytest.mark.parametrize(
    ("line", "plan", "features", "stage"),
    [
        ({"ends_on": day(-1)}, "done", 9, "churned"),
        ({"ends_on": day(0)}, "done", 9, "churned"),
        ({"ends_on": day(1)}, "done", 9, "renewal"),
        ({"renews_on": day(90)}, "open", 9, "renewal"),
        ({"renews_on": day(91)}, "open", 9, "onboarding"),
        ({}, "done", BREADTH_TARGET - 1, "adoption"),
        ({}, "done", BREADTH_TARGET, "value"),
        ({}, "", BREADTH_TARGET, "value"),
        (None, "open", 0, "onboarding"),
        (None, "", 0, "adoption"),
    ],
)
def test_the_first_rule_that_holds_is_the_stage(
    acme: Tenant, line: dict[str, Any] | None, plan: str, features: int, stage: str
) -> None:
    with tenant_context(acme):
        account = make_account()
        if line is not None:
            ContractLine.objects.create(
                account=account,
                source="test",
                external_id="l",
                starts_on=day(-400),
                mrr_minor=1000,
                currency="USD",
                **line,
            )
        if plan:
            milestones = plan_create(account=account, started_on=day(-30), actor=ACTOR).milestones.filter(required=True)
            for milestone in milestones if plan == "done" else []:
                milestone_complete(milestone_id=milestone.pk, via="staff", actor=ACTOR)
        UsageDaily.objects.bulk_create(
            [UsageDaily(account=account, day=day(-1), name=f"f{n}", count=1) for n in range(features)]
        )
        facts_refresh([account.pk], today=TODAY)
        stages_refresh([account.pk], CLOCK)
        assert Account.objects.get().stage == stage
        assert StageState.objects.get().stage == stage
        assert stages_refresh([account.pk], CLOCK) == []


def test_a_change_is_a_signal_and_a_line_of_the_timeline_with_the_rule_and_the_values(acme: Tenant) -> None:
    with tenant_context(acme):
        (account,) = seated(acme, 3)
        assert stage_signals() == []
        assert seat(account, 12, acme, later(1)) == "adoption"
        assert stage_signals() == ["Stage Value → Adoption: seats 12 ≥ 10"]
        assert seat(account, 4, acme, later(2)) == "value"
        entry = TimelineEntry.objects.filter(kind="stage").latest("occurred_at")
        assert entry.title == "Stage: Adoption → Value"
        assert entry.body == "Adoption holds no longer: seats 4 < 10"
        change = StageChange.objects.latest("at")
        assert (change.before, change.cause, change.version) == ("adoption", "rules", 1)
        assert change.evidence["values"] == {"seats": 4}


def test_what_history_and_other_rules_make_true_is_taken_as_it_is(acme: Tenant) -> None:
    with tenant_context(acme):
        (account,) = seated(acme, 3)
        history_loaded(acme.pk, [account.pk])
        assert seat(account, 12, acme, later(1)) == "adoption"
        publish([{"stage": "onboarding", "rule": SEATS}, REST], seen=1)
        assert seat(account, 12, acme, later(2)) == "onboarding"
        assert stage_signals() == []
        assert list(StageChange.objects.order_by("at").values_list("cause", flat=True)) == ["first", "first", "model"]
        title = TimelineEntry.objects.get(kind="stage").title
        assert title == "Stage: Adoption → Onboarding, by version 2 of the rules"


def test_a_stage_written_past_the_rules_is_put_right_and_nobody_is_told(acme: Tenant) -> None:
    with tenant_context(acme):
        (account,) = seated(acme, 12)
        Account.objects.update(stage="churned")
        assert seat(account, 12, acme, later(1)) == "adoption"
        assert stage_signals() == []
        assert StageChange.objects.count() == 1


def test_a_rule_whose_fact_is_gone_holds_for_nobody_and_stops_no_other(acme: Tenant) -> None:
    gone = {"fact": "attribute.gone", "op": "eq", "value": 1}
    with tenant_context(acme):
        StageVersion.objects.create(number=1, rules=[{"stage": "churned", "rule": gone}, *BY_SEATS], note="x")
        account = make_account(seats=12)
        evaluate_accounts(acme, [account.pk])
        assert Account.objects.get().stage == "adoption"
    assert "cannot be asked any more" in staff(acme, "leader").get("/t/acme/set-up/stages/").text
    assert staff(acme, "admin").get("/t/acme/set-up/stages/0/").status_code == 200


def test_the_stage_keeps_its_past(acme: Tenant) -> None:
    with tenant_context(acme):
        (account,) = seated(acme, 3)
        seat(account, 12, acme, later(10))
        seat(account, 3, acme, later(20))
        rule = parse({"fact": "stage", "op": "eq", "value": "adoption"}, known_facts())
        held = []
        for back in (0, 9, 10, 19, 20):
            at = Clock(later(20), TODAY + timedelta(days=back), past=True)
            held.append(read_rule(rule, [account.pk], at)[0].holds)
        assert held == [False, False, True, True, False]


def test_a_stage_set_by_hand_counts_against_the_rules_and_ends_by_itself(acme: Tenant) -> None:
    with tenant_context(acme):
        (account,) = seated(acme, 3)
        kept: dict[str, Any] = {"account": account, "today": TODAY, "user": None, "actor": ACTOR}
        stage_override_set(stage="renewal", reason="Early talks", until=day(5), **kept)
        assert seat(account, 3, acme, later(1)) == "renewal"
        # What the rules say goes on underneath, and tells nobody.
        assert seat(account, 12, acme, later(2)) == "renewal"
        assert StageState.objects.get().stage == "adoption"
        assert stage_signals() == [f"Stage Value → Renewal: set by hand until {day(5).isoformat()}: Early talks"]
        assert seat(account, 12, acme, later(5)) == "renewal"
        assert seat(account, 12, acme, later(6)) == "adoption"
        assert StageOverride.objects.get().ended_at == later(6)
        assert StageChange.objects.latest("at").reason == "what was set by hand counts no more; seats 12 ≥ 10"
        assert AuditEvent.objects.filter(action="stage.override_end").count() == 1
        stage_override_set(stage="churned", reason="Told us", until=day(9), **kept)
        assert stage_override_end(account=account, actor=ACTOR)
        assert not stage_override_end(account=account, actor=ACTOR)
        assert seat(account, 12, acme, later(7)) == "adoption"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stage": "heaven"}, "choose one of the stages"),
        ({"reason": " \x00 "}, "say why"),
        ({"until": day(91)}, "within 90 days"),
        ({"until": day(-1)}, "within 90 days"),
    ],
)
def test_what_cannot_be_set_by_hand(acme: Tenant, given: dict[str, Any], words: str) -> None:
    whole: dict[str, Any] = {"stage": "value", "reason": "x", "until": day(1), "today": TODAY} | given
    with tenant_context(acme), pytest.raises(StageError, match=words):
        stage_override_set(account=make_account(), user=None, actor=ACTOR, **whole)


@pytest.mark.parametrize(
    ("rules", "pointer", "words"),
    [
        ([], "", "a list of 1 to 12"),
        ("value", "", "a list of 1 to 12"),
        ([REST] * 13, "", "a list of 1 to 12"),
        ([{"stage": "value"}], "/0", "an object of"),
        ([{"stage": "heaven", "rule": {"all": []}}], "/0/stage", "expected one of"),
        ([{"stage": "value", "rule": SEATS}], "/0/rule", "the last rule is for every account"),
        ([REST, REST], "/0/rule", "no rule after it is ever asked"),
        ([{"stage": "value", "rule": {"fact": "luck", "op": "eq", "value": 1}}, REST], "/0/rule/fact", "unknown fact"),
        ([{"stage": "value", "rule": {"fact": "stage", "op": "eq", "value": "x"}}, REST], "/0/rule", "lifecycle stage"),
        ([{"stage": "value", "rule": {"fact": "health_score", "op": "gt", "value": 1}}, REST], "/0/rule", "health"),
        (
            [{"stage": "value", "rule": {"fact": "signals", "with": {"trigger": "x"}, "op": "gt", "value": 1}}, REST],
            "/0/rule",
            "decided after the stage",
        ),
    ],
)
def test_rules_that_cannot_be_are_refused_with_their_place(acme: Tenant, rules: Any, pointer: str, words: str) -> None:
    with tenant_context(acme), pytest.raises(RuleError, match=words) as refused:
        checked(rules)
    assert refused.value.problems[0].pointer == pointer


def test_publishing_wants_a_note_what_was_read_and_a_word_when_many_move(acme: Tenant) -> None:
    with tenant_context(acme):
        seated(acme, *range(20, 32))
        other = [{"stage": "churned", "rule": SEATS}, REST]
        with pytest.raises(StaleError):
            publish(other, seen=0)
        with pytest.raises(StageError, match="say what is changed"):
            stages_publish(rules=other, note="  ", seen=1, user=None, actor=ACTOR)
        with pytest.raises(WideError) as wide:
            publish(other, seen=1)
        assert wide.value.preview is not None
        assert [(move.words, move.accounts) for move in wide.value.preview.moves] == [("Adoption → Churned", 12)]
        assert publish(other, seen=1, confirmed=True).number == 2
        back = stages_restore(number=0, seen=2, user=None, actor=ACTOR, confirmed=True)
        assert back.rules == [dict(row) for row in SHIPPED]
        with pytest.raises(StageError, match="no version 9"):
            stages_restore(number=9, seen=3, user=None, actor=ACTOR)
        assert AuditEvent.objects.filter(action="stages.publish").count() == 3


def test_accounts_that_stand_still_cost_two_queries_however_many(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with tenant_context(acme):
        ids = [account.pk for account in seated(acme, *range(1, 21))]
        with django_assert_num_queries(2):
            assert stages_refresh(ids, CLOCK) == []
        with django_assert_num_queries(2):
            assert stages_refresh(ids[:1], CLOCK) == []
        Account.objects.update(seats=50)
        moved = ids[:9]
        with django_assert_num_queries(8):
            assert stages_refresh(ids, CLOCK) == moved
        Account.objects.update(seats=1)
        with django_assert_num_queries(8):
            assert stages_refresh(ids[:1], CLOCK) == ids[:1]


# --- Pages --------------------------------------------------------------------------------------------------------


def test_the_page_lists_the_rules_with_their_accounts_and_only_revops_may_change_them(acme: Tenant) -> None:
    with tenant_context(acme):
        seated(acme, 3, 12, 14)
    text = staff(acme).get("/t/acme/set-up/stages/").text
    assert "Seats is at least 10" in text
    assert "New rule" not in text
    text = staff(acme, "leader").get("/t/acme/set-up/stages/").text
    assert "New rule" in text
    assert 'value="10"' in text
    # Enter in a figure presses the first button of the form.
    form = text[text.index('action="/t/acme/set-up/stages/change/"') :]
    assert form[form.index('name="do"') :].startswith('name="do" value="figures:0"')
    assert staff(acme).post("/t/acme/set-up/stages/change/", {"do": "up:1"}).status_code == 403


def test_a_rule_is_tried_and_published_from_the_form(acme: Tenant) -> None:
    with tenant_context(acme):
        seated(acme, 3, 12, 14)
    client = staff(acme, "leader")
    assert "seats" in client.get("/t/acme/set-up/stages/0/").text
    form = {"seen": "1", "place": "0", "stage": "renewal", "match": "all", "fact": "seats", "op": "gte", "value": "14"}
    tried = client.post("/t/acme/set-up/stages/try/", form).text
    assert "1 account would be in Renewal by this rule" in tried
    assert "Adoption → Renewal: 1" in tried
    assert "Adoption → Value: 1" in tried
    assert client.post("/t/acme/set-up/stages/0/", form).status_code == 422
    assert client.post("/t/acme/set-up/stages/0/", form | {"note": "n", "fact": "stage"}).status_code == 422
    assert client.post("/t/acme/set-up/stages/0/", form | {"note": "n", "seen": "0"}).status_code == 409
    assert client.post("/t/acme/set-up/stages/0/", form | {"note": "Renewal by size"}).status_code == 302
    assert client.get("/t/acme/set-up/stages/1/").status_code == 404
    with tenant_context(acme):
        version = StageVersion.objects.get(number=2)
        assert version.rules[0]["stage"] == "renewal"
        assert version.published_by is not None


def test_figures_order_and_removal_are_versions_too(acme: Tenant) -> None:
    client, url = staff(acme, "leader"), "/t/acme/set-up/stages/change/"

    def do(what: str, seen: int, **more: str) -> str:
        client.post(url, {"do": what, "seen": str(seen), **more})
        return client.get("/t/acme/set-up/stages/").text

    assert "is due within 60 days" in do("figures:0", 0, **{"figure-1": "60", "figure-3": "5"})
    assert "Renewal: 90 → 60" in do("down:1", 1)
    assert "Renewal is asked later" in do("remove:3", 2)
    assert "whole number" in do("figures:0", 3, **{"figure-2": "soon"})
    assert "every figure is as it was" in do("figures:0", 3)
    assert "no such rule" in do("up:0", 3)
    assert "no such rule" in do("remove:3", 3)
    assert "say what to do" in do("dance", 3)
    assert "Somebody else has published" in do("restore:0", 1)
    do("restore:0", 3)
    with tenant_context(acme):
        stages = [[row["stage"] for row in v.rules] for v in StageVersion.objects.order_by("number")]
    assert stages == [
        ["churned", "renewal", "onboarding", "adoption", "value"],
        ["churned", "onboarding", "renewal", "adoption", "value"],
        ["churned", "onboarding", "renewal", "value"],
        ["churned", "renewal", "onboarding", "adoption", "value"],
    ]


def test_many_accounts_are_confirmed_on_a_page_of_their_own(acme: Tenant) -> None:
    with tenant_context(acme):
        seated(acme, *range(20, 32))
    client, given = staff(acme, "admin"), {"do": "figures:0", "seen": "1", "figure-0": "500"}
    asked = client.post("/t/acme/set-up/stages/change/", given)
    assert asked.status_code == 409
    assert "12 of 12 accounts would move at once" in asked.text
    assert 'name="figure-0" value="500"' in asked.text
    assert client.post("/t/acme/set-up/stages/change/", given | {"confirm": "1"}).status_code == 302


def test_a_csm_sets_the_stage_on_the_account_page_and_sees_why_it_is_so(acme: Tenant) -> None:
    with tenant_context(acme):
        (account,) = seated(acme, 12)
    client, base = staff(acme), f"/t/acme/accounts/{account.pk}"
    text = client.get(f"{base}/").text
    assert "Because: seats 12 ≥ 10" in text
    assert "since" in text
    given = {"stage": "renewal", "days": "14", "reason": "Merger ahead"}
    assert client.post(f"{base}/stage/override/", given).status_code == 302
    assert client.post(f"{base}/stage/override/", given | {"days": "soon"}, follow=True).text.count("whole number") == 1
    with tenant_context(acme):
        evaluate_accounts(acme, [account.pk])
    text = client.get(f"{base}/").text
    assert "Merger ahead" in text
    assert "The rules alone say adoption" in text
    assert client.post(f"{base}/stage/override/end/").status_code == 302
    assert staff(acme, "marketer").post(f"{base}/stage/override/", given).status_code == 403


def test_a_flag_is_a_rule_that_revops_edits_and_stands_beside_any_stage(acme: Tenant) -> None:
    with tenant_context(acme):
        account, small = seated(acme, 12, 3)
        assert not AccountFacts.objects.filter(flag_advocacy=True).exists()
    client, url = staff(acme, "leader"), "/t/acme/set-up/stages/flags/advocacy/"
    form = {"seen": "1", "match": "all", "fact": "seats", "op": "gte", "value": "10"}
    assert client.get(url).status_code == 200
    assert client.post(url, form).status_code == 422
    assert (
        client.post(url, form | {"note": "n", "fact": "flag_expansion", "op": "eq", "value": "yes"}).status_code == 422
    )
    assert client.post(url, form | {"note": "n", "seen": "0"}).status_code == 409
    assert client.post(url, form | {"note": "Large ones speak"}).status_code == 302
    with tenant_context(acme):
        evaluate_accounts(acme, [account.pk, small.pk])
        assert list(AccountFacts.objects.filter(flag_advocacy=True).values_list("account", flat=True)) == [account.pk]
        assert StageVersion.objects.get(number=2).rules == BY_SEATS
    text = client.get("/t/acme/set-up/stages/").text
    assert "Advocacy" in text
    assert "1 account<" in text
    assert "May speak for us" in client.get(f"/t/acme/accounts/{account.pk}/").text
    assert staff(acme).get(url).status_code == 403
