"""A back-test finds the planted cause, sees through the planted decoy, and reads nothing that came afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from bench.leaving import ALSO, CAUSE, DECOY, lives, settle
from hub.accounts.models import Account
from hub.feedback.models import Ticket
from hub.registry.facts import known_facts
from hub.revenue.models import AccountMonth, ContractLine
from hub.revenue.selectors import left_between, mrr_on
from hub.revenue.services.months import months_refresh
from hub.rules.language import AllOf, parse
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.backtest.models import BacktestLoss
from signals.backtest.past import Asked, ages_of, ends_of_months, members, observations
from signals.backtest.tally import MAIN
from signals.engine import evaluate_accounts
from signals.health.cards import checked, readable
from signals.health.models import HealthDay, HealthInput, Scorecard
from signals.health.services import override_set, scorecard_publish, scorecards_install
from tests.backtest.stage import backtested
from tests.world import ACTOR, make_account, make_member, make_tenant

TODAY = timezone.localdate()
MEASURES = [CAUSE, DECOY, ALSO]


@pytest.fixture(scope="module")
def simulated(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """Customers of a year and a half, made once and never committed."""
    with django_db_blocker.unblock(), transaction.atomic():
        tenant = make_tenant("sim")
        with tenant_context(tenant):
            settle(lives(120, TODAY, months=18), TODAY)
        yield tenant
        transaction.set_rollback(True)


@pytest.fixture
def sim(simulated: Tenant, db: None) -> Tenant:
    return simulated


def asked(measures: list[dict[str, Any]], days: list[date], rule: Any = None) -> Asked:
    card = readable(checked(measures))
    return Asked(card, parse(rule or {"all": []}, known_facts()), [], TODAY, days, ages_of(card, days))


@pytest.mark.slow
def test_the_planted_cause_comes_first_and_the_decoy_is_found_out(sim: Tenant) -> None:
    with tenant_context(sim):
        run = backtested(MEASURES)
    main = run.result["horizons"][str(MAIN)]
    first, *_, last = run.result["measures"]
    assert (first["label"], first["finding"]) == ("Frequency", "related")
    assert (last["label"], last["finding"], last["recommended"]) == ("Tickets", "decoy", 0)
    assert sum(row["recommended"] for row in run.result["measures"]) == 100
    assert run.verdict == "ranks"
    assert main["auc"]["low"] > 0.8
    assert main["advantage"]["low"] > 0
    assert main["lift"]["value"] > 3
    assert run.result["few"]


@pytest.mark.slow
def test_a_score_of_the_decoy_alone_ranks_nobody_and_is_broken(sim: Tenant) -> None:
    others = [DECOY | {"label": f"Tickets {days}", "with": {"days": days}} for days in (30, 90)]
    with tenant_context(sim):
        run = backtested([DECOY | {"best": 20, "worst": 21}, *others], (10, 20))
    assert run.verdict == "broken"
    assert run.result["recent"]["share"]["value"] > 0.4


@pytest.mark.slow
def test_the_matrix_counts_every_paying_account_on_every_day_once(sim: Tenant) -> None:
    with tenant_context(sim):
        run = backtested(MEASURES)
        days = [date.fromisoformat(day) for day, *_ in run.result["days"]]
        ids = list(Account.objects.values_list("pk", flat=True))
        paid = mrr_on(ids, [*days, *(day + timedelta(days=MAIN) for day in days)])
        now = [(pk, day) for pk, day in paid if day in days]
        gone = [(pk, day) for pk, day in now if (pk, day + timedelta(days=MAIN)) not in paid]
        matrix = run.result["horizons"][str(MAIN)]["matrix"]
        assert sum(row["count"] for row in matrix.values()) == len(now)
        assert sum(row["churned"] for row in matrix.values()) == len(gone)
        assert sum(row["mrr"] for row in matrix.values()) == sum(paid[key] for key in now)
        assert sum(row["lost"] for row in matrix.values()) == sum(paid[key] for key in gone)
        assert BacktestLoss.objects.aggregate(days=Sum("days"))["days"] == len(gone)
        assert {pk for pk, _ in gone} == set(BacktestLoss.objects.values_list("account_id", flat=True))


@pytest.mark.slow
def test_what_is_paid_at_the_end_of_a_month_is_what_the_ledger_says(sim: Tenant) -> None:
    with tenant_context(sim):
        ids = list(Account.objects.values_list("pk", flat=True)[:30])
        months_refresh(ids)
        days = ends_of_months(TODAY, 12)
        ledger = {
            (row.account_id, row.month): row.mrr_minor
            for row in AccountMonth.objects.filter(overlap="sum", account_id__in=ids, month__gte=days[0].replace(day=1))
        }
        assert {(pk, day.replace(day=1)): mrr for (pk, day), mrr in mrr_on(ids, days).items()} == ledger


@pytest.mark.slow
def test_what_comes_after_a_day_changes_nothing_that_was_seen_on_it(sim: Tenant) -> None:
    day = ends_of_months(TODAY, 7)[0]
    with tenant_context(sim):
        ids = list(Account.objects.values_list("pk", flat=True))

        def scores() -> dict[Any, Any]:
            found = observations(asked(MEASURES, [day]), ids)
            return {pk: (one.score, one.band, one.months, one.mrr, one.points) for pk, [one] in found.items()}

        before = scores()
        assert len({seen[0] for seen in before.values()}) > 5
        ContractLine.objects.filter(ends_on__gt=day).update(ends_on=day + timedelta(days=1))
        UsageDaily.objects.filter(day__gt=day).delete()
        Ticket.objects.filter(opened_at__date__gt=day).delete()
        late = timezone.make_aware(datetime.combine(day + timedelta(days=2), datetime.min.time()))
        rows = [Ticket(account_id=pk, source="x", external_id=str(pk), opened_at=late) for pk in ids]
        Ticket.objects.bulk_create(rows)
        HealthInput.objects.create(account_id=ids[0], measure="pulse", value=0)
        assert scores() == before


def test_the_score_of_a_day_gone_by_is_the_one_that_stood_on_it(acme: Tenant) -> None:
    """Events come in order, the account is evaluated each day, and its days are asked again afterwards."""
    pulse = {"label": "Pulse", "fact": "hand", "weight": 2}
    first = TODAY - timedelta(days=40)
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        card, measures = Scorecard.objects.get(), [CAUSE | {"stale_after": 3}, DECOY, pulse]
        backtested(measures, card=card)
        scorecard_publish(scorecard=card, measures=measures, bands=(40, 70), note="x", user=None, actor=ACTOR)
        one, two = make_account("One"), make_account("Two")
        for account in (one, two):
            ContractLine.objects.create(
                account=account, source="t", external_id=account.name, starts_on=first, mrr_minor=5, currency="USD"
            )
        days = [first + timedelta(days=at) for at in range(0, 40, 3)]
        user = make_member(acme, "csm", password=None).user
        for at, day in enumerate(days):
            noon = timezone.make_aware(datetime.combine(day, datetime.min.time())) + timedelta(hours=12)
            if at % 4:
                UsageDaily.objects.create(account=one, day=day, name="Report", count=at)
            if at % 3 == 0:
                Ticket.objects.create(account=two, source="t", external_id=str(at), opened_at=noon)
            if at == 6:
                HealthInput.objects.create(account=one, measure="pulse", value=10, set_at=noon)
            evaluate_accounts(acme, [one.pk, two.pk], now=noon)
        override_set(account=two, band="red", reason="x", until=TODAY, today=TODAY, user=user, actor=ACTOR)
        found = observations(asked(measures, days), [one.pk, two.pk])
        for account in (one, two):
            for seen in found[account.pk]:
                stored = HealthDay.objects.filter(account=account, day__lte=seen.day).order_by("-day").first()
                then = (stored.score, stored.band, stored.shown_band) if stored else (None, "", "")
                assert (seen.score, seen.band.replace("none", ""), seen.shown_band.replace("none", "")) == then
        assert len({seen.score for seen in found[one.pk]}) > 3


def test_a_measure_without_a_past_is_missing_also_where_missing_stands_for_something(acme: Tenant) -> None:
    billing = {"label": "Billing", "fact": "days_overdue", "worst": 45, "best": 0, "weight": 5, "missing_as": 0}
    with tenant_context(acme):
        account = make_account()
        ContractLine.objects.create(
            account=account, source="t", external_id="l", starts_on=TODAY - timedelta(days=99), mrr_minor=5,
            currency="USD",
        )  # fmt: skip
        evaluate_accounts(acme, [account.pk])
        [seen] = observations(asked([billing, DECOY, ALSO], [TODAY - timedelta(days=50)]), [account.pk])[account.pk]
        assert seen.points["billing"] is None


def test_a_rule_over_what_keeps_no_past_is_asked_of_today_and_cards_before_keep_theirs(acme: Tenant) -> None:
    rule = {"fact": "segment", "op": "eq", "value": "Large"}
    with tenant_context(acme):
        small, large = make_account("Small"), make_account("Large", segment="Large")
        evaluate_accounts(acme, [small.pk, large.pk])
        ids, known = [small.pk, large.pk], known_facts()
        one = asked(MEASURES, [], rule)
        from signals.backtest.past import clock_of

        clock = clock_of(TODAY - timedelta(days=50))
        assert members(one, ids, clock) == [large.pk]
        rest = Asked(one.card, AllOf(()), [parse(rule, known)], TODAY, [])
        assert members(rest, ids, clock) == [small.pk]


def test_who_left_is_who_pays_nothing_any_more(acme: Tenant) -> None:
    with tenant_context(acme):
        accounts = [make_account(name) for name in ("Left", "Renewed", "Trial only", "Still here")]
        lines = [(0, 50, 20, False), (1, 50, 20, False), (1, 20, None, False), (2, 50, 20, True), (3, 50, None, False)]
        for number, (who, starts, ends, trial) in enumerate(lines):
            ContractLine.objects.create(
                account=accounts[who], source="t", external_id=str(number), mrr_minor=7, currency="USD",
                starts_on=TODAY - timedelta(days=starts), is_trial=trial,
                ends_on=None if ends is None else TODAY - timedelta(days=ends),
            )  # fmt: skip
        ids = [account.pk for account in accounts]
        assert left_between(ids, TODAY - timedelta(days=30), TODAY) == {ids[0]: TODAY - timedelta(days=20)}
        assert left_between(ids, TODAY - timedelta(days=10), TODAY) == {}
