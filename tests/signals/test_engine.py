from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from hub.accounts.facts import facts_refresh, today_of
from hub.accounts.models import Account, AccountFacts, AccountState, Change, TimelineEntry
from hub.accounts.services import change_record, facts_touch
from hub.accounts.services.people import CONTACT_LEFT
from hub.plans.models import Milestone
from hub.plans.services import milestone_complete, plan_create
from hub.registry.handlers import signal_recorded
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from hub.usage.models import UsageDaily
from signals.catalogue import QBR_LINE_TAGGED
from signals.decline import Verdict, usage_decline
from signals.engine import evaluate_batch
from signals.models import Signal, Trigger, TriggerState
from signals.services import trigger_edit
from tests.world import ACTOR, make_account


def use_weekly(account: Account, totals: list[int], today: date) -> None:
    """Give the account one usage row a week; the last total is the last complete week."""
    monday = today - timedelta(days=today.weekday())
    UsageDaily.objects.filter(account=account).delete()
    UsageDaily.objects.bulk_create(
        [
            UsageDaily(account=account, day=monday - timedelta(days=7 * back), name="report", count=total)
            for back, total in zip(range(len(totals), 0, -1), totals, strict=True)
        ]
    )
    facts_touch([account.id])


def evaluate(tenant: Tenant) -> list[Signal]:
    before = set(Signal.objects.values_list("pk", flat=True))
    while evaluate_batch(tenant):
        pass
    return list(Signal.objects.exclude(pk__in=before).order_by("pk"))


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account(signed_up_on=date(2020, 1, 1))


def test_usage_decline_fires_on_the_step_from_false_to_true_and_clears(acme: Tenant, account: Account) -> None:
    today = today_of(acme)
    with tenant_context(acme):
        use_weekly(account, [100] * 10, today)
        assert evaluate(acme) == []
        use_weekly(account, [100] * 8 + [70, 60], today)
        (signal,) = evaluate(acme)
        assert signal.trigger.key == "usage-decline"
        assert signal.evidence["values"]["usage_drop_pct"] == 30.0
        assert "30" in signal.sentence
        facts_touch([account.id])
        assert evaluate(acme) == []
        use_weekly(account, [100] * 10, today)
        assert evaluate(acme) == []
        signal.refresh_from_db()
        assert signal.cleared_at is not None


