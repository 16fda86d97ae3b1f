"""Health on pages: what the account shows, what people set there, and lists that filter and sort by it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.accounts.models import Account
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_accounts
from signals.health.models import HealthDay, HealthInput, HealthScore, Scorecard
from signals.health.services import scorecard_publish, scorecards_install
from tests.backtest.stage import backtested
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
SEATS = {"label": "Seats bought", "fact": "seats", "worst": 0, "best": 100, "weight": 2}
PULSE = {"label": "Pulse", "fact": "hand", "weight": 1}
WEEKS = {"label": "History", "fact": "usage_baseline_weeks", "worst": 0, "best": 8, "weight": 1}


def healthy(tenant: Tenant, *seats: int) -> list[Account]:
    """Accounts with so many seats each, scored."""
    with tenant_context(tenant):
        scorecards_install(actor=ACTOR)
        card = Scorecard.objects.get()
        backtested([SEATS, PULSE, WEEKS], card=card)
        scorecard_publish(
            scorecard=card, measures=[SEATS, PULSE, WEEKS], bands=(40, 70), note="seats", user=None, actor=ACTOR
        )
        accounts = [make_account(f"With {number}", seats=number) for number in seats]
        evaluate_accounts(tenant, [account.pk for account in accounts])
    return accounts


def test_the_account_page_says_score_band_measures_and_worst_input(acme: Tenant) -> None:
    (account,) = healthy(acme, 30)
    text = staff(acme).get(f"/t/acme/accounts/{account.pk}/").text
    panel = text[text.index('id="health-title"') :]
    assert "30<span" in panel
    assert "Red" in panel
    assert "Worst input: <strong>Seats bought</strong>" in panel
    assert "Missing" in panel
    assert "All accounts, version 2" in panel


def test_the_account_page_tells_the_last_change_and_its_parts(acme: Tenant) -> None:
    (account,) = healthy(acme, 30)
    with tenant_context(acme):
        today = HealthScore.objects.get().day
        HealthDay.objects.create(
            account=account, day=today - timedelta(days=40), score=50, version=HealthScore.objects.get().version
        )
        HealthDay.objects.filter(day=today).update(before=50, behaviour=-24, data=4)
    text = staff(acme).get(f"/t/acme/accounts/{account.pk}/").text
    assert "Down 20 points to 30" in text
    assert "−24 from behaviour, +4 from missing or stale data" in text
    assert "Health score, 26 weeks" in text


def test_a_csm_sets_a_measure_and_a_band_by_hand(acme: Tenant) -> None:
    (account,) = healthy(acme, 100)
    client, base = staff(acme), f"/t/acme/accounts/{account.pk}/health"
    assert client.post(f"{base}/by-hand/", {"measure": "pulse", "value": "10", "note": "quiet"}).status_code == 302
    given = {"band": "yellow", "days": "14", "reason": "Merger ahead"}
    assert client.post(f"{base}/override/", given).status_code == 302
    with tenant_context(acme):
        evaluate_accounts(acme, [account.pk])
        row = HealthScore.objects.get()
        assert (row.score, row.band, row.shown_band) == (70, "green", "yellow")
        assert AuditEvent.objects.filter(action__in=["health.set", "health.override"]).count() == 2
    text = client.get(f"/t/acme/accounts/{account.pk}/").text
    assert "Merger ahead" in text
    assert "The score alone says green" in text
    assert client.post(f"{base}/override/end/").status_code == 302
    with tenant_context(acme):
        evaluate_accounts(acme, [account.pk])
        assert HealthScore.objects.get().shown_band == "green"


@pytest.mark.parametrize("value", ["", "101", "-1", "1e3", "9999999999999999999", "x", "１２"])
def test_a_value_that_is_none_is_refused_with_words(acme: Tenant, value: str) -> None:
    (account,) = healthy(acme, 100)
    client = staff(acme)
    url = f"/t/acme/accounts/{account.pk}/health/by-hand/"
    answer = client.post(url, {"measure": "pulse", "value": value}, follow=True)
    assert "Nothing was changed: " in answer.text
    with tenant_context(acme):
        assert not HealthInput.objects.exists()


@pytest.mark.parametrize("role", ["marketer", "leader"])
def test_who_does_not_keep_accounts_sets_nothing(acme: Tenant, role: str) -> None:
    (account,) = healthy(acme, 100)
    client = staff(acme, role)
    for page in ("by-hand", "override", "override/end"):
        assert client.post(f"/t/acme/accounts/{account.pk}/health/{page}/").status_code == 403
    assert "Set the band by hand" not in client.get(f"/t/acme/accounts/{account.pk}/").text


def test_the_list_of_accounts_filters_and_sorts_by_health(acme: Tenant) -> None:
    healthy(acme, 80, 20, 50)
    with tenant_context(acme):
        make_account("Unscored")
    client = staff(acme)

    def names(**params: str) -> list[str]:
        text = client.get("/t/acme/accounts/", {"columns": "health_score,health_band", **params}).text
        found = {text.find(f">{name}<"): name for name in ("With 80", "With 20", "With 50", "Unscored")}
        return [found[at] for at in sorted(found) if at >= 0]

    assert names(sort="health_score") == ["With 20", "With 50", "With 80", "Unscored"]
    assert names(sort="-health_score") == ["With 80", "With 50", "With 20", "Unscored"]
    red = json.dumps({"fact": "health_band", "op": "in", "value": ["red", "yellow"]})
    assert names(rule=red, sort="health_score") == ["With 20", "With 50"]
    assert names(rule=json.dumps({"fact": "health_score", "op": "gte", "value": 50})) == ["With 50", "With 80"]
