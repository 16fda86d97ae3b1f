"""Experiments from the first arm to the verdict, as a marketer clicks them and a program asks for them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.models import Account
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from journeys.drafts.selectors import current_draft
from journeys.experiments.kinds import Kind
from journeys.experiments.models import Assignment, Experiment, Phase
from journeys.experiments.phases import phase_begin
from journeys.experiments.selectors import standing
from journeys.experiments.services import Plan, experiment_create
from journeys.experiments.words import amount_words
from journeys.models import Enrollment, Journey
from tests.journeys import graphs
from tests.world import ACTOR, make_member

ARMS = [{"label": "As it is", "weight": 50}, {"label": "Short", "weight": 50, "subject": "Hi"}]


def staff(tenant: Tenant, role: str = "marketer") -> Client:
    client = Client()
    client.force_login(make_member(tenant, role, password=None).user)
    return client


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.fixture
def journey(acme: Tenant) -> Journey:
    graphs.world(acme)
    return graphs.publish(acme, graphs.graph(graphs.email(subject="Hello", arms=ARMS)))


def dealt(tenant: Tenant, journey: Journey, *arms: tuple[int, int], days: int = 20, **plan: Any) -> Experiment:
    """An experiment that was launched and dealt long ago; of each arm so many reached the goal, of so many accounts."""
    told = {"name": "Short", "hypothesis": "why", "baseline": 0.2, "change": 0.1, "window_days": 7, "horizon_days": 10}
    then = timezone.now() - timedelta(days=days)
    with tenant_context(tenant):
        made = experiment_create(journey=journey, node_id="mail", plan=Plan(**{**told, **plan}), actor=ACTOR)
        Experiment.objects.filter(pk=made.pk).update(status="running", started_at=then, planned=200)
        made.refresh_from_db()
        phase = phase_begin(made, "x", [{"label": label, "weight": 50} for label in ("As it is", "Short")])
        for arm, (goals, number) in enumerate(arms):
            accounts = Account.objects.bulk_create(Account(name=f"{arm}-{n}") for n in range(number))
            _enter(phase, accounts, goals, arm, then)
    return made


def _enter(phase: Phase, accounts: list[Account], goals: int, arm: int, then: Any) -> None:
    common = {"journey_id": phase.experiment.journey_id, "version": 1, "node_id": "end", "entered_at": then}
    ends = [("finished", "goal_met" if n < goals else "completed") for n in range(len(accounts))]
    made = [
        Enrollment(pk=uuid7(), account=account, status=status, reason=why, ended_at=then + timedelta(days=3), **common)
        for account, (status, why) in zip(accounts, ends, strict=True)
    ]
    Enrollment.objects.bulk_create(made)
    Assignment.objects.bulk_create(
        Assignment(phase=phase, account_id=e.account_id, enrollment_id=e.pk, arm=arm, assigned_at=then) for e in made
    )


def page_of(client: Client, experiment: Experiment, more: str = "") -> str:
    address = f"/t/acme/journeys/{experiment.journey_id}/experiments/{experiment.pk}/{more}"
    return flat(client.get(address).text)


# --- Setting up ---------------------------------------------------------------------------------------------------


def test_a_marketer_gives_a_step_arms_plans_and_launches(acme: Tenant) -> None:
    graphs.world(acme)
    journey = graphs.publish(acme, graphs.graph(graphs.email(subject="Hello")))
    client, base = staff(acme), f"/t/acme/journeys/{journey.pk}/experiments/"
    assert "no arms yet" in client.get(base).text
    typed = {"f.a0/label": "As it is", "f.a0/weight": "50", "f.a1/label": "Short", "f.a1/weight": "50", "seen": "0"}
    refused = client.post(f"{base}arms/mail/", {**typed, "f.a1/weight": "40", "count": "2"})
    assert refused.status_code == 422
    assert "add up to 90" in refused.text
    assert client.post(f"{base}arms/mail/", {**typed, "f.a1/subject": "Hi", "count": "2"}).status_code == 302
    with tenant_context(acme):
        graph = dict(current_draft(journey).graph)
    assert graph["nodes"][0]["arms"] == ARMS
    plan = {"node": "mail", "name": "Short", "measure": "goal", "baseline": "20", "change": "10"}
    made = client.post(f"{base}new/", plan)
    text = flat(client.get(made["Location"]).text)
    assert "294 in the smallest arm" in text
    assert "Say what you expect" in text
    assert "Publish the journey with the arms" in text
    graphs.publish(acme, graph)
    changed = {**plan, "hypothesis": "Short is read"}
    assert client.post(f"{made['Location']}plan/", changed).status_code == 302
    client.post(f"{made['Location']}act/", {"act": "launch"})
    with tenant_context(acme):
        experiment = Experiment.objects.get()
    assert (experiment.status, experiment.planned, experiment.change) == ("running", 588, 0.1)
    assert "Too few accounts yet" in client.get(made["Location"]).text
    client.post(f"{made['Location']}act/", {"act": "end", "chosen": "1", "why": "enough"})
    with tenant_context(acme):
        experiment.refresh_from_db()
    assert (experiment.status, experiment.chosen, experiment.why) == ("ended", 1, "enough")


def test_a_plan_that_makes_no_sense_says_so_and_keeps_what_was_typed(acme: Tenant, journey: Journey) -> None:
    client, address = staff(acme), f"/t/acme/journeys/{journey.pk}/experiments/new/"
    for wrong, words in (
        ({"change": "lots"}, "no number"),
        ({"window_days": "30", "horizon_days": "7"}, "window is over"),
    ):
        answer = client.post(address, {"name": "Mine", "measure": "goal", **wrong})
        assert answer.status_code == 422
        assert words in answer.text
        assert "Mine" in answer.text


def test_the_preview_shows_each_arm(acme: Tenant, journey: Journey) -> None:
    client = staff(acme, "csm")
    for arm, subject in (("", "Hello"), ("0", "Hello"), ("1", "Hi"), ("9", "Hello")):
        text = flat(client.get(f"/t/acme/journeys/{journey.pk}/preview/mail/", {"arm": arm}).text)
        assert f"Subject {subject} " in text


def test_the_holdout_of_a_journey_is_set_and_bounded(acme: Tenant, journey: Journey) -> None:
    client, base = staff(acme), f"/t/acme/journeys/{journey.pk}/experiments/"
    client.post(f"{base}holdout/", {"percent": "20"})
    client.post(f"{base}holdout/", {"percent": "80"})
    with tenant_context(acme):
        assert Journey.objects.get(pk=journey.pk).holdout_percent == 20
    assert "20% of the accounts" in client.get(base).text


# --- Reading out --------------------------------------------------------------------------------------------------


def test_a_result_says_what_the_difference_is_worth(acme: Tenant, journey: Journey) -> None:
    experiment = dealt(acme, journey, (8, 60), (32, 60))
    text = page_of(staff(acme), experiment)
    assert "Short − As it is: +40.0 points" in text
    assert "“Short” does better than “As it is”." in text
    assert "13.3%" in text


def test_no_difference_says_what_would_have_been_found(acme: Tenant, journey: Journey) -> None:
    text = page_of(staff(acme), dealt(acme, journey, (8, 40), (9, 40)))
    assert re.search(r"No difference is shown\. One of \d+\.\d points or more", text)
    assert "does better" not in text


def test_so_few_accounts_that_nothing_could_be_shown_are_told_so(acme: Tenant, journey: Journey) -> None:
    text = page_of(staff(acme), dealt(acme, journey, (1, 2), (1, 2)))
    assert "so few accounts could hardly show any" in text


def test_a_deal_that_is_off_hides_every_figure(acme: Tenant, journey: Journey) -> None:
    text = page_of(staff(acme), dealt(acme, journey, (1, 10), (30, 50)))
    assert "The deal is off" in text
    assert "points" not in text


def test_nothing_is_read_before_its_day(acme: Tenant, journey: Journey) -> None:
    text = page_of(staff(acme), dealt(acme, journey, (8, 40), (22, 40), days=20, horizon_days=60))
    assert "Read once, on" in text
    assert "points" not in text


def test_read_at_any_time_the_interval_is_wider(acme: Tenant, journey: Journey) -> None:
    fixed = dealt(acme, journey, (8, 60), (32, 60))
    with tenant_context(acme):
        once = standing(fixed).result
        fixed.reading = "sequential"
        always = standing(fixed).result
    assert once
    assert always
    assert always.comparisons[0].difference.low < once.comparisons[0].difference.low
    assert always.comparisons[0].difference.excludes_zero


def test_accounts_whose_window_is_not_over_wait(acme: Tenant, journey: Journey) -> None:
    experiment = dealt(acme, journey, (2, 5), (2, 5), days=3)
    with tenant_context(acme):
        found = standing(experiment)
    assert (list(found.counts), list(found.mature)) == ([5, 5], [0, 0])


def test_the_list_asks_no_more_for_many_than_for_one(acme: Tenant, journey: Journey) -> None:
    client = staff(acme, "leader")
    asked = []
    for number in (1, 19):
        with tenant_context(acme):
            for n in range(number):
                experiment_create(journey=journey, node_id="", plan=Plan(f"{number}-{n}"), actor=ACTOR)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/t/acme/journeys/experiments/").status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_no_link_of_these_pages_leads_nowhere(acme: Tenant, journey: Journey) -> None:
    client, experiment = staff(acme), dealt(acme, journey, (2, 4), (2, 4))
    base = "/t/acme/journeys"
    mine = f"{base}/{journey.pk}/experiments/"
    ways = [f"{base}/experiments/", f"{base}/experiments/size/", mine, f"{mine}arms/mail/", f"{mine}new/?node=mail"]
    for address in [*ways, f"{mine}{experiment.pk}/"]:
        links = re.findall(r'<a\b[^>]*\shref="([^"]*)"', client.get(address).text)
        assert links
        assert "" not in links


def test_the_sample_size_page_reckons_and_says_what_cannot_be(acme: Tenant, journey: Journey) -> None:
    client = staff(acme, "csm")
    address = "/t/acme/journeys/experiments/size/"
    text = flat(client.get(address, {"baseline": "60", "change": "10"}).text)
    assert "356 in each arm" in text
    assert "lie between 0 and 100" in client.get(address, {"baseline": "95", "change": "10"}).text
    assert "alpha is a number" in client.get(address, {"alpha": "x"}).text.lower()
    assert client.get(address, {"change": "1e-200"}).status_code == 200


# --- Programs -----------------------------------------------------------------------------------------------------


def test_a_program_plans_and_reads_experiments(acme: Tenant, journey: Journey) -> None:
    key = credential_create(tenant=acme, name="program", actor=ACTOR)[1]
    client = Client(headers={"authorization": f"Bearer {key}"})
    plan: dict[str, Any] = {"journey": "mine", "node": "mail", "name": "By program", "launch": True}

    def post(**more: Any) -> Any:
        return client.post("/api/v1/experiments", {**plan, **more}, "application/json")

    refused = post()
    assert refused.status_code == 409
    assert "hypothesis" in refused.json()["detail"]
    with tenant_context(acme):
        assert not Experiment.objects.exists()
    assert post(measure="luck").status_code == 400
    assert post(journey="none").status_code == 404
    for bad in ("NaN", "Infinity", 1e308):
        assert post(measure="usage", baseline=bad, change=1).status_code == 400
        assert post(measure="usage", baseline=1, change=bad).status_code == 400
    made = post(hypothesis="Short is read", baseline=0.2, change=0.1)
    assert made.status_code == 201
    assert (made.json()["status"], made.json()["planned"]) == ("running", 588)
    told = client.get(f"/api/v1/experiments/{made.json()['id']}").json()
    assert told["result"]["state"] == "few"
    assert [arm["name"] for arm in told["result"]["arms"]] == ["As it is", "Short"]
    listed = client.get("/api/v1/experiments?status=running&journey=mine").json()
    assert [row["name"] for row in listed["results"]] == ["By program"]


def test_a_program_gets_the_result_with_its_interval(acme: Tenant, journey: Journey) -> None:
    experiment = dealt(acme, journey, (8, 60), (32, 60))
    key = credential_create(tenant=acme, name="program", actor=ACTOR)[1]
    address = f"/api/v1/experiments/{experiment.pk}"
    told = Client(headers={"authorization": f"Bearer {key}"}).get(address).json()["result"]
    assert told["comparisons"][0]["verdict"] == "better"
    assert told["comparisons"][0]["interval"]["low"] > 0.2
    assert told["arms"][1]["value"] == pytest.approx(32 / 60)


def test_money_is_typed_and_shown_in_the_tenants_currency(acme: Tenant, journey: Journey) -> None:
    plan = {
        "name": "More seats", "hypothesis": "why", "measure": "expansion", "baseline": "50", "change": "12.5",
        "window_days": "30", "horizon_days": "60", "alpha": "5", "power": "80", "reading": "fixed",
    }  # fmt: skip
    client, node = staff(acme), current_node(acme, journey)
    made = client.post(f"/t/acme/journeys/{journey.pk}/experiments/new/", plan | {"node": node})
    assert made.status_code == 302
    with tenant_context(acme):
        kept = Experiment.objects.get()
        assert (kept.baseline, kept.change) == (5000, 1250)
    page = client.get(f"{made['Location']}plan/").text
    assert 'name="change" inputmode="decimal" value="12.5"' in page
    assert f"money in {acme.currency}" in page
    assert amount_words(123456, Kind.AMOUNT, money="USD", sign=True) == "+1,234.56 USD"
    assert amount_words(-1234, Kind.AMOUNT, money="JPY") == "−1,234 JPY"


def current_node(tenant: Tenant, journey: Journey) -> str:
    with tenant_context(tenant):
        graph = current_draft(journey).graph
    return next(str(node["id"]) for node in graph["nodes"] if node.get("arms"))
