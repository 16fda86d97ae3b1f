"""Runs of back-tests: a worker's, followed on a page, cancelled, found again, published from, read over REST."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.registry.exports import export_lists
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from signals.backtest import working
from signals.backtest.models import BacktestLoss, BacktestRun, RunStatus
from signals.backtest.services import COUNTS_FOR, backtest_start, backtests_due, draft_of
from signals.engine import evaluate_accounts
from signals.health.models import Scorecard, ScorecardVersion
from signals.health.services import HealthError, scorecard_apply, scorecard_publish, scorecards_install
from tests.backtest.stage import backtested, finished
from tests.shell.staff import HTMX, staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
BASE = "/t/acme/health/back-tests"
TODAY = timezone.localdate()
SEATS = {"label": "Seats", "fact": "months_as_customer", "worst": 0, "best": 6, "weight": 2}
USE = {"label": "Use", "fact": "use_days", "with": {"days": 30}, "worst": 0, "best": 15, "weight": 1}
PULSE = {"label": "Pulse", "fact": "hand", "weight": 1}
DRAFT = [SEATS, USE, PULSE]
LISTED, SHOWN = 8, 11


def customers(tenant: Tenant, *, left: int, stayed: int) -> list[Account]:
    """Customers of 400 days; some of them left 40 days ago."""
    scorecards_install(actor=ACTOR)
    accounts = [make_account(f"Left {n}") for n in range(left)] + [make_account(f"Stayed {n}") for n in range(stayed)]
    for number, account in enumerate(accounts):
        ContractLine.objects.create(
            account=account, source="t", external_id=str(number), mrr_minor=100 * (number + 1), currency="USD",
            starts_on=TODAY - timedelta(days=400), ends_on=TODAY - timedelta(days=40) if number < left else None,
        )  # fmt: skip
    evaluate_accounts(tenant, [account.pk for account in accounts])
    return accounts


def asked(tenant: Tenant) -> BacktestRun:
    version = ScorecardVersion.objects.select_related("scorecard").get()
    card = version.scorecard
    return backtest_start(draft=draft_of(version), name=card.name, position=9, scorecard=card, actor=ACTOR)


def test_a_worker_goes_on_from_batch_to_batch_and_ends_with_a_result(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH", 2)
    with tenant_context(acme):
        customers(acme, left=2, stayed=3)
        run = asked(acme)
        assert asked(acme) == run
        assert TenantWork.objects.filter(queue="backtest").exists()
        assert working.backlog() is not None
    assert working.drain(acme.pk) is None
    with tenant_context(acme):
        run.refresh_from_db()
        assert (run.status, run.done, run.total, run.tally) == (RunStatus.DONE, 5, 5, {})
        assert run.verdict == "not_enough"
        assert run.result["horizons"]["90"]["churned_accounts"] == 2
        assert BacktestLoss.objects.count() == 2
        assert AuditEvent.objects.get(action="backtest.start").object_id == str(run.pk)


def test_a_step_that_fails_is_tried_again_and_after_some_times_says_why_not(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ValueError("no such thing")

    with tenant_context(acme):
        customers(acme, left=0, stayed=1)
        run = asked(acme)
    monkeypatch.setattr(working, "observations", fails)
    for _ in range(working.MAX_ATTEMPTS):
        with tenant_context(acme):
            BacktestRun.objects.update(due_at=timezone.now())
        working.drain(acme.pk)
    with tenant_context(acme):
        run.refresh_from_db()
        assert (run.status, run.reason, run.due_at) == (RunStatus.FAILED, "ValueError: no such thing", None)


def test_a_run_is_followed_left_and_cancelled(acme: Tenant) -> None:
    with tenant_context(acme):
        customers(acme, left=1, stayed=1)
        card = Scorecard.objects.get()
    client = staff(acme, "admin")
    started = client.post(f"{BASE}/start/", {"scorecard": str(card.pk)})
    page = started.headers["Location"]
    assert "hx-get" in client.get(page).text
    assert "of 0 accounts" in client.get(page, headers=HTMX).text
    assert "Waiting" in client.get(f"{BASE}/").text
    assert client.post(f"{page}cancel/", follow=True).status_code == 200
    with tenant_context(acme):
        run = BacktestRun.objects.get()
        assert (run.status, run.due_at) == (RunStatus.CANCELLED, None)
        assert working.backlog() is None
    assert "It had ended already" in client.post(f"{page}cancel/", follow=True).text


def test_the_result_says_what_happened_and_links_to_who_left(acme: Tenant) -> None:
    with tenant_context(acme):
        customers(acme, left=6, stayed=20)
        run = backtested(DRAFT, card=Scorecard.objects.get())
    client = staff(acme)
    text = client.get(f"{BASE}/{run.pk}/").text
    assert "Broken" in text
    assert "6 of the 6 accounts that left in the last six months were green 90 days before" in text
    assert "Only 6 accounts left" in text
    assert "Left 5" in text
    assert "Every value that was set is kept" in text
    assert client.get(f"{BASE}/{run.pk}/?horizon=30").status_code == 200
    assert client.get(f"{BASE}/{run.pk}/?horizon=x").status_code == 200
    green = client.get(f"{BASE}/{run.pk}/left/?band=green").text
    assert green.index("Left 5") < green.index("Left 0")
    assert "Nobody left in this band" in client.get(f"{BASE}/{run.pk}/left/?band=red").text
    assert "Publish exactly this draft" not in text


def test_who_left_is_taken_out_as_a_file(acme: Tenant) -> None:
    with tenant_context(acme):
        customers(acme, left=2, stayed=1)
        run = backtested(DRAFT, card=Scorecard.objects.get())
        listed = export_lists.get("backtest-losses")
        given = {"backtest": str(run.pk), "band": "green"}
        page = listed.page(given, "", 10)
        assert listed.count(given) == 2 == len(page.rows)
        assert {row[0] for row in page.rows} == {"Left 0", "Left 1"}
        assert listed.count({"backtest": "nonsense"}) == 0


def test_publishing_takes_a_finished_run_of_the_same_draft_for_the_same_accounts(acme: Tenant) -> None:
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        card = Scorecard.objects.get()

        def publish() -> ScorecardVersion:
            return scorecard_publish(scorecard=card, measures=DRAFT, bands=(40, 70), note="x", user=None, actor=ACTOR)

        with pytest.raises(HealthError, match="back-test exactly this draft first"):
            publish()
        backtested(DRAFT, (41, 70), card=card)
        with pytest.raises(HealthError, match="back-test exactly this draft first"):
            publish()
        run = backtested(DRAFT, card=card)
        BacktestRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
        with pytest.raises(HealthError, match="still running"):
            publish()
        BacktestRun.objects.filter(pk=run.pk).update(
            status=RunStatus.DONE, finished_at=timezone.now() - COUNTS_FOR - timedelta(days=1)
        )
        with pytest.raises(HealthError, match="back-test exactly this draft first"):
            publish()
        BacktestRun.objects.filter(pk=run.pk).update(finished_at=timezone.now())
        rule = {"fact": "segment", "op": "in", "value": ["A"]}
        scorecard_apply(scorecard=card, name="x", rule=rule, position=1, is_active=True, actor=ACTOR)
        with pytest.raises(HealthError, match="back-test exactly this draft first"):
            publish()
        scorecard_apply(scorecard=card, name="x", rule={"all": []}, position=1, is_active=True, actor=ACTOR)
        assert publish().backtest == run
        assert ScorecardVersion.objects.get(number=1).backtest is None


def test_every_quarter_published_versions_are_tested_again(acme: Tenant) -> None:
    with tenant_context(acme):
        scorecards_install(actor=ACTOR)
        assert backtests_due() == 0
        customers(acme, left=0, stayed=1)
        assert backtests_due() == 1
        assert backtests_due() == 0
        run = BacktestRun.objects.get()
        finished(run)
        BacktestRun.objects.update(created_at=timezone.now() - timedelta(days=91))
        assert backtests_due() == 1
        assert list(BacktestRun.objects.values_list("origin", flat=True).distinct()) == ["quarterly"]


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_and_a_run_ask_as_often_for_many_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        customers(acme, left=count, stayed=1)
        card = Scorecard.objects.get()
        run = backtested(DRAFT, card=card)
        more = [BacktestRun(scorecard=card, name="x", yellow_from=40, green_from=70, position=1, measures=[], rule={},
                            verdict="ranks", status="done") for _ in range(count)]  # fmt: skip
        BacktestRun.objects.bulk_create(more)
    client = staff(acme)
    client.get(f"{BASE}/")
    with django_assert_num_queries(LISTED):
        client.get(f"{BASE}/")
    with django_assert_num_queries(SHOWN):
        client.get(f"{BASE}/{run.pk}/")


def test_back_tests_are_asked_for_and_read_over_rest(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        scorecards_install(actor=ACTOR)
        foreign = Scorecard.objects.get()
    with tenant_context(acme):
        customers(acme, left=1, stayed=1)
        card = Scorecard.objects.get()
        _, secret = credential_create(tenant=acme, name="writer", scopes=["read", "write"], actor=ACTOR)
    client, head = Client(), {"Authorization": f"Bearer {secret}"}

    def post(body: dict[str, Any]) -> Any:
        return client.post("/api/v1/backtests", json.dumps(body), content_type="application/json", headers=head)

    made = post({"scorecard": str(card.pk)}).json()
    assert (made["status"], made["origin"], made["months"]) == ("waiting", "program", 24)
    draft = post({"scorecard": str(card.pk), "measures": DRAFT, "months": 12}).json()
    assert draft["hash"] != made["hash"]
    assert post({"scorecard": str(card.pk), "measures": [SEATS]}).status_code == 400
    assert post({"scorecard": str(foreign.pk)}).status_code == 400
    assert post({"scorecard": str(card.pk), "months": 3}).status_code == 400
    working.drain(acme.pk)
    rows = client.get("/api/v1/backtests?status=done", headers=head).json()["results"]
    assert {row["id"] for row in rows} == {made["id"], draft["id"]}
    one = client.get(f"/api/v1/backtests/{made['id']}", headers=head).json()
    assert one["result"]["horizons"]["90"]["churned"] > 0
    assert one["verdict"] == "not_enough"
