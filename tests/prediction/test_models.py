"""Models of a tenant: trained by a worker, published only when validated, and what everybody sees then."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from bench.leaving import lives, settle
from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account, AccountState
from hub.ingest.imports.engine import import_folder
from hub.ingest.imports.preflight import mapping_load
from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.registry.facts import known_facts
from hub.revenue.models import ContractLine
from hub.rules.compile import Clock
from hub.rules.language import parse
from hub.rules.matching import matches
from hub.rules.reading import read_facts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_accounts
from signals.prediction import training, validation, work
from signals.prediction.models import Prediction, PredictionModel
from signals.prediction.services import (
    PredictionError,
    model_cancel,
    model_publish,
    model_retire,
    model_train,
    models_due,
)
from tests.ingest.test_import_samples import MAPPINGS, folder_of
from tests.shell.staff import HTMX, staff
from tests.world import ACTOR, make_account

pytestmark = pytest.mark.django_db
BASE = "/t/acme/set-up/prediction"
TODAY = timezone.localdate()
DAYS: dict[str, Any] = {"fact": "use_days", "with": {"days": 30}}
MONTHS: dict[str, Any] = {"fact": "months_as_customer"}
TICKETS: dict[str, Any] = {"fact": "tickets", "with": {"days": 30}}
LISTED, SHOWN = 9, 8


def customers(tenant: Tenant, *used: int) -> list[Account]:
    """Paying accounts with so many days of use."""
    accounts = [make_account(f"Uses {n}") for n in used]
    for account, n in zip(accounts, used, strict=True):
        ContractLine.objects.create(
            account=account, source="t", external_id=account.name, mrr_minor=100, currency="USD",
            starts_on=TODAY - timedelta(days=400),
        )  # fmt: skip
        UsageDaily.objects.bulk_create(
            [UsageDaily(account=account, day=TODAY - timedelta(days=at), name="Report", count=1) for at in range(n)]
        )
    evaluate_accounts(tenant, [account.pk for account in accounts])
    return accounts


def trained(**more: Any) -> PredictionModel:
    """A validated model by hand: the fewer days of use, the likelier the account leaves."""
    model = model_train(target=more.pop("target", "churn"), features=[MONTHS, DAYS, TICKETS], actor=ACTOR)
    keys = [one["key"] for one in model.features]
    parameters = {
        "features": keys, "median": [2.5, 2.3, 0.0], "columns": [[1, False]], "mean": [2.0], "scale": [1.0],
        "learner": {"kind": "linear", "weights": [-2.0], "intercept": 0.0},
        "calibration": {"kind": "platt", "slope": 1.0, "start": 0.0},
        "reference": [{"edges": [10.0], "shares": [0.5, 0.5, 0.0]}] * 3,
    }  # fmt: skip
    values = {
        "status": "validated", "due_at": None, "parameters": parameters, "validation": {"auc": {"value": 0.8}}, **more,
    }  # fmt: skip
    PredictionModel.objects.filter(pk=model.pk).update(**values)
    model.refresh_from_db()
    return model


def test_a_training_without_history_says_what_it_lacks_and_is_not_published(acme: Tenant) -> None:
    with tenant_context(acme):
        customers(acme, 5, 20)
        model = model_train(target="churn", actor=ACTOR)
        assert model_train(target="churn", actor=ACTOR) == model
        assert work.backlog() is not None
    assert work.drain(acme.pk) is None
    with tenant_context(acme):
        model.refresh_from_db()
        assert (model.status, model.done, model.total, model.due_at) == ("not_enough", 2, 2, None)
        assert model.reason == "0 accounts with the outcome to learn from; it takes 20"
        with pytest.raises(PredictionError, match="only a validated model is published; this one is not enough"):
            model_publish(model=model, user=None, actor=ACTOR)


@pytest.mark.parametrize("status", ["no_signal", "refused", "training", "failed", "cancelled"])
def test_only_what_was_validated_is_published(acme: Tenant, status: str) -> None:
    with tenant_context(acme):
        model = trained(status=status)
        with pytest.raises(PredictionError, match="only a validated model"):
            model_publish(model=model, user=None, actor=ACTOR)
        with pytest.raises(PredictionError, match="only a validated model"):
            model_publish(model=trained(target="expansion", validation={}), user=None, actor=ACTOR)


def test_what_is_asked_for_wrongly_is_refused_with_words(acme: Tenant) -> None:
    with tenant_context(acme):
        wrong: list[tuple[list[dict[str, Any]], str]] = [
            ([DAYS, TICKETS, {"fact": "stage"}], "stage: it turns to churned"),
            ([DAYS], "3 to 60 features"),
            ([{"fact": "uses", "with": {"days": "many"}}], "whole number of days"),
        ]
        for features, says in wrong:
            with pytest.raises(PredictionError, match=says):
                model_train(target="churn", features=features, actor=ACTOR)
        with pytest.raises(PredictionError, match="a target is one of"):
            model_train(target="weather", actor=ACTOR)
        assert not PredictionModel.objects.exists()


def test_a_published_model_predicts_every_paying_account_each_day_and_goes_again(acme: Tenant) -> None:
    with tenant_context(acme):
        rarely, often = customers(acme, 1, 25)
        make_account("Pays nothing")
        model = model_publish(model=trained(), user=None, actor=ACTOR)
        AccountState.objects.update(dirty_at=None)
    tomorrow = work.drain(acme.pk)
    assert tomorrow is not None
    assert tomorrow > timezone.now()
    with tenant_context(acme):
        found = {row.account_id: row for row in Prediction.objects.all()}
        assert found.keys() == {rarely.pk, often.pk}
        assert found[rarely.pk].percent > 80
        assert found[often.pk].percent < 10
        [reason] = found[rarely.pk].reasons
        assert (reason["label"], reason["value"]) == ("days with use in 30 days", 1)
        assert reason["effect"] > 0 > found[often.pk].reasons[0]["effect"]
        # Who has another prediction is evaluated again.
        assert AccountState.objects.filter(dirty_at__isnull=False).count() == 2
        model.refresh_from_db()
        assert model.predicted_on == TODAY
        assert model.drift["accounts"] == 2
        clock, rule = Clock(timezone.now(), TODAY), {"fact": "churn_risk", "op": "gt", "value": 50}
        assert [pk for pk, _ in matches(parse(rule, known_facts()), clock).first] == [rarely.pk]
        facts = {name: known_facts()[name] for name in ("churn_risk", "expansion_likelihood")}
        assert read_facts(facts, [rarely.pk], clock)[rarely.pk] == {
            "churn_risk": found[rarely.pk].percent, "expansion_likelihood": None,
        }  # fmt: skip
        ContractLine.objects.filter(account=rarely).update(ends_on=TODAY)
        PredictionModel.objects.update(predicted_on=TODAY - timedelta(days=1), pass_day=None)
    work.drain(acme.pk)
    with tenant_context(acme):
        assert [row.account_id for row in Prediction.objects.all()] == [often.pk]
        assert model_retire(model=model, actor=ACTOR)
        assert not model_retire(model=model, actor=ACTOR)
        assert not Prediction.objects.exists()
        actions = AuditEvent.objects.filter(action__startswith="prediction.").values_list("action", flat=True)
        assert set(actions) == {"prediction.train", "prediction.publish", "prediction.retire"}


def test_a_model_takes_the_place_of_the_one_before_of_its_kind_only(acme: Tenant) -> None:
    with tenant_context(acme):
        first, other = trained(), trained(target="expansion")
        second = trained(target="claim")
        for model in (first, other, second):
            model_publish(model=model, user=None, actor=ACTOR)
        published = PredictionModel.objects.filter(is_published=True).values_list("target", flat=True)
        assert sorted(published) == ["claim", "expansion"]


def test_a_published_model_is_learned_anew_every_quarter(acme: Tenant) -> None:
    with tenant_context(acme):
        model = model_publish(model=trained(), user=None, actor=ACTOR)
        assert models_due() == 0
        PredictionModel.objects.update(created_at=timezone.now() - timedelta(days=91))
        assert models_due() == 1
        assert models_due() == 0
        again = PredictionModel.objects.get(number=2)
        assert (again.features, again.is_published) == (model.features, False)


def test_the_account_page_says_the_likelihood_and_what_moves_it(acme: Tenant) -> None:
    with tenant_context(acme):
        rarely, _ = customers(acme, 1, 25)
    client = staff(acme)
    assert "Churn risk" not in client.get(f"/t/acme/accounts/{rarely.pk}/").text
    with tenant_context(acme):
        model_publish(model=trained(), user=None, actor=ACTOR)
    work.drain(acme.pk)
    text = client.get(f"/t/acme/accounts/{rarely.pk}/").text
    assert "Churn risk" in text
    assert "Days with use in 30 days: 1" in text
    assert "Raises it" in text


def test_models_are_trained_followed_cancelled_published_and_taken_back_in_the_browser(acme: Tenant) -> None:
    client = staff(acme, "leader")
    assert "no model is published: nothing is shown" in client.get(f"{BASE}/").text
    card = client.post(f"{BASE}/train/", {"target": "churn"}).headers["Location"]
    assert "of 0 accounts are read" in client.get(card, headers=HTMX).text
    assert "It had ended" not in client.post(f"{card}cancel/", follow=True).text
    assert "It had ended already" in client.post(f"{card}cancel/", follow=True).text
    assert "only a validated model is published" in client.post(f"{card}publish/", follow=True).text
    assert "Nothing was started: a target is one of" in client.post(f"{BASE}/train/", {"target": "x"}, follow=True).text
    with tenant_context(acme):
        model = trained()
    card = f"{BASE}/{model.pk}/"
    assert "Published" in client.post(f"{card}publish/", follow=True).text
    assert "Taken back" in client.post(f"{card}retire/", follow=True).text


def test_a_card_says_when_there_is_no_signal_and_no_likelihood_is_shown(acme: Tenant) -> None:
    with tenant_context(acme):
        model = trained(status="no_signal", reason="on later days it ranks no better than a coin")
    client = staff(acme)
    text = client.get(f"{BASE}/{model.pk}/").text
    assert "No signal in this data" in text
    assert "On later days it ranks no better than a coin. No likelihood of it is shown anywhere." in text
    assert ">Publish<" not in text
    assert client.post(f"{BASE}/{model.pk}/publish/").status_code == 403


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_and_a_card_ask_as_often_for_many_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    with tenant_context(acme):
        for _ in range(count):
            model = trained()
    client = staff(acme)
    client.get(f"{BASE}/")
    with django_assert_num_queries(LISTED):
        client.get(f"{BASE}/")
    with django_assert_num_queries(SHOWN):
        client.get(f"{BASE}/{model.pk}/")


def test_predictions_and_models_are_read_over_rest(acme: Tenant) -> None:
    with tenant_context(acme):
        rarely, often = customers(acme, 1, 25)
        model = model_publish(model=trained(), user=None, actor=ACTOR)
        _, secret = credential_create(tenant=acme, name="reader", actor=ACTOR)
    work.drain(acme.pk)

    def get(path: str) -> Any:
        return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"}).json()["results"]

    assert {row["account"] for row in get("predictions")} == {str(rarely.pk), str(often.pk)}
    [row] = get(f"predictions?account={rarely.pk}&kind=churn")
    assert row["reasons"][0]["name"] == "days with use in 30 days"
    assert get("predictions?kind=expansion") == []
    [one] = get("prediction-models?target=churn")
    assert (one["id"], one["is_published"], one["validation"]) == (str(model.pk), True, {"auc": {"value": 0.8}})
    with tenant_context(acme):
        PredictionModel.objects.update(is_published=False)
    assert get("predictions") == []


def test_a_cancelled_training_stops_and_stores_nothing(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with tenant_context(acme):
        customers(acme, 3)
        model = model_train(target="churn", actor=ACTOR)
    real = validation.judge

    def cancelled(*given: Any) -> Any:
        with tenant_context(acme):
            model_cancel(model=model, actor=ACTOR)
        return real(*given)

    monkeypatch.setattr(training, "judge", cancelled)
    work.drain(acme.pk)
    with tenant_context(acme):
        model.refresh_from_db()
        assert (model.status, model.validation, model.due_at) == ("cancelled", {}, None)


@pytest.mark.slow
def test_planted_churn_is_learned_and_predicted(acme: Tenant) -> None:
    with tenant_context(acme):
        settle(lives(320, TODAY, months=24), TODAY)
        model = model_train(target="churn", actor=ACTOR)
    work.drain(acme.pk)
    with tenant_context(acme):
        model.refresh_from_db()
        assert (model.status, model.reason) == ("validated", "")
        assert model.validation["auc"]["low"] > 0.75
        model_publish(model=model, user=None, actor=ACTOR)
    work.drain(acme.pk)
    with tenant_context(acme):
        risk = dict(Prediction.objects.values_list("account_id", "percent"))
        fading = UsageDaily.objects.filter(day__gte=TODAY - timedelta(days=30)).values_list("account_id", "day")
        days: dict[Any, int] = {}
        for account_id, _ in fading:
            days[account_id] = days.get(account_id, 0) + 1
        few = [risk[pk] for pk in risk if days.get(pk, 0) <= 5]
        many = [risk[pk] for pk in risk if days.get(pk, 0) >= 12]
        assert sum(few) / len(few) > 3 * sum(many) / len(many)


@pytest.mark.slow
def test_ravenstack_holds_no_signal(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch, migrator: psycopg.Connection
) -> None:
    """What its sources report as churn cannot be learned; by its contract lines hardly anybody leaves."""
    # What tests before took back lies in the tables still, and nobody looks after them here: plans would go astray.
    for table in ("usage_usagedaily", "usage_activeuserdaily", "feedback_ticket", "revenue_contractline"):
        migrator.execute(f"VACUUM {table}")
    import_folder(
        tenant=acme, mapping=mapping_load(MAPPINGS / "ravenstack.yaml"), mapping_name="ravenstack",
        folder=folder_of("ravenstack"), actor=ACTOR, historical=True,
    )  # fmt: skip
    # The sample ends with 2024.
    monkeypatch.setattr(training, "today_of", lambda tenant: date(2025, 1, 1))
    with tenant_context(acme):
        ids = list(Account.objects.values_list("pk", flat=True))
        for start in range(0, len(ids), 100):
            facts_refresh(ids[start : start + 100], today=date(2025, 1, 1))
        asked = [model_train(target=target, actor=ACTOR) for target in ("claim", "churn", "expansion")]
    work.drain(acme.pk)
    with tenant_context(acme):
        claim, churn, expansion = (PredictionModel.objects.get(pk=model.pk) for model in asked)
        assert (claim.status, churn.status, expansion.status) == ("no_signal", "not_enough", "no_signal")
        assert claim.validation["auc"]["low"] < 0.55
        assert claim.validation["parts"]["tested"]["positive"] > 200
        assert (claim.parameters, churn.parameters, expansion.parameters) == ({}, {}, {})
        with pytest.raises(PredictionError, match="no signal in this data"):
            model_publish(model=claim, user=None, actor=ACTOR)
        assert not Prediction.objects.exists()