def test_what_is_true_at_first_sight_is_baseline_and_fires_nothing(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        use_weekly(account, [100] * 8 + [50, 50], today_of(acme))
        assert evaluate(acme) == []
        state = TriggerState.objects.get(account=account, trigger__key="usage-decline")
        assert (state.is_true, state.baseline) == (True, True)


def test_a_second_decline_inside_the_cool_down_stays_silent(acme: Tenant, account: Account) -> None:
    today = today_of(acme)
    with tenant_context(acme):
        use_weekly(account, [100] * 10, today)
        evaluate(acme)
        use_weekly(account, [100] * 8 + [50, 50], today)
        assert len(evaluate(acme)) == 1
        use_weekly(account, [100] * 10, today)
        evaluate(acme)
        use_weekly(account, [100] * 8 + [50, 50], today)
        assert evaluate(acme) == []
        TriggerState.objects.update(last_fired_at=timezone.now() - timedelta(days=31), is_true=False)
        facts_touch([account.id])
        (signal,) = evaluate(acme)
        assert signal.dedupe_key.endswith("1.3")


def test_editing_a_trigger_sets_the_state_silently(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        use_weekly(account, [100] * 8 + [90, 90], today_of(acme))
        evaluate(acme)
        trigger = Trigger.objects.get(key="usage-decline")
        trigger_edit(trigger=trigger, rule={"fact": "usage_drop_pct", "op": "gt", "value": 5}, actor=ACTOR)
        facts_touch([account.id])
        assert evaluate(acme) == []
        assert TriggerState.objects.get(trigger=trigger).baseline


def test_a_milestone_becomes_one_signal_however_often_it_is_told(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        plan = plan_create(account=account, started_on=date(2026, 1, 5), actor=ACTOR)
        milestone = plan.milestones.get(key="kick-off")
        assert milestone_complete(milestone_id=milestone.id, via="staff", actor=ACTOR)
        assert not milestone_complete(milestone_id=milestone.id, via="staff", actor=ACTOR)
        (signal,) = evaluate(acme)
        assert signal.sentence == "Reached the milestone “Hold the kick-off”"
        facts_touch([account.id])
        assert evaluate(acme) == []
        assert TimelineEntry.objects.filter(account=account, kind="signal").count() == 1


def test_a_historical_milestone_starts_nothing(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        plan = plan_create(account=account, started_on=date(2026, 1, 5), actor=ACTOR)
        milestone_complete(
            milestone_id=plan.milestones.get(key="kick-off").id, via="import", actor=ACTOR, historical=True
        )
        assert evaluate(acme) == []


def test_the_last_required_milestone_activates_the_plan(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        plan = plan_create(account=account, started_on=date(2026, 1, 5), actor=ACTOR)
        for milestone in Milestone.objects.filter(required=True):
            milestone_complete(milestone_id=milestone.id, via="hub", actor=ACTOR)
        plan.refresh_from_db()
        assert plan.activated_at is not None
        evaluate(acme)
        assert AccountFacts.objects.get(account=account).activated_on == plan.activated_at.date()


def test_a_late_event_starts_nothing(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        change_record(
            account_id=account.id,
            kind=QBR_LINE_TAGGED,
            key="line-1",
            occurred_at=timezone.now() - timedelta(hours=25),
            data={"tag": "expansion", "text": "wants 20 more seats"},
        )
        assert evaluate(acme) == []
        assert Change.objects.get(key="line-1").handled_at is not None


def test_a_tag_that_no_trigger_listens_to_is_handled_without_a_signal(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        for key, tag in (("a", "praise"), ("b", "expansion")):
            change_record(
                account_id=account.id,
                kind=QBR_LINE_TAGGED,
                key=key,
                occurred_at=timezone.now(),
                data={"tag": tag, "text": "20 more seats"},
            )
        (signal,) = evaluate(acme)
        assert signal.sentence == "Expansion noted in the QBR: “20 more seats”"


def test_a_chain_of_journeys_is_cut_after_three(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        change_record(
            account_id=account.id,
            kind=QBR_LINE_TAGGED,
            key="deep",
            occurred_at=timezone.now(),
            data={"tag": "expansion", "text": "…"},
            depth=4,
        )
        assert evaluate(acme) == []


def test_signals_are_announced_once_inside_the_transaction(acme: Tenant, account: Account) -> None:
    heard: list[UUID] = []
    signal_recorded.connect("test", lambda tenant_id, ids: heard.extend(ids))
    try:
        with tenant_context(acme):
            plan = plan_create(account=account, started_on=date(2026, 1, 5), actor=ACTOR)
            milestone_complete(milestone_id=plan.milestones.get(key="kick-off").id, via="hub", actor=ACTOR)
            (signal,) = evaluate(acme)
    finally:
        del signal_recorded.handlers._items["test"]
        signal_recorded.handlers._sorted = None
    assert heard == [signal.pk]


def test_a_change_leaves_the_account_dirty_and_a_mark_for_the_workers(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        while evaluate_batch(acme):
            pass
        state = AccountState.objects.get(account=account)
        assert (state.dirty_at, state.evaluated_version) == (None, state.fact_version)
        facts_touch([account.id])
        state.refresh_from_db()
        assert state.dirty_at is not None
        assert state.fact_version == state.evaluated_version + 1
        assert TenantWork.objects.filter(tenant=acme, queue="evaluate", next_due_at__isnull=False).exists()


@pytest.mark.parametrize(
    "totals",
    [
        [100] * 10,
        [100] * 8 + [80, 80],
        [100] * 8 + [79, 79],
        [100] * 8 + [79, 81],
        [100, 90, 110, 40, 7, 30],
        [5, 0, 9, 3, 2, 2],
        [0] * 10,
        [10, 10, 10, 1, 1],
        [3, 3, 3, 3, 3, 2, 2],
        [7, 11, 13, 17, 19, 23, 29, 31, 11, 10],
        [100],
    ],
)
def test_the_sql_of_usage_decline_equals_its_definition(acme: Tenant, account: Account, totals: list[int]) -> None:
    today = today_of(acme)
    first = today - timedelta(days=today.weekday()) - timedelta(days=7 * len(totals))
    with tenant_context(acme):
        Account.objects.update(signed_up_on=first)
        use_weekly(account, totals, today)
        facts_refresh([account.id], today=today)
        facts = AccountFacts.objects.get(account=account)
        daily = {row.day: row.count for row in UsageDaily.objects.all()}
    defined = usage_decline(daily, first_day=first, today=today)
    enough = facts.usage_baseline_weeks >= 4
    fires = enough and facts.usage_drop_pct is not None and facts.usage_drop_pct > 20
    assert (defined.verdict is Verdict.NOT_ENOUGH_HISTORY) is not enough
    assert (defined.verdict is Verdict.FIRES) is fires
    if enough and defined.drop_percent is not None:
        assert facts.usage_drop_pct == pytest.approx(float(defined.drop_percent))


GONE = {"fact": "attribute.gone", "op": "eq", "value": 1}


def test_a_trigger_that_cannot_be_read_any_more_stops_no_other(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        use_weekly(account, [100] * 10, today_of(acme))
        evaluate(acme)
        # An attribute that rules read was put away, or a release took a fact with it.
        Trigger.objects.filter(key="tickets-early").update(rule=GONE)
        Trigger.objects.filter(key="champion-departed").update(rule=GONE)
        use_weekly(account, [100] * 8 + [50, 50], today_of(acme))
        change_record(
            account_id=account.pk,
            kind=CONTACT_LEFT,
            key="x",
            occurred_at=timezone.now(),
            data={"roles": ["champion"]},
        )
        assert [signal.trigger.key for signal in evaluate(acme)] == ["usage-decline"]
        assert not Change.objects.filter(handled_at__isnull=True).exists()
        other = Trigger.objects.get(key="usage-decline")
        trigger_edit(trigger=other, rule={"fact": "usage_drop_pct", "op": "gt", "value": 30}, actor=ACTOR)
        other.refresh_from_db()
        assert other.version == 2


@pytest.mark.slow
def test_days_running_in_many_triggers_are_more_columns_than_a_table_may_have(acme: Tenant, account: Account) -> None:
    def busy(event: str) -> dict[str, object]:
        uses = {"fact": "uses", "op": "gte", "value": 1}
        return {"any": [uses | {"with": {"event": f"{event} {n}", "days": 2}} for n in range(5)]}

    with tenant_context(acme):
        Trigger.objects.bulk_create(
            Trigger(
                key=f"busy-{n}",
                name=f"Busy {n}",
                family="usage",
                kind=Trigger.Kind.COMPUTED,
                rule={"sustained": busy(f"Event {n}"), "days": 60},
            )
            for n in range(6)
        )
        facts_touch([account.pk])
        evaluate(acme)
        today = today_of(acme)
        days = [today - timedelta(days=ago) for ago in range(61)]
        UsageDaily.objects.bulk_create(UsageDaily(account=account, day=day, name="Event 3 1", count=1) for day in days)
        facts_touch([account.pk])
        assert [signal.trigger.key for signal in evaluate(acme) if signal.trigger.key.startswith("busy")] == ["busy-3"]
