"""Experiments as accounts meet them: dealt once, kept, new with another share, and nothing for who is held out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from hub.accounts.models import Account, AccountFacts
from hub.outbox.models import Holdout, Message
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from journeys import working
from journeys.experiments.holdout import is_held_out
from journeys.experiments.models import Assignment, Experiment
from journeys.experiments.phases import HELD_OUT
from journeys.experiments.services import (
    ExperimentError,
    Plan,
    experiment_change,
    experiment_create,
    experiment_end,
    experiment_launch,
    holdout_set,
)
from journeys.models import Enrollment, Journey, StepRun
from tests.journeys import graphs, stage
from tests.world import ACTOR, make_account, make_contact

PLAN = Plan("Shorter", "A short subject is read by more", baseline=0.3, change=0.1)
SUBJECTS = [{"label": "as it is", "weight": 50}, {"label": "short", "weight": 50, "subject": "Hi"}]
MAIL = graphs.email(subject="Hello", arms=SUBJECTS)


def people(tenant: Tenant, number: int) -> list[Account]:
    graphs.world(tenant)
    with tenant_context(tenant):
        accounts = [make_account(f"account-{n}") for n in range(number)]
        for account in accounts:
            make_contact(account, roles=["champion"])
    return accounts


def enter(tenant: Tenant, accounts: list[Account], key: str = "one") -> None:
    for account in accounts:
        stage.tag_expansion(tenant, account, f"{key}-{account.name}")
    stage.run(tenant)


def begin(tenant: Tenant, journey: Journey, node_id: str = "mail", **more: Any) -> Experiment:
    with tenant_context(tenant):
        plan = Plan(**{name: getattr(PLAN, name) for name in Plan.__slots__} | more)
        experiment = experiment_create(journey=journey, node_id=node_id, plan=plan, actor=ACTOR)
        experiment_launch(experiment=experiment, planned=100, actor=ACTOR)
        return experiment


def dealt(tenant: Tenant) -> dict[str, int]:
    with tenant_context(tenant):
        return dict(Assignment.objects.values_list("account__name", "arm"))


def subjects(tenant: Tenant) -> dict[str, str]:
    with tenant_context(tenant):
        return dict(Message.objects.order_by("created_at").values_list("account__name", "subject"))


def test_each_account_gets_its_arm_and_keeps_it(acme: Tenant) -> None:
    accounts = people(acme, 8)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    begin(acme, journey)
    enter(acme, accounts)
    first = dealt(acme)
    assert set(first) == {account.name for account in accounts}
    assert subjects(acme) == {name: ("Hello", "Hi")[arm] for name, arm in first.items()}
    enter(acme, accounts, "two")
    assert dealt(acme) == first
    with tenant_context(acme):
        runs = StepRun.objects.filter(node_id="mail")
        assert {(run.enrollment.account.name, run.evidence["arm"]) for run in runs} == set(first.items())
        assert len(runs) == 16


def test_without_an_experiment_everybody_gets_the_step_itself(acme: Tenant) -> None:
    accounts = people(acme, 4)
    graphs.publish(acme, graphs.graph(MAIL))
    enter(acme, accounts)
    assert set(subjects(acme).values()) == {"Hello"}
    assert dealt(acme) == {}


def test_another_share_begins_a_new_phase_and_the_same_arms_do_not(acme: Tenant) -> None:
    accounts = people(acme, 3)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    experiment = begin(acme, journey)
    enter(acme, accounts)
    graphs.publish(acme, graphs.graph(graphs.email(subject="Hello", arms=SUBJECTS, topic="growth")))
    with tenant_context(acme):
        assert experiment.phases.count() == 1
    shares = [{**SUBJECTS[0], "weight": 10}, {**SUBJECTS[1], "weight": 90}]
    graphs.publish(acme, graphs.graph(graphs.email(subject="Hello", arms=shares)))
    enter(acme, accounts, "two")
    with tenant_context(acme):
        first, second = experiment.phases.order_by("number")
        assert first.ended_at is not None
        assert (second.number, second.weights) == (2, [10, 90])
        assert [phase.assignments.count() for phase in (first, second)] == [3, 3]


def test_an_experiment_whose_step_is_gone_ends(acme: Tenant) -> None:
    graphs.world(acme)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    experiment = begin(acme, journey)
    graphs.publish(acme, graphs.graph(graphs.email("other")))
    with tenant_context(acme):
        experiment.refresh_from_db()
    assert (experiment.status, experiment.why) == ("ended", "its step is gone from the journey")


def test_the_chosen_arm_is_what_everybody_gets_afterwards(acme: Tenant) -> None:
    accounts = people(acme, 3)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    experiment = begin(acme, journey)
    with tenant_context(acme):
        assert experiment_end(experiment=experiment, chosen=1, why="shown", actor=ACTOR)
    enter(acme, accounts)
    assert set(subjects(acme).values()) == {"Hi"}
    graphs.publish(acme, graphs.graph(graphs.email(subject="Anew", arms=SUBJECTS)))
    enter(acme, accounts, "two")
    assert set(subjects(acme).values()) == {"Anew"}


@pytest.mark.parametrize("by", ["tier", "mrr"])
def test_arms_are_balanced_within_strata(acme: Tenant, by: str) -> None:
    accounts = people(acme, 16)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    stage.evaluate(acme)
    with tenant_context(acme):
        for number, account in enumerate(accounts):
            told = {"tier": "Gold"} if number < 8 else {"tier": "Basic"}
            AccountFacts.objects.filter(account=account).update(mrr_minor=1000 * (number + 1), **told)
    begin(acme, journey, stratify=by)
    with tenant_context(acme):
        for account in accounts:
            Enrollment.objects.create(
                account=account, journey=journey, version=1, node_id="mail", due_at=account.created_at
            )
    working.drain(acme.pk)
    with tenant_context(acme):
        counted = Counter(Assignment.objects.values_list("stratum", "arm"))
    strata = {stratum for stratum, _ in counted}
    assert len(strata) == (2 if by == "tier" else 4)
    # Whole blocks of four: balanced exactly, where chance alone would seldom be.
    assert all(counted[stratum, 0] == counted[stratum, 1] for stratum in strata)


def test_waits_and_ways_differ_by_arm(acme: Tenant) -> None:
    accounts = people(acme, 12)
    waits = [{"label": "soon", "weight": 50, "rule": {"days": 1}}, {"label": "later", "weight": 50}]
    split = [{"label": "a", "weight": 50, "next": "end"}, {"label": "b", "weight": 50, "next": "pause"}]
    raw = graphs.graph(
        {"id": "ways", "kind": "split", "arms": split},
        graphs.node("wait", "pause", rule={"days": 9}, arms=waits),
    )
    journey = graphs.publish(acme, raw)
    for node_id in ("ways", "pause"):
        begin(acme, journey, node_id)
    enter(acme, accounts)
    with tenant_context(acme):
        ways = Assignment.objects.filter(phase__experiment__node_id="ways")
        resting = Enrollment.objects.filter(node_id="pause", status="active")
        assert {e.account_id for e in resting} == {a.account_id for a in ways if a.arm == 1}
        pauses = dict(Assignment.objects.filter(phase__experiment__node_id="pause").values_list("account_id", "arm"))
        days = {
            e.account_id: round((e.due_at - e.rests_since).total_seconds() / 86400)
            for e in resting
            if e.due_at and e.rests_since
        }
    assert {pk: (1, 9)[arm] for pk, arm in pauses.items()} == days


def test_who_is_held_out_gets_nothing_and_is_dealt_all_the_same(acme: Tenant) -> None:
    accounts = people(acme, 12)
    programme = graphs.email(subject="Hello", topic="growth", arms=SUBJECTS, **{"class": "programme"})
    journey = graphs.publish(acme, graphs.graph(programme))
    acme.settings = stage.EVERYWHERE | {"outbox": {**stage.EVERYWHERE["outbox"], "assume_consent": True}}
    acme.save(update_fields=["settings"])
    with tenant_context(acme):
        holdout_set(journey=journey, percent=50, actor=ACTOR)
    begin(acme, journey)
    whole = begin(acme, journey, "")
    enter(acme, accounts)
    held = {account.name for account in accounts if is_held_out(journey.pk, account.pk, 50)}
    with tenant_context(acme):
        rows = Message.objects.values_list("account__name", "reason")
        assert {name for name, reason in rows if reason == "holdout"} == held
        arms = Assignment.objects.exclude(phase__experiment=whole)
        assert {row.account.name for row in arms if row.held_out} == held
        journeys = Assignment.objects.filter(phase__experiment=whole)
        assert {row.account.name for row in journeys if row.arm == HELD_OUT} == held


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"hypothesis": " "}, "hypothesis"),
        ({"change": None}, "smallest change"),
        ({"measure": "adoption"}, "name of the event"),
    ],
)
def test_nothing_is_launched_before_it_says_what_is_expected(acme: Tenant, plan: dict[str, Any], words: str) -> None:
    graphs.world(acme)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    with pytest.raises(ExperimentError, match=words):
        begin(acme, journey, **plan)


def test_what_a_result_is_read_by_stays_as_it_was_registered(acme: Tenant) -> None:
    graphs.world(acme)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    experiment = begin(acme, journey)
    with tenant_context(acme), pytest.raises(ExperimentError, match="registered"):
        experiment_change(experiment=experiment, plan=PLAN, actor=ACTOR)
    with pytest.raises(ExperimentError, match="another experiment"):
        begin(acme, journey)


def test_an_experiment_needs_arms_that_are_published(acme: Tenant) -> None:
    graphs.world(acme)
    journey = graphs.publish(acme, graphs.graph(graphs.email()))
    with pytest.raises(ExperimentError, match="with the arms"):
        begin(acme, journey)
    with pytest.raises(ExperimentError, match="holds out"):
        begin(acme, journey, "")


def test_a_journeys_own_holdout_keeps_letters_back_and_gives_nobody_work(acme: Tenant) -> None:
    accounts = people(acme, 12)
    letter = graphs.email(subject="Hello", **{"class": "relationship"})
    sponsor = {"roles": ["executive_sponsor"], "fallback": "task"}
    journey = graphs.publish(acme, graphs.graph(letter | {"next": "other"}, graphs.email("other", to=sponsor)))
    with tenant_context(acme):
        holdout_set(journey=journey, percent=50, actor=ACTOR)
    enter(acme, accounts)
    held = {account.name for account in accounts if is_held_out(journey.pk, account.pk, 50)}
    others = {account.name for account in accounts} - held
    with tenant_context(acme):
        found = dict(Message.objects.values_list("account__name", "status"))
        assert {name for name, status in found.items() if status == "sent"} == others
        assert set(Message.objects.filter(status="withheld").values_list("reason", flat=True)) == {"holdout"}
        assert set(Task.objects.values_list("account__name", flat=True)) == others


def test_the_holdout_of_all_marketing_lets_letters_of_a_programme_through(acme: Tenant) -> None:
    (account,) = people(acme, 1)
    letter = graphs.email(subject="Hello", **{"class": "relationship"})
    programme = graphs.email("news", topic="growth", **{"class": "programme"})
    graphs.publish(acme, graphs.graph(letter | {"next": "news"}, programme))
    with tenant_context(acme):
        Holdout.objects.create(account=account, bucket=0, held_out=True)
    enter(acme, [account])
    with tenant_context(acme):
        assert dict(Message.objects.values_list("subject", "reason")) == {"Hello": "", "news": "holdout"}


def test_what_was_decided_last_holds(acme: Tenant) -> None:
    """The step itself, although an experiment before it had chosen an arm."""
    accounts = people(acme, 3)
    journey = graphs.publish(acme, graphs.graph(MAIL))
    for chosen in (1, None):
        experiment = begin(acme, journey)
        with tenant_context(acme):
            assert experiment_end(experiment=experiment, chosen=chosen, why="shown", actor=ACTOR)
    enter(acme, accounts)
    assert set(subjects(acme).values()) == {"Hello"}
