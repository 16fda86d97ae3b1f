"""Scorecards: published in versions, tried before, for some of the accounts, and read over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.rules.language import RuleError
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.backtest.models import BacktestRun
from signals.engine import evaluate_accounts
from signals.health.cards import CardError, checked
from signals.health.editor import from_version, typed
from signals.health.models import HealthScore, Scorecard, ScorecardVersion
from signals.health.services import (
    HealthError,
    scorecard_apply,
    scorecard_create,
    scorecard_publish,
    scorecards_install,
)
from signals.health.shipped import MEASURES
from signals.models import DayClose
from tests.backtest.stage import backtested, finished
from tests.health.test_pages import PULSE, SEATS, WEEKS, healthy
from tests.shell.staff import staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
LISTED = 10


def form(version: ScorecardVersion, **more: str) -> dict[str, str]:
    """What the browser sends of a version's form."""
    found = {"yellow_from": str(version.yellow_from), "green_from": str(version.green_from)}
    for row in from_version(version).rows:
        found |= {f"m{row.number}-{name}": value for name, value in row.fields.items()}
        found |= {f"m{row.number}-with-{name}": value for name, value in row.given.items()}
    return found | more


def shipped(tenant: Tenant) -> tuple[Scorecard, ScorecardVersion]:
    with tenant_context(tenant):
        scorecards_install(actor=ACTOR)
        return Scorecard.objects.get(), ScorecardVersion.objects.get()


def held(client: Client, url: str, given: dict[str, str], tenant: Tenant) -> BacktestRun:
    """What the form's *Back-test* leads to, after a worker has finished it."""
    answer = client.post(url, given | {"do": "backtest"})
    assert answer.status_code == 302, answer.content
    with tenant_context(tenant):
        return finished(BacktestRun.objects.get(pk=answer.headers["Location"].split("/")[-2]))


def test_a_form_that_is_sent_as_it_came_makes_the_same_version(acme: Tenant) -> None:
    _, version = shipped(acme)
    with tenant_context(acme):
        assert checked(typed(form(version)).measures()) == version.measures


def test_a_version_is_published_from_the_form_and_the_one_before_stays(acme: Tenant) -> None:
    card, version = shipped(acme)
    client, url = staff(acme, "leader"), f"/t/acme/set-up/health/{card.pk}/edit/"
    given = form(version, do="publish", note="Support counts for more")
    given["m3-weight"] = "40"
    untested = client.post(url, given)
    assert untested.status_code == 422
    assert "back-test exactly this draft first" in untested.text
    run = held(client, url, given, acme)
    other = client.post(url, given | {"m3-weight": "41"})
    assert "back-test exactly this draft first" in other.text
    assert client.post(url, given).status_code == 302
    with tenant_context(acme):
        first, second = ScorecardVersion.objects.order_by("number")
        assert (first.measures, first.number) == (version.measures, 1)
        assert second.measures[3]["weight"] == 40
        assert (first.backtest, second.backtest) == (None, run)
        assert str(second.published_by) == "leader@acme.example"
        assert AuditEvent.objects.filter(action="scorecard.publish").count() == 2
    text = client.get(f"/t/acme/set-up/health/{card.pk}/").text
    assert "Support counts for more" in text
    assert "Measures of version 2" in text


def test_publishing_asks_for_a_note_and_has_everybody_evaluated(acme: Tenant) -> None:
    card, version = shipped(acme)
    client, url = staff(acme, "admin"), f"/t/acme/set-up/health/{card.pk}/edit/"
    given = form(version, do="publish") | {"m0-weight": "99"}
    held(client, url, given, acme)
    refused = client.post(url, given)
    assert refused.status_code == 422
    assert "say what is changed and why" in refused.text
    assert 'value="99"' in refused.text
    with tenant_context(acme):
        from hub.accounts.facts import today_of

        close = DayClose.objects.create(day=today_of(acme), done_at="2026-01-01T00:00Z")
        assert client.post(url, given | {"note": "x"}).status_code == 302
        close.refresh_from_db()
        assert close.done_at is None


def test_measures_are_added_and_removed_and_everything_wrong_is_said(acme: Tenant) -> None:
    card, version = shipped(acme)
    client, url = staff(acme, "admin"), f"/t/acme/set-up/health/{card.pk}/edit/"
    assert 'name="m7-fact"' in client.post(url, form(version, do="add")).text
    fewer = client.post(url, form(version, do="remove-0")).text
    assert 'name="m6-fact"' not in fewer
    assert "Feature breadth" not in fewer
    wrong = form(version, do="publish", note="x") | {"m0-weight": "0.5", "m1-with-days": "many", "m2-worst": "nan"}
    text = client.post(url, wrong).text
    assert "Feature breadth: the weight is a whole number" in text
    assert "User breadth: expected a whole number of days" in text
    assert "Frequency: “worst” is a number that is not so large" in text
    with tenant_context(acme):
        assert ScorecardVersion.objects.count() == 1


def test_enter_in_a_field_removes_and_publishes_nothing(acme: Tenant) -> None:
    card, _ = shipped(acme)
    text = staff(acme, "admin").get(f"/t/acme/set-up/health/{card.pk}/edit/").text
    first = text.index('name="do"', text.index('id="scorecard"'))
    assert text[first:].startswith('name="do" value="update"')


