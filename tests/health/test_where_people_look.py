"""Health where people look: the account's header, Today, the family above and below; and how long its days are kept."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.facts import today_of
from hub.accounts.models import Account, AccountFacts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.close import close_batch
from signals.engine import evaluate_accounts
from signals.health.models import HealthDay, HealthScore
from signals.health.pruning import health_prune
from signals.health.rollup import Member, rolled_up
from signals.health.services import scorecards_install
from signals.health.week import SHOWN, fallen
from signals.models import DayClose
from tests.rest.test_rest import api_of
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

TODAY = date(2026, 6, 10)


def scored(account: Account, *days: tuple[date, int, str], mrr: int = 0) -> None:
    """Give an account the days (day, score, band) of its health, the last of them its score now."""
    AccountFacts.objects.get_or_create(account=account)
    HealthDay.objects.bulk_create(
        [HealthDay(account=account, day=day, score=score, band=band, shown_band=band) for day, score, band in days]
    )
    day, score, band = days[-1]
    HealthScore.objects.create(
        account=account, score=score, band=band, shown_band=band, worst="frequency", day=day,
        computed_at="2026-06-10T12:00:00Z",
    )  # fmt: skip
    AccountFacts.objects.filter(account=account).update(health_score=score, health_band=band, mrr_minor=mrr)


@pytest.mark.django_db
def test_the_header_says_score_band_and_worst_input(acme: Tenant) -> None:
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        account = make_account(seats=3)
        evaluate_accounts(acme, [account.pk])
        today = today_of(acme)
        HealthScore.objects.all().delete()
        scored(account, (today - timedelta(days=30), 80, "green"), (today, 30, "red"))
    text = staff(acme).get(f"/t/acme/accounts/{account.pk}/").text
    figure = text[text.index('id="health-figure"') : text.index("MRR")]
    assert "30" in figure
    assert "Red" in figure
    assert "Health score at the end of each week" in figure


@pytest.mark.django_db
def test_an_account_without_a_score_has_no_figure(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        evaluate_accounts(acme, [account.pk])
    assert 'id="health-figure"' not in staff(acme).get(f"/t/acme/accounts/{account.pk}/").text


@pytest.mark.django_db
def test_today_names_whose_band_fell_within_the_week_red_and_large_first(acme: Tenant) -> None:
    with tenant_context(acme):
        today = today_of(acme)
        then, lately = today - timedelta(days=7), today - timedelta(days=2)
        for name, before, days, now, mrr in (
            ("Fell far", "green", lately, "red", 500),
            ("Fell a little", "green", lately, "yellow", 9_000),
            ("Fell large", "yellow", lately, "red", 800),
            ("Rose", "red", lately, "green", 100),
            ("Fell before", "green", then, "red", 100),
        ):
            scored(make_account(name), (then - timedelta(days=3), 50, before), (days, 20, now), mrr=mrr)
        # New accounts had no band to fall from.
        scored(make_account("New"), (lately, 20, "red"))
        found = fallen(acme)
        assert found is not None
        assert [(line.name, line.before, line.now) for line in found.lines] == [
            ("Fell large", "yellow", "red"), ("Fell far", "green", "red"), ("Fell a little", "green", "yellow"),
        ]  # fmt: skip
        assert fallen(acme, owner_id=uuid4()) is None
        for number in range(SHOWN):
            scored(make_account(f"More {number}"), (then, 80, "green"), (lately, 20, "red"))
        again = fallen(acme)
        assert again is not None
        assert (len(again.lines), again.more) == (SHOWN, 3)
    text = staff(acme, "leader").get("/t/acme/").text
    assert "Health that fell this week" in text
    assert "Fell large" in text
    assert "Rose" not in text[text.index('id="health-title"') :]


MEMBERS = st.lists(
    st.builds(
        lambda score, mrr, depth: Member(uuid4(), "a", score, "", mrr, depth),
        st.none() | st.integers(0, 100), st.integers(0, 10_000), st.integers(0, 3),
    ),
    max_size=8,
)  # fmt: skip


@given(MEMBERS)
def test_a_rolled_up_score_lies_between_those_of_the_family_and_the_worst_is_below(members: list[Member]) -> None:
    found = rolled_up(members)
    scores = [member.score for member in members if member.score is not None]
    if not scores:
        assert (found.score, found.worst) == (None, None)
        return
    assert found.score is not None
    assert min(scores) <= found.score <= max(scores)
    below = [member.score for member in members if member.depth and member.score is not None]
    assert (found.worst is None) == (not below)
    assert found.worst is None or found.worst.score == min(below)
    assert found.scored == len(below)


def member(score: int | None, mrr: int, depth: int = 1) -> Member:
    return Member(uuid4(), "a", score, "", mrr, depth)


def test_who_pays_more_weighs_more_and_who_has_no_score_weighs_nothing() -> None:
    assert rolled_up([member(90, 100, 0), member(30, 300), member(None, 9_000)]).score == 45
    assert rolled_up([member(90, 0, 0), member(30, 0)]).score == 60
    assert rolled_up([member(90, 0, 0), member(30, 100)]).score == 30


@pytest.mark.django_db
def test_the_panel_and_rest_name_the_worst_below(acme: Tenant) -> None:
    cache.clear()
    with tenant_context(acme):
        top = make_account("Top")
        good, bad = make_account("Good"), make_account("Bad")
        Account.objects.filter(pk__in=[good.pk, bad.pk]).update(parent=top)
        for account, score in ((top, 80), (good, 70), (bad, 20)):
            scored(account, (TODAY, score, "yellow"), mrr=100)
    text = staff(acme).get(f"/t/acme/accounts/{top.pk}/").text
    assert "With the 2 accounts below: <strong>57</strong>, weighted by MRR" in text
    assert ">Bad</a> (20)" in text
    answer = api_of(acme)("GET", f"accounts/{top.pk}/health-rollup").json()
    assert answer == {"score": 57, "below": 2, "scored": 2, "worst": str(bad.pk)}
    alone = api_of(acme)("GET", f"accounts/{bad.pk}/health-rollup").json()
    assert alone == {"score": None, "below": 0, "scored": 0, "worst": None}
    with tenant_context(acme):
        other = uuid4()
    assert api_of(acme)("GET", f"accounts/{other}/health-rollup").status_code == 404


# --- How long days are kept ---------------------------------------------------------------------------------------


def past(account: Account, day: date) -> int | None:
    row = HealthDay.objects.filter(account=account, day__lte=day).order_by("-day").first()
    return row.score if row else None


@pytest.mark.django_db
def test_days_are_kept_for_26_weeks_then_one_a_week_for_three_years(acme: Tenant) -> None:
    with tenant_context(acme):
        account, other = make_account("One"), make_account("Other")
        for each in (account, other):
            HealthDay.objects.bulk_create(
                [HealthDay(account=each, day=TODAY - timedelta(days=ago), score=ago % 101) for ago in range(0, 1300, 2)]
            )
        recent = [TODAY - timedelta(days=ago) for ago in range(26 * 7)]
        sundays = [d for ago in range(26 * 7 + 7, 3 * 365) if (d := TODAY - timedelta(days=ago)).weekday() == 6]
        told = {day: past(account, day) for day in (*recent, *sundays)}
        assert health_prune([account.pk], TODAY) > 0
        assert {day: past(account, day) for day in told} == told
        kept = HealthDay.objects.filter(account=account, day__lt=TODAY - timedelta(weeks=26))
        weeks = [day.isocalendar()[:2] for day in kept.values_list("day", flat=True)]
        assert len(weeks) == len(set(weeks))
        assert HealthDay.objects.filter(account=account, day__lt=TODAY - timedelta(days=1096)).count() <= 1
        assert HealthDay.objects.filter(account=other).count() == 650
        assert health_prune([account.pk], TODAY) == 0


@pytest.mark.django_db
def test_the_close_of_the_day_prunes(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        HealthDay.objects.create(account=account, day=date(2025, 1, 1), score=1)
        HealthDay.objects.create(account=account, day=date(2025, 1, 2), score=2)
        close = DayClose.objects.create(day=TODAY)
        assert close_batch(close)
        assert not HealthDay.objects.filter(day=date(2025, 1, 1)).exists()
        assert HealthDay.objects.filter(day=date(2025, 1, 2)).exists()
