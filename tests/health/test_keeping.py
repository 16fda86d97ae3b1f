"""A score is kept as data arrives, with its history and what each change comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from hub.accounts.models import Account, AccountFacts, TimelineEntry
from hub.people.models import AuditEvent, User
from hub.registry.facts import known_facts
from hub.revenue.models import ContractLine
from hub.rules.compile import Clock
from hub.rules.language import parse
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_accounts
from signals.health.models import HealthDay, HealthInput, HealthOverride, HealthScore, Scorecard, ScorecardVersion
from signals.health.scoring import rounded
from signals.health.selectors import card_lines
from signals.health.services import (
    HealthError,
    hand_set,
    override_end,
    override_set,
    scorecard_create,
    scorecard_publish,
    scorecards_install,
)
from signals.health.shipped import MEASURES
from signals.models import Signal
from tests.backtest.stage import backtested
from tests.world import ACTOR, make_account, make_member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
TODAY = date(2026, 6, 17)
SEATS = {"label": "Seats", "fact": "seats", "worst": 0, "best": 100, "weight": 1}
DAYS = {"label": "Use", "fact": "use_days", "with": {"days": 10}, "worst": 0, "best": 10, "weight": 1, "stale_after": 3}
PULSE = {"label": "Pulse", "fact": "hand", "weight": 2}


def publish(*measures: dict[str, Any], note: str = "why") -> ScorecardVersion:
    scorecards_install(actor=ACTOR)
    card = Scorecard.objects.get()
    backtested(measures, card=card)
    return scorecard_publish(scorecard=card, measures=measures, bands=(40, 70), note=note, user=None, actor=ACTOR)


def evaluated(account: Account, after_days: int = 0) -> HealthScore:
    evaluate_accounts(account.tenant, [account.pk], now=NOW + timedelta(days=after_days))
    row: HealthScore = HealthScore.objects.get(account=account)
    return row


def used(account: Account, *ago: int) -> None:
    UsageDaily.objects.bulk_create(
        [UsageDaily(account=account, day=TODAY - timedelta(days=n), name="Report", count=1) for n in ago]
    )


def person(tenant: Tenant) -> User:
    return make_member(tenant, "csm", password=None).user


def test_the_shipped_scorecard_reads_what_there_is_and_makes_up_nothing(acme: Tenant) -> None:
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        assert not scorecards_install(actor=ACTOR)
        assert len(Scorecard.objects.get().versions.get().measures) == len(MEASURES) == 7
        account = make_account()
        evaluate_accounts(acme, [account.pk], now=NOW)
        # No use, ticket, bill or person anywhere: there is no score, and no row that says 0.
        assert not HealthScore.objects.exists()
        assert AccountFacts.objects.get().health_score is None
        used(account, *range(20))
        row = evaluated(account)
        # Feature breadth 1 of 8 events at weight 15, frequency 20 of 20 days at weight 20; the rest is missing.
        assert row.score == rounded((15 * Fraction(100, 8) + 20 * 100) / 35)
        assert (row.shown_band, row.worst) == ("yellow", "feature-breadth")


def test_a_change_is_kept_with_its_parts(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        account = make_account(seats=50)
        used(account, 0, 1, 2, 3)
        assert evaluated(account).score == 45
        Account.objects.update(seats=100)
        assert evaluated(account, 1).score == 70
        day = HealthDay.objects.get(day=TODAY + timedelta(days=1))
        assert (day.before, day.score, day.behaviour, day.data, day.model) == (45, 70, 25, 0, 0)
        # Three points a day fewer of use, a pulse that was missing, and a measure that weighs three times as much.
        hand_set(account=account, measure="pulse", value=0, note="", user=person(acme), actor=ACTOR)
        HealthInput.objects.update(set_at=NOW)
        publish(SEATS | {"weight": 3}, DAYS, PULSE)
        row = evaluated(account, 2)
        day = HealthDay.objects.get(day=TODAY + timedelta(days=2))
        assert (day.before, day.score) == (70, row.score)
        assert day.behaviour + day.data + day.model == day.score - day.before
        assert day.model == round((3 * 100 + 40) / 4) - 70
        assert day.data < 0


def test_asking_again_and_in_any_order_says_the_same(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        one, two = make_account("One", seats=10), make_account("Two", seats=90)
        used(one, 0, 1)
        used(two, 0)
        evaluate_accounts(acme, [one.pk, two.pk], now=NOW)
        first = list(HealthScore.objects.order_by("account_id").values("account", "score", "values"))
        evaluate_accounts(acme, [two.pk], now=NOW)
        evaluate_accounts(acme, [one.pk, two.pk, one.pk], now=NOW)
        assert list(HealthScore.objects.order_by("account_id").values("account", "score", "values")) == first
        assert HealthDay.objects.count() == 2


def test_weighing_anew_moves_only_the_part_of_the_model(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        account = make_account(seats=100)
        used(account, 0)
        evaluated(account)
        publish(SEATS, DAYS | {"weight": 9}, PULSE)
        evaluated(account, 0)
        day = HealthDay.objects.get()
        # The account's first day has nothing before it.
        assert (day.before, day.model) == (None, 0)
        publish(SEATS | {"weight": 50}, DAYS, PULSE)
        Account.objects.update(name="Same health")
        UsageDaily.objects.update(day=TODAY + timedelta(days=1))
        row = evaluated(account, 1)
        day = HealthDay.objects.get(day=TODAY + timedelta(days=1))
        assert (day.behaviour, day.data) == (0, 0)
        assert day.model == row.score - day.before != 0


def test_a_feed_that_stops_makes_values_stale_and_then_missing(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        account = make_account(seats=100)
        used(account, 0)
        states = {}
        for days in (0, 3, 4, 6, 7):
            row = evaluated(account, days)
            states[days] = row.values
        reading = next(name for name in states[0] if name.startswith("use_days"))
        assert [states[days][reading][1] for days in states] == [0, 3, 4, 6, 7]
        # 6 days: stale, counted (1 use in 10 days: 10 points). 7 days: more than twice 3, counted no more.
        assert evaluated(account, 7).score == 100
        day = HealthDay.objects.get(day=TODAY + timedelta(days=7))
        assert (day.before, day.score, day.behaviour, day.data) == (55, 100, 0, 45)


def test_the_first_scorecard_whose_rule_holds_counts(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        rule, measures = {"fact": "segment", "op": "in", "value": ["Enterprise"]}, [SEATS | {"best": 1000}, DAYS, PULSE]
        backtested(measures, rule=rule)
        card = scorecard_create(
            name="Enterprise", rule=rule, measures=measures, bands=(40, 70),
            note="their own", user=None, actor=ACTOR,
        )  # fmt: skip
        small, large = make_account("Small", seats=100), make_account("Large", seats=100, segment="Enterprise")
        assert evaluated(small).score == 100
        row = evaluated(large)
        assert (row.score, row.version.scorecard) == (10, card)


def test_a_band_by_hand_counts_until_its_day_and_ends_by_itself(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        account, user = make_account(seats=100), person(acme)
        assert evaluated(account).shown_band == "green"
        override_set(
            account=account, band="red", reason="They told us", until=TODAY + timedelta(days=2), today=TODAY,
            user=user, actor=ACTOR,
        )  # fmt: skip
        row = evaluated(account)
        assert (row.score, row.band, row.shown_band) == (100, "green", "red")
        assert AccountFacts.objects.get().health_band == "red"
        assert evaluated(account, 2).shown_band == "red"
        assert evaluated(account, 3).shown_band == "green"
        assert HealthOverride.objects.get().ended_at == NOW + timedelta(days=3)
        assert list(AuditEvent.objects.filter(action__startswith="health.").values_list("action", flat=True)) == [
            "health.override", "health.override_end",
        ]  # fmt: skip
        assert TimelineEntry.objects.filter(kind="health").count() == 2
        assert not override_end(account=account, actor=ACTOR)


@pytest.mark.parametrize(
    ("band", "reason", "days", "says"),
    [
        ("red", "", 30, "say why"),
        ("red", "x", 91, "within 90 days"),
        ("red", "x", -1, "within 90 days"),
        ("blue", "x", 1, "choose"),
    ],
)
def test_a_band_by_hand_needs_a_reason_and_an_end(acme: Tenant, band: str, reason: str, days: int, says: str) -> None:
    with tenant_context(acme):
        account, until = make_account(), TODAY + timedelta(days=days)
        with pytest.raises(HealthError, match=says):
            override_set(
                account=account, band=band, reason=reason, until=until, today=TODAY, user=person(acme), actor=ACTOR
            )
        assert not HealthOverride.objects.exists()


def test_rules_read_health_now_and_as_it_was(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        account = make_account(seats=80)
        evaluated(account)
        Account.objects.update(seats=20)
        evaluated(account, 5)

        def holds(rule: dict[str, Any], after_days: int, past: bool = False) -> bool:
            clock = Clock(NOW, TODAY + timedelta(days=after_days), past)
            return read_rule(parse(rule, known_facts()), [account.pk], clock)[0].holds

        red = {"fact": "health_band", "op": "eq", "value": "red"}
        assert holds(red, 5)
        assert not holds(red, 4, past=True)
        assert holds({"fact": "health_score", "op": "eq", "value": 80}, 2, past=True)
        fell = {"fact": "health_change", "with": {"days": 3}, "op": "eq", "value": -60}
        assert holds(fell, 5)
        assert holds(fell, 6, past=True)
        assert not holds(fell, 9, past=True)


def test_health_that_turns_red_or_falls_fast_is_a_signal(acme: Tenant) -> None:
    with tenant_context(acme):
        publish(SEATS, DAYS, PULSE)
        account = make_account(seats=60)
        ContractLine.objects.create(
            account=account, source="t", external_id="l", starts_on=TODAY, mrr_minor=100_00, currency="USD"
        )
        evaluated(account)
        for after, seats in ((1, 46), (2, 45), (3, 40), (4, 39)):
            Account.objects.update(seats=seats)
            evaluated(account, after)
        fired = Signal.objects.filter(trigger__family="health").order_by("occurred_at")
        # No day is 30 days back yet: what fell is compared with nothing.
        assert [(s.trigger.key, s.occurred_at, s.sentence) for s in fired] == [
            ("health-red", NOW + timedelta(days=4), "Health is red at 39 of 100 points")
        ]
        Account.objects.update(seats=60)
        evaluated(account, 5)
        for after, seats in ((34, 60), (35, 46), (36, 45)):
            Account.objects.update(seats=seats)
            evaluated(account, after)
        fell = Signal.objects.get(trigger__key="health-dropped")
        assert fell.occurred_at == NOW + timedelta(days=36)


def test_a_scorecard_whose_rule_reads_what_is_gone_leaves_its_accounts_to_the_next(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account(seats=60)
        publish(SEATS, DAYS, PULSE)
        rule = {"fact": "seats", "op": "gte", "value": 50}
        backtested([SEATS, DAYS, PULSE], rule=rule)
        gone = scorecard_create(
            name="Enterprise", rule=rule, measures=[SEATS, DAYS, PULSE],
            bands=(40, 70), note="their own", user=None, actor=ACTOR,
        )  # fmt: skip
        row = evaluated(account)
        assert row.version is not None
        assert row.version.scorecard_id == gone.pk
        Scorecard.objects.filter(pk=gone.pk).update(rule={"fact": "attribute.gone", "op": "eq", "value": 1})
        row = evaluated(account)
        assert row.version is not None
        assert row.version.scorecard_id != gone.pk
        line = next(line for line in card_lines() if line.card.pk == gone.pk)
        assert "attribute.gone" in line.applies