def test_trying_shows_both_scores_and_writes_nothing(acme: Tenant) -> None:
    (account,) = healthy(acme, 80)
    with tenant_context(acme):
        card = Scorecard.objects.get()
        version = ScorecardVersion.objects.get(number=2)
        before = list(HealthScore.objects.values())
    given = form(version, do="try", account=str(account.pk)) | {"m0-best": "800"}
    text = staff(acme, "admin").post(f"/t/acme/set-up/health/{card.pk}/edit/", given).text
    assert "With 80: now and then" in text
    assert '<span class="text-2xl font-semibold tabular">80</span>' in text
    assert '<span class="text-2xl font-semibold tabular">10</span>' in text
    with tenant_context(acme):
        assert list(HealthScore.objects.values()) == before
        assert ScorecardVersion.objects.count() == 2


def test_a_scorecard_for_a_segment_comes_before_the_one_for_all(acme: Tenant) -> None:
    _, version = shipped(acme)
    client = staff(acme, "admin")
    given = form(version, do="publish", name="Large", subject="segment", values="Enterprise, Global", note="their own")
    assert "back-test exactly this draft first" in client.post("/t/acme/set-up/health/new/", given).text
    run = held(client, "/t/acme/set-up/health/new/", given, acme)
    page = f"/t/acme/health/back-tests/{run.pk}/"
    assert 'value="Enterprise, Global"' in client.get(f"/t/acme/set-up/health/new/?backtest={run.pk}").text
    assert client.post(f"{page}publish/", {"note": ""}).status_code == 422
    assert client.post(f"{page}publish/", {"note": "their own"}).status_code == 302
    with tenant_context(acme):
        large = Scorecard.objects.get(key="large")
        assert large.rule == {"fact": "segment", "op": "in", "value": ["Enterprise", "Global"]}
        run.refresh_from_db()
        assert (large.versions.get().backtest, run.scorecard) == (run, large)
        assert [card.key for card in Scorecard.objects.order_by("position")] == ["large", "default"]
    listed = client.get("/t/acme/set-up/health/").text
    assert "For accounts of which segment is" in listed
    url = f"/t/acme/set-up/health/{large.pk}/apply/"
    assert client.post(url, {"name": "Large", "position": "x"}).status_code == 422
    changed = {"name": "Larger", "subject": "stage", "values": "value", "position": "3", "is_active": "on"}
    assert client.post(url, changed).status_code == 302
    with tenant_context(acme):
        large.refresh_from_db()
        assert (large.name, large.rule["fact"], large.position) == ("Larger", "stage", 3)


def test_the_last_scorecard_stays_and_none_is_made_of_health(acme: Tenant) -> None:
    card, _ = shipped(acme)
    own = {"fact": "health_band", "op": "eq", "value": "red"}
    with tenant_context(acme):
        with pytest.raises(HealthError, match="the only scorecard"):
            scorecard_apply(scorecard=card, name="x", rule={"all": []}, position=1, is_active=False, actor=ACTOR)
        with pytest.raises(RuleError, match="it is made of it"):
            scorecard_apply(scorecard=card, name="x", rule=own, position=1, is_active=True, actor=ACTOR)
        for fact in ("health_score", "industry", "nothing"):
            measures: list[dict[str, Any]] = [
                SEATS,
                PULSE,
                WEEKS,
                {"label": "Circle", "fact": fact, "worst": 0, "best": 1, "weight": 1},
            ]
            with pytest.raises(CardError, match="Circle: "):
                scorecard_publish(scorecard=card, measures=measures, bands=(40, 70), note="x", user=None, actor=ACTOR)
        assert ScorecardVersion.objects.count() == 1


@pytest.mark.parametrize("role", ["csm", "marketer"])
def test_who_does_not_keep_the_model_reads_it_only(acme: Tenant, role: str) -> None:
    card, _ = shipped(acme)
    client = staff(acme, role)
    assert "Make the next version" not in client.get(f"/t/acme/set-up/health/{card.pk}/").text
    for page in (f"{card.pk}/edit/", f"{card.pk}/apply/", "new/"):
        assert client.post(f"/t/acme/set-up/health/{page}", {"do": "publish"}).status_code == 403


@pytest.mark.parametrize("count", [1, 19])
def test_the_list_asks_as_often_for_many_scorecards_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    shipped(acme)
    with tenant_context(acme):
        for at in range(count):
            rule = {"fact": "segment", "op": "in", "value": [f"S{at}"]}
            backtested(MEASURES, rule=rule)
            scorecard_create(
                name=f"Card {at}", rule=rule, measures=MEASURES, bands=(40, 70), note="x", user=None, actor=ACTOR
            )
    client = staff(acme)
    client.get("/t/acme/set-up/health/")
    with django_assert_num_queries(LISTED):
        client.get("/t/acme/set-up/health/")


def test_health_is_read_over_rest(acme: Tenant, globex: Tenant) -> None:
    (account,) = healthy(acme, 30)
    (foreign,) = healthy(globex, 90)
    with tenant_context(acme):
        _, secret = credential_create(tenant=acme, name="reader", actor=ACTOR)
        make_account("Unscored")
        evaluate_accounts(acme, [account.pk])

    def get(path: str) -> Any:
        return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"}).json()

    (row,) = get("health")["results"]
    assert (row["account"], row["score"], row["band"], row["worst"]) == (str(account.pk), 30, "red", "seats-bought")
    assert [(m["key"], m["points"], m["state"]) for m in row["measures"]][:2] == [
        ("seats-bought", 30, "known"), ("pulse", None, "missing"),
    ]  # fmt: skip
    assert get(f"health?account={foreign.pk}")["results"] == []
    assert get("health?band=green")["results"] == []
    (day,) = get(f"health-days?account={account.pk}")["results"]
    assert (day["score"], day["before"]) == (30, None)
    (card,) = get("scorecards")["results"]
    assert card["bands"] == {"yellow_from": 40, "green_from": 70}
    assert [m["label"] for m in card["measures"]] == ["Seats bought", "Pulse", "History"]
