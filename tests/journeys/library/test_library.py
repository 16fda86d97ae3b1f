"""The library: every journey can be published, says one thing at a time, and knows what proves it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from hub.accounts.models import Account, Contact
from hub.outbox.rendering import render_message
from hub.people.models import Membership
from hub.registry.facts import known_facts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Playbook, Task
from journeys.drafts.services import journey_create
from journeys.drafts.trial import trial
from journeys.drafts.validation import validate_draft
from journeys.graph import Graph, load
from journeys.library import BY_KEY, LIBRARY, STAGES, ReadyJourney
from journeys.library.base import Proof
from journeys.models import Journey
from journeys.world import World
from tests.journeys import stage
from tests.world import ACTOR, make_account, make_contact, make_member, make_tenant

MESSAGES = ("email", "in_hub_message")
HOLES = ("Hi ,", "None", "nil", "“”", " .", " ,", "{{", "mailto:)", "()")
LINK = re.compile(r"<a\s")
Told = dict[str, Any]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """A tenant, a typical account and one of which nothing is known; made once and never committed."""
    with django_db_blocker.unblock(), transaction.atomic():
        tenant = make_tenant("library", settings=stage.EVERYWHERE)
        csm: Membership = make_member(tenant, "csm", password=None)
        with tenant_context(tenant):
            typical = make_account("Typical", owner_id=csm.user_id, signed_up_on=date(2025, 1, 1), seats=40)
            for role in ("champion", "executive_sponsor", "admin"):
                make_contact(typical, f"{role}@typical.example", name="Kim Park", roles=[role])
            bare = make_account("Bare")
            contact = Contact.objects.create(account=bare, email="x@bare.example", name="")
        yield {"tenant": tenant, "typical": typical, "bare": bare, "nameless": contact}
        transaction.set_rollback(True)


@pytest.fixture
def draft(world: dict[str, Any], db: None) -> Any:
    def make(ready: ReadyJourney) -> Journey:
        return journey_create(
            name=ready.name, purpose=ready.purpose.value, owner=ready.owner, source=f"library:{ready.key}", actor=ACTOR
        )

    return make


def messages(ready: ReadyJourney) -> list[dict[str, Any]]:
    return [node for node in ready.graph["nodes"] if node["kind"] in MESSAGES]


EVERY = pytest.mark.parametrize("ready", LIBRARY, ids=lambda ready: ready.key)
LETTERS = [(ready, node) for ready in LIBRARY for node in messages(ready)]
EACH = pytest.mark.parametrize(("ready", "node"), LETTERS, ids=[f"{r.key}:{n['id']}" for r, n in LETTERS])


@EVERY
def test_a_draft_from_the_library_has_nothing_to_mend(world: dict[str, Any], draft: Any, ready: ReadyJourney) -> None:
    with tenant_context(world["tenant"]):
        journey = draft(ready)
        found = validate_draft(journey, ready.graph, world["tenant"])
        assert [finding.text for finding in found.wrong] == []
        assert not [finding for finding in found.doubts if "no goal" in finding.text]


@EVERY
@pytest.mark.parametrize("account", ["typical", "bare"])
def test_it_walks_as_any_account(world: dict[str, Any], draft: Any, ready: ReadyJourney, account: str) -> None:
    tenant: Tenant = world["tenant"]
    with tenant_context(tenant):
        found = trial(draft(ready), ready.graph, tenant, world[account], {})
    assert found.ending
    assert not [(taken.node.id, taken.detail) for taken in found.taken if taken.outcome == "failed"]
    tasks = [taken for taken in found.taken if taken.node.kind.key == "task"]
    assert all(taken.task for taken in tasks)


@EACH
@pytest.mark.parametrize("account", ["typical", "bare"])
def test_a_message_has_one_action_and_no_holes(
    world: dict[str, Any], ready: ReadyJourney, node: dict[str, Any], account: str
) -> None:
    told: Account = world[account]
    with tenant_context(world["tenant"]):
        around = World(world["tenant"], [told.pk], timezone.now())
        people = around.contacts[told.pk]
        values = around.values(told.pk, people[0], None)
        rendered = render_message(subject=node.get("subject") or node["title"], body=node["body"], values=values)
    assert len(LINK.findall(rendered.html)) == 1, rendered.html
    assert rendered.subject.strip()
    told_to = " ".join(f"{rendered.subject} {rendered.text}".split())
    assert not [hole for hole in HOLES if hole in told_to], told_to


@EACH
def test_what_proves_its_action_is_waited_for(world: dict[str, Any], ready: ReadyJourney, node: dict[str, Any]) -> None:
    proof = ready.proofs[node["id"]]
    with tenant_context(world["tenant"]):
        graph = load(ready.graph, known_facts())
    assert proof.words
    assert bool(proof.signal) != bool(proof.fact)
    assert is_awaited(graph, node["id"], proof)


def is_awaited(graph: Graph, node_id: str, proof: Proof) -> bool:
    """Whether a step after the message waits for the signal, or asks for the fact, or a goal does."""
    for after in [graph.nodes[key] for key in graph.reachable(node_id)] + list(graph.goals):
        config = after.config
        arms = [arm.get("signal") for arm in config.get("arms", ())]
        if proof.signal and (config.get("signal") == proof.signal or proof.signal in arms):
            return True
        rules = [case.get("when") for case in config.get("cases", ())] + [config.get("when")]
        if proof.fact and any(f"'fact': '{proof.fact}'" in str(rule) for rule in rules):
            return True
    return False


@EVERY
def test_it_says_where_it_belongs_what_it_moves_and_how_its_tasks_are_done(ready: ReadyJourney) -> None:
    assert ready.stage in STAGES
    assert ready.owner in ("cs", "marketing")
    names = {"input", "accounts", "baseline", "expected_change", "by_when", "measure", "comparison"}
    assert set(ready.hypothesis) == names
    assert all(ready.hypothesis.values())
    named = {node.get("playbook") for node in ready.graph["nodes"] if node["kind"] == "task"}
    assert named == {spec.key for spec in ready.playbooks}
    assert set(ready.proofs) == {node["id"] for node in messages(ready)}
    for spec in ready.playbooks:
        assert len(spec.content.steps) >= 3
        assert spec.content.talk_track


def test_every_journey_of_the_library_has_a_key_of_its_own() -> None:
    assert len({ready.key for ready in LIBRARY}) == len(LIBRARY) == 20
    said: dict[str, Told] = {}
    for ready in LIBRARY:
        for spec in ready.playbooks:
            assert said.setdefault(spec.key, {"spec": spec})["spec"] == spec


def test_what_answers_a_decline_never_mentions_it() -> None:
    save = next(ready for ready in LIBRARY if ready.key == "save")
    for node in messages(save):
        words = f"{node.get('subject', '')} {node.get('title', '')} {node['body']}".lower()
        assert not [word for word in ("usage", "drop", "declin", "fell", "inactive", "noticed") if word in words]


def test_a_journey_brings_its_playbooks_and_leaves_those_that_were_edited(world: dict[str, Any], draft: Any) -> None:
    with tenant_context(world["tenant"]):
        ready = next(ready for ready in LIBRARY if ready.key == "escalation")
        draft(ready)
        Playbook.objects.filter(key="after-escalation").update(name="Ours")
        draft(ready)
        assert Playbook.objects.get(key="after-escalation").name == "Ours"


def test_a_step_opens_its_task_with_its_playbook_and_its_time(acme: Tenant) -> None:
    account = stage.set_up(acme)
    stage.decline(acme, account)
    stage.run(acme)
    with tenant_context(acme):
        task = Task.objects.select_related("playbook_version__playbook").get()
        assert task.playbook_version is not None
        assert task.playbook_version.playbook.key == "find-out-what-changed"
        assert task.respond_by == task.created_at + timedelta(hours=24)


def test_a_playbook_that_was_put_away_is_told_before_publishing(world: dict[str, Any], draft: Any) -> None:
    with tenant_context(world["tenant"]):
        journey = draft(BY_KEY["competitive"])
        Playbook.objects.filter(key="value-review").update(is_active=False)
        found = validate_draft(journey, BY_KEY["competitive"].graph, world["tenant"])
        told = [finding.node for finding in found.doubts if "value-review" in finding.text]
        Playbook.objects.filter(key="value-review").update(is_active=True)
    assert told == ["find-out", "escalate"]
